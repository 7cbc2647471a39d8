"""Pools for overlays that are clear of the hosts' routes."""

from dataclasses import replace

import pytest

from provision.errors import UsageError
from provision.model.facts import Known
from provision.model.observed import HostFacts, Route
from provision.plan.pools import choose_pool
from tests.unit.plan.worlds import bare


def routed(*destinations: str, nameserver: str = "192.168.1.1") -> HostFacts:
    """A host with these routes."""
    facts = replace(bare("a", "192.168.1.7"), nameservers=Known((nameserver,)))
    return replace(facts, routes=Known(tuple(Route(d, "eth0") for d in destinations)))


def test_dockers_default_is_kept_where_it_collides_with_nothing() -> None:
    """An empty answer: no flag is passed."""
    assert choose_pool([routed("192.168.1.0/24", "0.0.0.0/0")]) == ()


def test_a_vpc_in_ten_gets_another_pool() -> None:
    """EC2's VPCs are 10.x or 172.31.x: overlays must not hide them."""
    assert choose_pool([routed("10.0.0.0/16")]) == ("10.20.0.0/16",)


def test_a_nameserver_counts() -> None:
    """10.0.0.2 answers DNS in many clouds and is in no route but the default."""
    assert choose_pool([routed("192.168.1.0/24", nameserver="10.0.0.2")]) != ()


def test_nothing_free_is_said() -> None:
    """A host routed everywhere."""
    with pytest.raises(UsageError, match="no address pool"):
        choose_pool([routed("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")])
