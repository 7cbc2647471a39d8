"""Address pools for overlays that are clear of everything the hosts can reach. Pure."""

import ipaddress
from collections.abc import Iterable

from provision.errors import UsageError
from provision.model.facts import Known
from provision.model.observed import HostFacts

_CANDIDATES = (
    "10.0.0.0/8",  # Docker's own default: nothing is passed then
    "10.20.0.0/16",
    "10.120.0.0/16",
    "10.220.0.0/16",
    "172.24.0.0/14",
    "172.28.0.0/14",
    "192.168.128.0/17",
)
DEFAULT = _CANDIDATES[0]


def choose_pool(facts: Iterable[HostFacts]) -> tuple[str, ...]:
    """The first candidate that overlaps no route, address or nameserver of any host.

    Returns:
        an empty tuple where Docker's default (10.0.0.0/8) will do.
    """
    taken = {net for f in facts for net in _taken(f)}
    for candidate in _CANDIDATES:
        pool = ipaddress.ip_network(candidate)
        if not any(pool.overlaps(t) for t in taken):
            return () if candidate == DEFAULT else (candidate,)
    raise UsageError(
        "no address pool for overlay networks is clear of the hosts' routes",
        why=", ".join(sorted(map(str, taken))),
        hint="name one that the hosts need not reach: `swarm: {default_addr_pool: [CIDR]}`",
    )


def _taken(facts: HostFacts) -> Iterable[ipaddress.IPv4Network]:
    for text in _texts(facts):
        parsed = ipaddress.ip_network(text, strict=False)
        if isinstance(parsed, ipaddress.IPv4Network) and parsed.prefixlen > 0:
            yield parsed


def _texts(facts: HostFacts) -> Iterable[str]:
    if isinstance(facts.routes, Known):
        yield from (r.destination for r in facts.routes.value)
    if isinstance(facts.interfaces, Known):
        yield from (a for i in facts.interfaces.value for a in i.addresses)
    if isinstance(facts.nameservers, Known):
        yield from facts.nameservers.value
