"""What a lab is asked to be, and the names its parts get on the machine: pure."""

import hashlib
import re
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal, TypeAlias, get_args

from provision.errors import UsageError

Suite: TypeAlias = Literal["bullseye", "bookworm", "trixie"]
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
    suite: Suite = "bookworm"


@dataclass(frozen=True, slots=True)
class LabSpec:
    """A lab that is wanted.

    Attributes:
        name: labels everything the lab makes on the machine.
        managers: hosts of role manager. workers: hosts of role worker.
        suite: the Debian release of all hosts, or several with commas between: the hosts take
            them in turn.
    """

    name: str = DEFAULT_NAME
    managers: int = 1
    workers: int = 2
    suite: str = "bookworm"

    def __post_init__(self) -> None:
        check_name(self.name)
        known = get_args(Suite)
        if unknown := [suite for suite in self.suite.split(",") if suite not in known]:
            raise UsageError(
                f"there is no lab of suite {unknown[0]!r}",
                hint=f"choose {', '.join(known)}, or several of them with commas between",
            )
        if self.managers < 1 or self.workers < 0 or self.managers + self.workers > MOST_HOSTS:
            raise UsageError(
                f"a lab has 1 to {MOST_HOSTS} hosts, at least one of them a manager",
                why=f"{self.managers} managers and {self.workers} workers were asked for",
            )

    @classmethod
    def of(cls, name: str, hosts: int, suite: str, managers: int = 1) -> "LabSpec":
        """As the command line counts: *hosts* in all, *managers* of them managers."""
        return cls(name, managers, hosts - managers, suite)

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        """The hosts in the order of their addresses: managers first."""
        named = (*_named("manager", self.managers), *_named("worker", self.workers))
        suites = islice(cycle(self.suite.split(",")), len(named))
        return tuple(
            HostSpec(name, role, short, suite)  # type: ignore[arg-type]  # checked above
            for (name, role, short), suite in zip(named, suites, strict=True)
        )

    @property
    def suites(self) -> tuple[Suite, ...]:
        """Each release that some host has, once."""
        return tuple(dict.fromkeys(host.suite for host in self.hosts))


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


def _named(role: Role, count: int) -> tuple[tuple[str, Role, str], ...]:
    """Name, role and short name of *count* hosts."""
    if role == "manager" and count == 1:
        return (("manager", role, "m1"),)
    return tuple((f"{role}-{n}", role, f"{role[0]}{n}") for n in range(1, count + 1))
