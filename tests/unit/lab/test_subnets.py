"""Which subnet a lab gets."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import ActionFailed
from provision.lab import subnets

ROUTES = """\
default via 192.0.2.1 dev eth0
10.78.3.0/24 dev swl-x proto kernel scope link src 10.78.3.1
blackhole 10.78.128.0/17
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
broadcast 192.0.2.255 dev eth0 table local proto kernel scope link src 192.0.2.2
"""


def test_routes_of_every_kind_are_read() -> None:
    """Plain, local, broadcast and blackhole routes all take their networks."""
    assert [str(net) for net in subnets.taken_by_routes(ROUTES)] == [
        "10.78.3.0/24",
        "10.78.128.0/17",
        "192.0.2.0/24",
        "127.0.0.0/8",
        "192.0.2.255/32",
    ]


@given(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True))
def test_the_choice_is_stable_and_free(lab: str) -> None:
    """The same lab on the same machine gets the same subnet, clear of what is taken."""
    taken = subnets.taken_by_routes(ROUTES)
    chosen = subnets.choose(lab, taken)

    assert chosen == subnets.choose(lab, taken)
    assert chosen.subnet_of(subnets.POOL)
    assert not any(chosen.overlaps(net) for net in taken)


def test_a_default_route_takes_nothing() -> None:
    """0.0.0.0/0 overlaps everything and means nothing here."""
    assert subnets.is_free(IPv4Network("10.78.3.0/24"), [IPv4Network("0.0.0.0/0")])


def test_a_full_pool_is_an_error() -> None:
    """A machine whose routes cover the pool is told so."""
    with pytest.raises(ActionFailed, match="no subnet is free"):
        subnets.choose("demo", [IPv4Network("10.0.0.0/8")])


def test_addresses() -> None:
    """The bridge is first, hosts follow from .11 on, and the largest lab fits."""
    assert subnets.bridge_address("10.78.3.0/24") == "10.78.3.1"
    assert subnets.host_address("10.78.3.0/24", 0) == "10.78.3.11"
    assert subnets.host_address("10.78.3.0/24", 98) == "10.78.3.109"
    assert subnets.hardware_address("10.78.3.11") == "02:53:0a:4e:03:0b"
