"""Interfaces, routes and name servers."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Interface, Route
from provision.model.probes import Answer, Probe, excerpt, sections

SCRIPT = r"""
echo '@@ addresses'; ip -j addr
echo '@@ routes'; ip -j -4 route
echo '@@ routes6'; ip -j -6 route
echo '@@ resolv'; cat /etc/resolv.conf
"""


def parse(answer: Answer) -> Fact[Mapping[str, Fact[Any]]]:
    """Read iproute2's JSON and resolv.conf; each of the three facts stands alone."""
    found = sections(answer.stdout)
    return Known(
        {
            "interfaces": _interfaces(found.get("addresses", "")),
            "routes": _routes(found.get("routes", ""), found.get("routes6", "")),
            "nameservers": _nameservers(found.get("resolv", "")),
        }
    )


def _interfaces(text: str) -> Fact[tuple[Interface, ...]]:
    try:
        return Known(tuple(_interface(link) for link in json.loads(text) if "ifname" in link))
    except (ValueError, KeyError, TypeError) as error:
        return Unknown(f"ip addr: {excerpt(text) or error}")


def _interface(link: Mapping[str, Any]) -> Interface:
    return Interface(
        name=link["ifname"],
        mtu=int(link["mtu"]),
        mac=link.get("address", ""),
        up="UP" in link.get("flags", ()),
        addresses=tuple(
            f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if "local" in a
        ),
    )


def _routes(*texts: str) -> Fact[tuple[Route, ...]]:
    try:
        found = [
            _route(route, anywhere)
            for text, anywhere in zip(texts, ("0.0.0.0/0", "::/0"), strict=True)
            for route in _hops(json.loads(text) if text.strip() else [])
        ]
    except (ValueError, KeyError, TypeError) as error:
        return Unknown(f"ip route: {excerpt(''.join(texts)) or error}")
    return Known(tuple(found))


def _hops(routes: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Each route that leads out of a device; one of several next hops counts as its own."""
    for route in routes:
        hops = route.get("nexthops") or [route]
        yield from ({**route, **hop} for hop in hops if "dev" in hop)


def _route(route: Mapping[str, Any], anywhere: str) -> Route:
    return Route(
        destination=_destination(route["dst"], anywhere),
        device=route["dev"],
        gateway=route.get("gateway", ""),
        source=route.get("prefsrc", ""),
    )


def _destination(words: str, anywhere: str) -> str:
    if words == "default":
        return anywhere
    return words if "/" in words else f"{words}/{128 if ':' in words else 32}"


def _nameservers(text: str) -> Fact[tuple[str, ...]]:
    words = [line.split() for line in text.splitlines()]
    return Known(tuple(w[1] for w in words if len(w) > 1 and w[0] == "nameserver"))


PROBE = Probe("network", SCRIPT, parse, ("interfaces", "routes", "nameservers"))
