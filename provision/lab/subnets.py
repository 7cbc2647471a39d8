"""Which /24 a lab gets: pure."""

import ipaddress
import re
import zlib
from collections.abc import Iterable

from provision.errors import ActionFailed

POOL = ipaddress.IPv4Network("10.78.0.0/16")
_FIRST_HOST = 10
_ROUTE = re.compile(r"^(?:\w+ )?(\d+\.\d+\.\d+\.\d+(?:/\d+)?)(?:\s|$)", re.MULTILINE)


def taken_by_routes(routes: str) -> tuple[ipaddress.IPv4Network, ...]:
    """The networks in the output of ``ip -4 route show table all``."""
    return tuple(
        ipaddress.IPv4Network(word, strict=False) for word in _ROUTE.findall(routes + "\n")
    )


def is_free(candidate: ipaddress.IPv4Network, taken: Iterable[ipaddress.IPv4Network]) -> bool:
    """Whether no network of *taken*, but a default route, overlaps *candidate*."""
    return not any(candidate.overlaps(net) for net in taken if net.prefixlen > 0)


def choose(lab: str, taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """The first free /24, starting at a place of the lab's own so that it tends to keep it.

    Raises:
        ActionFailed: all are taken.
    """
    nets = tuple(taken)
    candidates = tuple(POOL.subnets(new_prefix=24))
    start = zlib.crc32(lab.encode()) % len(candidates)
    for candidate in (*candidates[start:], *candidates[:start]):
        if is_free(candidate, nets):
            return candidate
    raise ActionFailed(
        f"no subnet is free for lab {lab}",
        why=f"every /24 of {POOL} overlaps a route of this machine or another lab",
    )


def bridge_address(subnet: str) -> str:
    """The machine's own address in a lab."""
    return str(ipaddress.IPv4Network(subnet)[1])


def host_address(subnet: str, index: int) -> str:
    """The address of the lab's host number *index*, from 0."""
    return str(ipaddress.IPv4Network(subnet)[_FIRST_HOST + 1 + index])


def hardware_address(address: str) -> str:
    """A locally administered hardware address made of an IPv4 address, so that it never changes.

    Neighbours remember the old one for half a minute when a host comes back with another.
    """
    return "02:53:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)
