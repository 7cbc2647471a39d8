"""iptables, in whichever of its backends the filtering rules are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from provision.firewalls.netfilter import doors
from provision.model.actions import Step
from provision.model.facts import Fact, Known
from provision.model.firewall import SWARM_PORTS
from provision.model.netfilter import Ruleset, Verdicts, parse_save, verdicts
from provision.model.observed import FirewallState, Rule


class Iptables:
    """iptables while it filters what comes in, or holds rules of ours."""

    name = "iptables"
    # iptables-legacy makes the tables it is asked for: the kernel is asked first which there are.
    script: ClassVar[str] = (
        r"""
if command -v iptables-nft-save >/dev/null; then
    echo '@@ iptables-nft'; iptables-nft-save -t filter 2>&1
    echo '@@ ip6tables-nft'; ip6tables-nft-save -t filter 2>&1
fi
for family in ip ip6; do
    echo "@@ $family tables"; cat /proc/net/${family}_tables_names 2>/dev/null
    if grep -qx filter /proc/net/${family}_tables_names 2>/dev/null; then
        save=$(command -v ${family}tables-legacy-save || command -v ${family}tables-save) &&
            echo "@@ ${family}tables-legacy" && $save -t filter 2>&1
    fi
done
"""
        + doors.BOOT_SCRIPT
    )

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """In force when something is refused, or when rules of ours are in it."""
        unread = unreadable(reading)
        if unread:
            return Known(FirewallState(self.name, supported=False, filtering=True, detail=unread))
        found = backends(reading)
        return Known(_joined(found, reading)) if found else None

    def open(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Before all others, and again at boot."""
        return doors.opened(state, cluster, rules)

    def close(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Nothing of anybody else's."""
        return doors.closed(state, cluster, rules)

    def commands(
        self, state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """The same rules by hand, for this boot."""
        return doors.typed(state, cluster, rules, close=close)


def unreadable(reading: Mapping[str, str]) -> str:
    """Why a table in force cannot be read, or nothing."""
    for family in ("ip", "ip6"):
        held = "filter" in reading.get(f"{family} tables", "").split()
        if held and f"{family}tables-legacy" not in reading:
            return f"the kernel holds a legacy {family}tables filter and no tool here can read it"
    if "incompatible" in reading.get("iptables-nft", ""):
        return "table ip filter was made by nft and iptables cannot read it"
    return ""


def backends(reading: Mapping[str, str]) -> dict[str, FirewallState]:
    """The state of each variant in which something matters."""
    states = {variant: _variant(reading, variant) for variant in ("nft", "legacy")}
    return {variant: state for variant, state in states.items() if state is not None}


def _variant(reading: Mapping[str, str], variant: str) -> FirewallState | None:
    """One backend, both families; None when nothing in it matters."""
    four = verdicts(_ruleset(reading, f"iptables-{variant}"))
    six = verdicts(_ruleset(reading, f"ip6tables-{variant}"), v6=True)
    ours = any(rule.ours for rule in (*four.accepts, *six.accepts))
    if not (four.filtering or six.filtering or four.drops or six.drops or ours):
        return None
    return FirewallState(
        "iptables",
        filtering=four.filtering,
        filtering_v6=six.filtering,
        rules=tuple(dict.fromkeys((*four.accepts, *six.accepts))),
        drops=tuple(dict.fromkeys((*_on_swarm(four), *_on_swarm(six)))),
        dropped=tuple(rule for rule, _ in (*four.drops, *six.drops)),
        variant=variant,
    )


def _ruleset(reading: Mapping[str, str], name: str) -> Ruleset:
    return parse_save(reading.get(name, ""))


def _on_swarm(found: Verdicts) -> Iterator[str]:
    return (line for rule, line in found.drops if rule.port in SWARM_PORTS)


def _joined(found: Mapping[str, FirewallState], reading: Mapping[str, str]) -> FirewallState:
    """A packet must pass every backend: only what all of them accept is open."""
    states = list(found.values())
    open_in_all = [r for r in states[0].rules if all(r in s.rules for s in states[1:])]
    return FirewallState(
        "iptables",
        filtering=any(s.filtering for s in states),
        filtering_v6=any(s.filtering_v6 for s in states),
        rules=tuple(open_in_all),
        drops=tuple(line for s in states for line in s.drops),
        dropped=tuple(rule for s in states for rule in s.dropped),
        variant="+".join(found),
        persistent=doors.persistent(open_in_all, reading),
        detail=f"iptables ({' and '.join(found)}) holds rules on INPUT",
    )
