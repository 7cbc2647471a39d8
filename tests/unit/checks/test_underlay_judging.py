"""Who blocks a port, judged from what each host saw."""

import pytest

from provision.checks.underlay import (
    Evidence,
    Ports,
    UnderlayHost,
    Verdict,
    blocking_rule,
    cell,
    judge,
    opening,
    questions,
    read,
    suspects,
    usable,
)
from provision.model.findings import Cell, State

A = UnderlayHost("a", is_manager=True, address="10.0.0.1")
B = UnderlayHost("b", is_manager=False, address="10.0.0.2")
PORTS = Ports()


def judged(a: str, b: str, ports: Ports = PORTS) -> dict[tuple[str, str, str], Verdict]:
    """Verdicts by (source, target, probe) of two hosts that reported these lines."""
    evidence = {"a": read(a.splitlines()), "b": read(b.splitlines())}
    found = judge((A, B), evidence, {}, ports)
    return {(v.source.name, v.target.name, v.probe): v for v in found}


def worded(a: str, b: str, probe: str, rules: str = "", ports: Ports = PORTS) -> Cell:
    """The cell of *probe* from a to b."""
    verdict = judged(a, b, ports)["a", "b", probe]
    return cell(verdict, {"a": rules, "b": rules})


def test_each_pair_is_asked_for_the_ports_of_its_target() -> None:
    """2377 goes to managers only, everything else both ways, in a stable order."""
    assert list(judged("", "")) == [
        ("a", "b", "tcp/7946"),
        ("a", "b", "udp/7946"),
        ("a", "b", "udp/4789"),
        ("b", "a", "tcp/2377"),
        ("b", "a", "tcp/7946"),
        ("b", "a", "udp/7946"),
        ("b", "a", "udp/4789"),
    ]


def test_what_a_host_is_told() -> None:
    """It listens on its ports first, and probes only peers that are there."""
    assert opening(0, A, Ports(7789, encrypted=True), 42) == (
        "me 0 10.0.0.1",
        "nonce 42",
        "listen tcp 2377",
        "listen tcp 7946",
        "listen udp 7946",
        "listen udp 7789",
        "listen esp 0",
        "ready",
    )
    assert questions(0, (A, B), ["a", "b"], PORTS, 2.0)[0] == "peer 1 10.0.0.2"
    assert questions(0, (A, B), ["a"], PORTS, 2.0) == ("go 2.0",)


@pytest.mark.parametrize("probe", ["udp/4789", "udp/7946"])
def test_a_datagram_behind_the_firewall_has_arrived(probe: str) -> None:
    """The raw socket's word counts, whoever holds the port."""
    found = worded(f"left {probe} 1", f"nic {probe} 0 10.0.0.1\npast {probe} 0 10.0.0.1", probe)

    assert (found.state, found.reason, found.hint) == (State.OK, "", "")


def test_a_connection_has_its_time() -> None:
    """An open port says how long it took."""
    assert worded("open tcp/7946 1 0.731", "", "tcp/7946").ms == 0.731


def test_seen_on_the_card_and_no_further_is_the_receivers_firewall() -> None:
    """The rule is named as the host prints it."""
    rule = "-A INPUT -s 10.0.0.1/32 -p udp -m udp --dport 4789 -j DROP"

    found = worded("left udp/4789 1", "nic udp/4789 0 10.0.0.1", "udp/4789", f"*filter\n{rule}\n")

    assert found.state is State.FAILED
    assert found.reason == (
        "UDP 4789 from a (10.0.0.1) to b (10.0.0.2): b's own firewall blocks it:"
        f" it reached b and got no further; rule: {rule}"
    )
    assert found.hint == "Accept it in b's firewall, from 10.0.0.1 only."


def test_left_and_never_seen_is_the_network_between() -> None:
    """Then EC2's command is given, exactly."""
    found = worded("left udp/4789 1", "", "udp/4789")

    assert "the network between them blocks it: it left a and never reached b" in found.reason
    assert found.hint.endswith(
        "aws ec2 authorize-security-group-ingress --group-id <group>"
        " --protocol udp --port 4789 --source-group <group>"
    )


def test_esp_has_a_command_of_its_own() -> None:
    """IP protocol 50 has no port."""
    found = worded("left esp 1", "", "esp", ports=Ports(encrypted=True))

    assert found.hint.endswith(
        "--ip-permissions 'IpProtocol=50,UserIdGroupPairs=[{GroupId=<group>}]'"
    )


def test_never_left_is_the_senders_firewall() -> None:
    """It sends other things there, or send(2) says that it is not permitted."""
    said = "left tcp/7946 1\nunsent udp/4789 1 Operation not permitted"

    assert "a's own firewall does not let it out" in worded(said, "", "udp/4789").reason


def test_nothing_at_all_leaves_without_a_route() -> None:
    """When not one packet leaves for that address, no firewall is accused."""
    found = worded("closed tcp/7946 1 No route to host", "", "tcp/7946")

    assert "nothing at all gets from a to that address" in found.reason
    assert "(No route to host)" in found.reason


def test_an_address_that_is_not_the_receivers_accuses_nobody() -> None:
    """Packets may still reach its card, from an old neighbour entry."""
    said = "failed address Cannot assign requested address\nnic udp/4789 0 10.0.0.1"

    assert "Is 10.0.0.2 an address of b" in worded("left udp/4789 1", said, "udp/4789").hint


def test_another_source_address_breaks_vxlan_only() -> None:
    """VXLAN must come from the advertised address; gossip does not mind."""
    b = "past udp/4789 0 192.0.2.9\npast udp/7946 0 192.0.2.9"

    assert worded("", b, "udp/7946").state is State.OK
    assert "it arrives from 192.0.2.9" in worded("", b, "udp/4789").reason


@pytest.mark.parametrize(
    ("a", "b", "who"),
    [
        ("", "synack-left tcp/7946 0", "the network between them blocks the answer from b to a"),
        ("synack-nic tcp/7946 1", "synack-left tcp/7946 0", "a's own firewall blocks the answer"),
        ("", "", "b's own firewall blocks the answer: it never left b"),
    ],
)
def test_a_lost_answer_is_placed_too(a: str, b: str, who: str) -> None:
    """The request came through the receiver's firewall; the way back has three places as well."""
    here = f"left tcp/7946 1\nclosed tcp/7946 1 timeout\n{a}"
    there = f"nic tcp/7946 0 10.0.0.1\npast tcp/7946 0 10.0.0.1\n{b}"

    assert who in worded(here, there, "tcp/7946").reason


def test_what_could_not_be_watched_is_not_judged() -> None:
    """Without a packet socket nobody is accused; without a raw one nothing is known."""
    blind = worded("left udp/4789 1", "failed packet Operation not permitted", "udp/4789")
    deaf = worded("left udp/4789 1", "failed raw/17 Operation not permitted", "udp/4789")

    assert (blind.state, blind.hint) == (State.FAILED, "")
    assert "could not be watched" in blind.reason
    assert deaf.state is State.UNKNOWN


def test_a_host_that_said_nothing_is_unknown_with_the_reason() -> None:
    """Both directions, and nothing is accused."""
    found = judge((A, B), {"a": Evidence()}, {"b": "no connection"}, PORTS)

    assert {v.state for v in found} == {State.UNKNOWN}
    assert {v.detail for v in found} == {"b could not be asked: no connection"}


def test_only_blocking_hosts_have_their_rules_read() -> None:
    """The network's fault is no reason to read a firewall."""
    a = "open tcp/7946 1 0.5\nleft udp/4789 1\nleft udp/7946 1"
    verdicts = judged(a, "nic udp/7946 0 10.0.0.1").values()

    assert suspects([v for v in verdicts if v.source is A]) == ("b",)


@pytest.mark.parametrize(
    ("address", "why"),
    [("10.0.0.1", ""), ("", "not known"), ("fd00::1", "IPv4"), ("$(reboot)", "IPv4")],
)
def test_only_ipv4_addresses_are_sent_to_hosts(address: str, why: str) -> None:
    """What is no address never reaches the program's stdin."""
    assert why in usable(UnderlayHost("a", is_manager=True, address=address))


@pytest.mark.parametrize(
    ("ruleset", "found"),
    [
        ("-A INPUT -p udp -m multiport --dports 2377,4789 -j DROP", "-A INPUT -p udp"),
        ("-A INPUT -p udp --dport 4000:5000 -j REJECT", "-A INPUT -p udp"),
        ("\t\tudp dport { 4789, 7946 } drop", "udp dport { 4789"),
        ("\t\tudp dport 4700-4800 counter packets 3 bytes 99 reject", "udp dport 4700"),
        (":INPUT DROP [0:0]\n-A INPUT -p udp --dport 53 -j DROP", "policy of the chain INPUT"),
        ("type filter hook input priority filter; policy drop;", "(no rule accepts it)"),
        ("-A OUTPUT -p udp --dport 4789 -j DROP", ""),
        ("-A INPUT -p tcp --dport 4789 -j DROP", ""),
        ("-A INPUT -p udp --dport 4789 -j ACCEPT", ""),
        ("-A INPUT -j DROP", "-A INPUT -j DROP"),
    ],
)
def test_the_rule_is_found_in_every_dialect(ruleset: str, found: str) -> None:
    """iptables-save and nft: a rule that names the port, else the policy, else nothing."""
    rule = blocking_rule(ruleset, "udp/4789", "INPUT")

    assert rule.startswith(found) if not found.startswith("(") else found in rule
    assert bool(rule) == bool(found)
