"""Which address is advertised."""

from dataclasses import replace

import pytest

from provision.errors import HostUnreachable, UsageError
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.observed import HostFacts, Interface, Membership
from provision.plan.addresses import choose
from tests.unit.plan.worlds import bare, host, interface, with_engine


def facts_of(**interfaces: tuple[Interface, ...]) -> dict[str, HostFacts]:
    """Facts by host name."""
    return {
        n: replace(bare(n, "192.0.2.1"), interfaces=Known(found)) for n, found in interfaces.items()
    }


def addresses(hosts: list[Host], facts: dict[str, HostFacts], wanted: str = "auto") -> list[str]:
    """What is chosen, in order."""
    return [a.address for a in choose(hosts, facts, wanted)]


def test_vagrants_shared_nat_address_is_never_advertised() -> None:
    """10.0.2.15 on every VM: the private network is chosen instead."""
    nat = interface("eth0", "10.0.2.15/24")
    facts = facts_of(
        a=(nat, interface("eth1", "192.168.56.11/24")),
        b=(nat, interface("eth1", "192.168.56.12/24")),
    )

    assert addresses([host("a"), host("b")], facts) == ["192.168.56.11", "192.168.56.12"]


def test_docker_bridges_are_not_candidates() -> None:
    """docker0 has the same subnet everywhere and reaches nobody."""
    facts = facts_of(
        a=(interface("docker0", "172.17.0.1/16"), interface("eth0", "10.1.0.1/24")),
        b=(interface("docker0", "172.17.0.2/16"), interface("eth0", "10.1.0.2/24")),
    )

    assert addresses([host("a"), host("b")], facts) == ["10.1.0.1", "10.1.0.2"]


def test_an_explicit_address_wins() -> None:
    """private_address of the inventory is not argued with."""
    facts = facts_of(a=(interface("eth0", "10.1.0.1/24"),), b=(interface("eth0", "10.1.0.2/24"),))
    hosts = [host("a", private_address="10.7.7.7"), host("b")]

    assert addresses(hosts, facts) == ["10.7.7.7", "10.1.0.2"]


def test_hosts_without_a_common_subnet_advertise_their_only_address() -> None:
    """EC2 across zones: every host has one private address, in different subnets."""
    facts = facts_of(a=(interface("eth0", "10.0.1.5/24"),), b=(interface("eth0", "10.0.2.5/24"),))

    assert addresses([host("a"), host("b")], facts) == ["10.0.1.5", "10.0.2.5"]


def test_several_common_subnets_are_settled_by_the_one_ssh_uses() -> None:
    """Two networks join all hosts: the one we dial is meant."""
    facts = facts_of(
        a=(interface("eth0", "10.1.0.1/24"), interface("eth1", "10.2.0.1/24")),
        b=(interface("eth0", "10.1.0.2/24"), interface("eth1", "10.2.0.2/24")),
    )
    hosts = [host("a", address="10.2.0.1"), host("b", address="10.2.0.2")]

    assert addresses(hosts, facts) == ["10.2.0.1", "10.2.0.2"]


def test_no_single_answer_is_an_error_with_the_table() -> None:
    """Guessing would break the overlay silently."""
    facts = facts_of(
        a=(interface("eth0", "10.1.0.1/24"), interface("eth1", "10.2.0.1/24")),
        b=(interface("eth0", "10.1.0.2/24"), interface("eth1", "10.2.0.2/24")),
    )

    with pytest.raises(UsageError) as caught:
        choose([host("a"), host("b")], facts)

    assert "a: 10.1.0.1/24, 10.2.0.1/24; b: 10.1.0.2/24, 10.2.0.2/24" in caught.value.why
    assert "private_interface" in caught.value.hint


def test_a_node_keeps_what_it_advertises() -> None:
    """The address of an active node does not change under it, though another would be as good."""
    facts = facts_of(a=(interface("eth0", "10.1.0.1/24"), interface("eth1", "10.1.1.9/24")))
    facts["a"] = with_engine(facts["a"], Membership("active", "n", "10.1.1.9", "c", manager=True))

    chosen = choose([host("a", address="10.1.0.1")], facts)

    assert (chosen[0].address, chosen[0].why) == ("10.1.1.9", "advertised by the node already")


def test_an_address_that_the_host_lost_is_not_kept() -> None:
    """After a new lease the node still says the old one (FAULTS B5): peers could not reach it."""
    facts = facts_of(a=(interface("eth0", "10.1.0.1/24"),))
    facts["a"] = with_engine(facts["a"], Membership("active", "n", "10.1.0.9", "c"))

    assert addresses([host("a")], facts) == ["10.1.0.1"]


@pytest.mark.parametrize("wanted", ["eth1", "10.2.0.0/24"])
def test_the_playbook_may_name_an_interface_or_a_subnet(wanted: str) -> None:
    """``swarm: {advertise: eth1}`` and ``{advertise: CIDR}``."""
    facts = facts_of(a=(interface("eth0", "10.1.0.1/24"), interface("eth1", "10.2.0.1/24")))

    assert addresses([host("a")], facts, wanted) == ["10.2.0.1"]


def test_an_interface_that_is_not_there_names_those_that_are() -> None:
    """The error says what there is to choose from."""
    facts = facts_of(a=(interface("eth0", "10.1.0.1/24"),))

    with pytest.raises(UsageError) as caught:
        choose([host("a", private_interface="ens5")], facts)

    assert caught.value.where == "a"
    assert "eth0" in caught.value.hint


def test_addresses_that_could_not_be_read_are_not_taken_for_none() -> None:
    """The host and the reason are named; no subnet is said to be missing."""
    facts = facts_of(a=(interface("eth0", "10.1.0.1/24"),), b=())
    facts["b"] = replace(facts["b"], interfaces=Unknown("no answer within 20 s"))

    with pytest.raises(HostUnreachable) as raised:
        addresses([host("a"), host("b")], facts)

    assert raised.value.where == "b"
    assert "no answer within 20 s" in str(raised.value)
