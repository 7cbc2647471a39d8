"""What a lab is asked to be, and the names its parts get on the machine: pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from provision.errors import UsageError

Suite: TypeAlias = Literal["bookworm", "trixie"]
Role: TypeAlias = Literal["manager", "worker"]

DEFAULT_NAME = "demo"
SSH_USER = "debian"
MOST_HOSTS = 99

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One host that is wanted; *short* is what fits into an interface name."""

    name: str
    role: Role
    short: str


@dataclass(frozen=True, slots=True)
class LabSpec:
    """A lab that is wanted.

    Attributes:
        name: labels everything the lab makes on the machine.
        managers: hosts of role manager. workers: hosts of role worker.
        suite: the Debian release of all hosts.
    """

    name: str = DEFAULT_NAME
    managers: int = 1
    workers: int = 2
    suite: Suite = "bookworm"

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.suite not in get_args(Suite):
            raise UsageError(
                f"there is no lab of suite {self.suite!r}", hint="choose bookworm or trixie"
            )
        if self.managers < 1 or self.workers < 0 or self.managers + self.workers > MOST_HOSTS:
            raise UsageError(
                f"a lab has 1 to {MOST_HOSTS} hosts, at least one of them a manager",
                why=f"{self.managers} managers and {self.workers} workers were asked for",
            )

    @classmethod
    def of(cls, name: str, hosts: int, suite: str, managers: int = 1) -> "LabSpec":
        """As the command line counts: *hosts* in all, *managers* of them managers."""
        return cls(name, managers, hosts - managers, suite)  # type: ignore[arg-type]

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        """The hosts in the order of their addresses: managers first."""
        return (*_named("manager", self.managers), *_named("worker", self.workers))


def check_name(name: str) -> str:
    """*name* if a lab may be called that.

    Raises:
        UsageError: it cannot stand in host names, paths and comments.
    """
    if _NAME.fullmatch(name):
        return name
    raise UsageError(
        f"{name!r} cannot name a lab", hint="use up to 30 of a-z, 0-9 and '-', such as demo"
    )


def tag(lab: str) -> str:
    """The lab's name in seven characters: interface names have room for fifteen."""
    room = 7
    if len(lab) <= room:
        return lab
    return lab[:3] + hashlib.sha256(lab.encode()).hexdigest()[:4]


def bridge_name(lab: str) -> str:
    """The lab's bridge on the machine."""
    return f"swl-{tag(lab)}"


def link_name(lab: str, short: str) -> str:
    """The machine's end of a host's cable; names of labs hold no '_', so it is unambiguous."""
    return f"swl-{tag(lab)}_{short}"


def scope_name(lab: str, host: str) -> str:
    """A host's network namespace and cgroups; names hold no '.', so it is unambiguous."""
    return f"swarmlay.{lab}.{host}"


def rule_comment(lab: str) -> str:
    """The comment on each of the lab's iptables rules."""
    return f"swarmlay lab {lab}"


def _named(role: Role, count: int) -> tuple[HostSpec, ...]:
    if role == "manager" and count == 1:
        return (HostSpec("manager", role, "m1"),)
    return tuple(HostSpec(f"{role}-{n}", role, f"{role[0]}{n}") for n in range(1, count + 1))
