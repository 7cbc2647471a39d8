"""What a firewall driver must answer, and when one rule makes another superfluous."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from provision.model.actions import Step
from provision.model.facts import Fact
from provision.model.observed import FirewallState, Rule

SWARM_PORTS = frozenset({2377, 7946, 4789})
_MARK = "swarmlay:"


def comment(cluster: str) -> str:
    """The comment that our rules carry."""
    return f"{_MARK}{cluster}"


def cluster_of(found: str) -> str:
    """The cluster that a rule's comment names, or nothing when the rule is not ours."""
    return found.removeprefix(_MARK) if found.startswith(_MARK) else ""


class Firewall(Protocol):
    """A host firewall: how to recognise it, read it, open it for peers and close it again."""

    @property
    def name(self) -> str:
        """The name that `FirewallState.backend` has when it is in force."""
        ...

    script: ClassVar[str]
    """A read-only sh script; it prints sections (``@@ title``) for *recognise* of any member."""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """Its state from the sections of all members; None when it is not in force."""
        ...

    def open(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Steps after which *rules* accept, now and after a reboot."""
        ...

    def close(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Steps that take back *rules*, which are ours, and nothing else."""
        ...

    def commands(
        self, state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """What a person would type for the same effect."""
        ...


def covers(have: Rule, want: Rule) -> bool:
    """Whether *have* means everything that *want* means."""
    protocol = have.protocol in ("any", want.protocol)
    return protocol and have.port in (0, want.port) and contains(have.source, want.source)


def overlaps(one: Rule, other: Rule) -> bool:
    """Whether some packet is meant by both rules."""
    protocol = one.protocol == other.protocol or "any" in (one.protocol, other.protocol)
    port = one.port == other.port or 0 in (one.port, other.port)
    sources = contains(one.source, other.source) or contains(other.source, one.source)
    return protocol and port and sources


def contains(network: str, part: str) -> bool:
    """Whether *part* lies within *network*; addresses of two families never do."""
    outer = ipaddress.ip_network(network, strict=False)
    inner = ipaddress.ip_network(part, strict=False)
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def is_v6(source: str) -> bool:
    """Whether *source* is an IPv6 address or network."""
    return ":" in source


def address(source: str) -> str:
    """*source* in CIDR form, without the host's own bits."""
    return str(ipaddress.ip_network(source, strict=False))
