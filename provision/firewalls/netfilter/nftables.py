"""Native nftables: rules of ours at the head of every base chain that refuses.

Tables that iptables-nft keeps (``table ip filter`` …) are read as iptables; where both filter, a
packet has to pass both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from provision.firewalls.netfilter import doors
from provision.firewalls.netfilter.iptables import backends
from provision.firewalls.netfilter.ruleset import Table, as_saved, tables, verbatim
from provision.model.actions import Step
from provision.model.facts import Fact, Known
from provision.model.firewall import SWARM_PORTS, is_v6
from provision.model.netfilter import Verdicts, verdicts
from provision.model.observed import FirewallState, Rule

_IPTABLES: Final = frozenset({"filter", "nat", "mangle", "raw", "security"})
_NOT_OURS_TO_JUDGE: Final = frozenset({"docker-bridges", "firewalld"})
_V4: Final = frozenset({"ip", "inet", "netdev"})
_V6: Final = frozenset({"ip6", "inet", "netdev"})


@dataclass(frozen=True, slots=True)
class _Door:
    """A base chain, and what it does to either family; None: it never sees that one.

    Attributes:
        said: lines of the verdicts, as nft has them.
    """

    name: doors.Door
    four: Verdicts | None
    six: Verdicts | None
    said: Mapping[str, str]

    @property
    def seen(self) -> tuple[Verdicts, ...]:
        """The verdicts there are."""
        return tuple(found for found in (self.four, self.six) if found is not None)

    @property
    def matters(self) -> bool:
        """It refuses something, or holds a rule of ours."""
        ours = any(rule.ours for found in self.seen for rule in found.accepts)
        return ours or any(found.filtering or _about_us(found) for found in self.seen)

    def accepts(self, rule: Rule) -> bool:
        """Whether it lets *rule*'s packets pass."""
        found = self.six if is_v6(rule.source) else self.four
        return found is None or rule in found.accepts


class Nftables:
    """A ruleset written for nft, while it refuses what comes in or holds rules of ours."""

    name = "nftables"
    script: ClassVar[str] = r"""
echo '@@ nft'; ! command -v nft >/dev/null || nft --numeric-protocol list ruleset 2>/dev/null
"""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """In force when a native table refuses what comes in."""
        found = [door for door in _doors(reading) if door.matters]
        return Known(_state(found, reading)) if found else None

    def open(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """At every door, and again at boot."""
        return doors.opened(state, cluster, rules)

    def close(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Nothing of anybody else's."""
        return doors.closed(state, cluster, rules)

    def commands(
        self, state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """The same rules by hand, for this boot."""
        return doors.typed(state, cluster, rules, close=close)


def _doors(reading: Mapping[str, str]) -> Iterator[_Door]:
    """Every base chain that incoming packets pass."""
    compatible = "iptables-nft" in reading and "incompatible" not in reading["iptables-nft"]
    for table in tables(reading.get("nft", "")):
        kept = compatible and table.family in ("ip", "ip6") and table.name in _IPTABLES
        if kept or table.name in _NOT_OURS_TO_JUDGE:
            continue
        for name, chain in table.chains.items():
            if chain.hooked:
                yield _door(table, name)


def _door(table: Table, chain: str) -> _Door:
    four = verdicts(as_saved(table, chain, v6=False)) if table.family in _V4 else None
    six = verdicts(as_saved(table, chain, v6=True), v6=True) if table.family in _V6 else None
    return _Door(f"{table.family} {table.name} {chain}", four, six, verbatim(table, chain))


def _about_us(found: Verdicts) -> bool:
    """fail2ban's drop of port 22, say, does not concern the swarm."""
    return any(_is_ours(rule) for rule, _ in found.drops)


def _is_ours(rule: Rule) -> bool:
    return rule.port in SWARM_PORTS or rule.protocol == "esp" or rule.port == 0


def _state(found: Sequence[_Door], reading: Mapping[str, str]) -> FirewallState:
    """A packet must pass every door: only what all of them accept is open."""
    beside = backends(reading)
    rules = [
        rule
        for rule in dict.fromkeys(rule for door in found for v in door.seen for rule in v.accepts)
        if all(door.accepts(rule) for door in found)
        and all(rule in state.rules for state in beside.values())
    ]
    drops = [
        (rule, door.said.get(line, line))
        for door in found
        for v in door.seen
        for rule, line in v.drops
    ]
    names = [door.name for door in found]
    return FirewallState(
        "nftables",
        filtering=_filtering(door.four for door in found)
        or any(s.filtering for s in beside.values()),
        filtering_v6=_filtering(door.six for door in found)
        or any(s.filtering_v6 for s in beside.values()),
        rules=tuple(rules),
        drops=tuple(dict.fromkeys(line for rule, line in drops if rule.port in SWARM_PORTS)),
        dropped=tuple(rule for rule, _ in drops),
        variant="+".join([*names, *beside]),
        persistent=doors.persistent(rules, reading),
        detail=f"nftables ({', '.join([*names, *(f'iptables-{name}' for name in beside)])})",
    )


def _filtering(found: Iterator[Verdicts | None]) -> bool:
    return any(verdict is not None and verdict.filtering for verdict in found)
