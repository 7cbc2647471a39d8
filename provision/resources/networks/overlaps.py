"""Which addresses are taken already."""

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

from provision.model.context import Context
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.observed import NetworkFact

Range: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def overlap(
    context: Context,
    shown: str,
    subnets: Iterable[str | None],
    networks: Iterable[NetworkFact],
    hosts: Iterable[Host],
) -> tuple[str, str] | None:
    """What is in the way of a new network's subnets, and what to do."""
    others, asked = tuple(networks), tuple(hosts)
    for subnet in subnets:
        taken = subnet and _taken_by(context, ipaddress.ip_network(subnet), others, asked)
        if taken:
            return (
                f"subnet {subnet} of network {shown} overlaps {taken}",
                "choose another subnet, or leave it out: Docker then picks a free one",
            )
    return None


def _taken_by(
    context: Context, subnet: Range, networks: Iterable[NetworkFact], hosts: Iterable[Host]
) -> str:
    for other in networks:
        if any(_overlaps(subnet, s) for s in other.subnets):
            return f"network {other.name} ({', '.join(other.subnets)})"
    for host in hosts:
        routes = context.facts(host.name).routes
        for route in routes.value if isinstance(routes, Known) else ():
            if not route.destination.endswith("/0") and _overlaps(subnet, route.destination):
                return f"the route to {route.destination} on {host.name} (dev {route.device})"
    return ""


def _overlaps(subnet: Range, other: str) -> bool:
    there = ipaddress.ip_network(other, strict=False)
    if isinstance(subnet, ipaddress.IPv4Network) and isinstance(there, ipaddress.IPv4Network):
        return subnet.overlaps(there)
    if isinstance(subnet, ipaddress.IPv6Network) and isinstance(there, ipaddress.IPv6Network):
        return subnet.overlaps(there)
    return False
