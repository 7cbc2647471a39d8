"""Firewalls we can read and open. The first that recognises itself is in force.

To support another one: write a file, add it to `FIREWALLS`. Those that are only recognised block
their host: a firewall that is not understood is never taken for none.
"""

from collections.abc import Iterable

from provision.firewalls.firewalld import Firewalld
from provision.firewalls.netfilter.iptables import Iptables
from provision.firewalls.netfilter.nftables import Nftables
from provision.firewalls.none import Nothing
from provision.firewalls.ufw import Ufw
from provision.model.facts import Fact, Unknown
from provision.model.firewall import Firewall, address, covers, is_v6, overlaps
from provision.model.observed import FirewallState, Rule
from provision.model.probes import Answer, Probe, excerpt, sections

FIREWALLS: tuple[Firewall, ...] = (Firewalld(), Nftables(), Ufw(), Iptables(), Nothing())


def parse(answer: Answer) -> Fact[FirewallState]:
    """The state of the first firewall that is in force."""
    reading = sections(answer.stdout)
    if "end" not in reading:
        return Unknown(f"the firewalls could not be read: {excerpt(answer.stdout)}")
    states = (firewall.recognise(reading) for firewall in FIREWALLS)
    return next((state for state in states if state), Unknown("no firewall recognised itself"))


PROBE = Probe(
    "firewall",
    "\n".join([*(firewall.script.strip() for firewall in FIREWALLS), "echo '@@ end'"]),
    parse,
)


def firewall_for(state: FirewallState) -> Firewall | None:
    """The driver of the firewall in force, or None where it is recognised but not supported."""
    if not state.supported:
        return None
    return next((f for f in FIREWALLS if f.name == state.backend), None)


def missing(state: FirewallState, wanted: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those of *wanted* that would not get in now, or not after a reboot."""
    lasting = [rule for rule in state.rules if state.persistent or not rule.ours]
    return tuple(
        want
        for want in wanted
        if _refused(state, want) and not any(covers(have, want) for have in lasting)
    )


def _refused(state: FirewallState, want: Rule) -> bool:
    """Whether *want* needs a rule at all."""
    filtering = state.filtering_v6 if is_v6(want.source) else state.filtering
    return filtering or any(overlaps(drop, want) for drop in state.dropped)


def surplus(state: FirewallState, wanted: Iterable[Rule], cluster: str) -> tuple[Rule, ...]:
    """Rules of ours for *cluster* that nobody wants any more."""
    kept = {(want.port, want.protocol, address(want.source)) for want in wanted}
    mine = [rule for rule in state.rules if rule.ours and rule.cluster == cluster]
    return tuple(r for r in mine if (r.port, r.protocol, address(r.source)) not in kept)
