"""What native tables do with a peer, and where rules of ours go."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision import firewalls
from provision.firewalls import firewall_for, missing, surplus
from provision.firewalls.netfilter.doors import SCRIPT
from provision.firewalls.netfilter.ruleset import as_saved, tables
from provision.model.actions import Run, WriteFile
from provision.model.facts import Known
from provision.model.netfilter import verdicts
from provision.model.observed import FirewallState, Protocol, Rule
from provision.model.probes import Answer

PEER, OTHER = "10.0.0.11", "10.0.0.12"
WANTED: tuple[tuple[int, Protocol], ...] = ((7946, "tcp"), (4789, "udp"), (0, "esp"))
DROP_ALL = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"


def table(*rules: str, policy: str = "drop", name: str = "inet filter", more: str = "") -> str:
    """A table with an input chain."""
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    head = f"type filter hook input priority filter; policy {policy};"
    return f"table {name} {{\n\tchain input {{\n\t\t{head}\n{lines}\t}}\n{more}}}\n"


def state(nft: str, **sections: str) -> FirewallState:
    """The state from a ruleset and other sections."""
    text = "".join(f"@@ {n.replace('_', '-')}\n{said}\n" for n, said in sections.items())
    fact = firewalls.parse(Answer(0, f"@@ nft\n{nft}\n{text}@@ end\n"))
    assert isinstance(fact, Known), fact
    return fact.value


def wanted(*sources: str) -> list[Rule]:
    """What a worker lets in."""
    return [Rule(port, protocol, source) for source in sources for port, protocol in WANTED]


def lines(found: FirewallState) -> list[str]:
    """The script's lines when all that is wanted is opened."""
    driver = firewall_for(found)
    assert driver is not None
    steps = driver.open(found, "demo", wanted(PEER))
    text = next(str(s.content) for s in steps if isinstance(s, WriteFile) and s.path == SCRIPT)
    return [line for line in text.splitlines() if line.startswith(("accept i", "admit "))]


def test_rules_go_into_the_chain_that_refuses() -> None:
    """An accept in a table of our own would not override a drop in another one."""
    found = state(table("tcp dport 22 accept"))
    assert (found.backend, found.supported, found.filtering) == ("nftables", True, True)
    assert set(missing(found, wanted(PEER))) == set(wanted(PEER))
    assert lines(found) == [
        "admit inet filter input ip saddr 10.0.0.11 meta l4proto 50",
        "admit inet filter input ip saddr 10.0.0.11 udp dport 4789",
        "admit inet filter input ip saddr 10.0.0.11 tcp dport 7946",
    ]


def test_every_chain_that_refuses_is_a_door() -> None:
    """What one accepts another may still drop."""
    early = "table ip early {\n\tchain pre {\n\t\ttype filter hook prerouting priority -200; "
    early += "policy accept;\n\t\tudp dport 4000-5000 drop\n\t}\n}\n"
    found = state(table() + early)
    assert found.variant == "inet filter input+ip early pre"
    assert len(lines(found)) == 2 * len(WANTED)
    half = table('ip saddr 10.0.0.11 udp dport 4789 accept comment "swarmlay:demo"')
    assert Rule(4789, "udp", PEER) in missing(state(half + early), wanted(PEER))


@pytest.mark.parametrize(
    ("rules", "open_"),
    [
        (['ip saddr 10.0.0.11 udp dport 4789 accept comment "theirs"'], True),
        (["ip saddr { 10.0.0.11, 10.0.0.12 } udp dport { 4789, 53 } accept"], True),
        (["ip saddr 10.0.0.0/24 meta l4proto { tcp, udp } accept"], True),
        (["ip saddr 10.0.0.0/24 counter packets 3 bytes 9 accept"], True),
        (['iifname "lo" accept', "jump peers"], True),
        (["udp dport vmap { 53 : drop, 4789 : jump peers }"], True),
        (["ct state vmap { established : accept, new : jump peers }"], True),
        (["ip saddr @trusted accept"], False),
        (["udp dport 4789 accept", "drop"], True),
        (["udp dport 4000-5000 drop", "ip saddr 10.0.0.11 accept"], False),
        (["udp dport @closed drop", "ip saddr 10.0.0.11 accept"], False),
        (["limit rate 10/second accept"], False),
        (["ip saddr != 10.0.0.11 accept"], False),
        (["ip6 saddr fd00::/8 accept"], False),
        (["ip saddr 10.0.0.11 udp sport 4789 accept"], False),
        (['iifname "eth1" ip saddr 10.0.0.11 accept'], False),
        (["ct state established,related accept"], False),
    ],
)
def test_what_counts_as_open(rules: list[str], open_: bool) -> None:
    """Only what is understood completely, and not after a drop that may be meant."""
    peers = "\tchain peers {\n\t\tip saddr 10.0.0.11 accept\n\t}\n"
    found = state(table(*rules, more=peers))
    assert (missing(found, [Rule(4789, "udp", PEER)]) == ()) is open_


def test_ours_are_known_by_their_comment() -> None:
    """Also ESP, whose number is not looked up."""
    said = 'accept comment "swarmlay:demo"'
    found = state(
        table(
            f"ip saddr 10.0.0.11 meta l4proto 50 {said}", f"ip saddr 10.0.0.12 tcp dport 1 {said}"
        ),
    )
    assert surplus(found, [Rule(0, "esp", PEER)], "demo") == (
        Rule(1, "tcp", "10.0.0.12/32", cluster="demo"),
    )


@pytest.mark.parametrize("boot", [True, False])
def test_ours_must_come_back_at_boot(boot: bool) -> None:
    """Open now is not enough."""
    rule = "ip saddr 10.0.0.11 tcp dport 7946"
    text = table(f'{rule} accept comment "swarmlay:demo"')
    text += f"@@ ours\nadmit inet filter input {rule}\n" + ("@@ ours at boot\n" if boot else "")
    assert (missing(state(text), [Rule(7946, "tcp", PEER)]) == ()) is boot


def test_a_backend_of_iptables_beside_is_a_door_too() -> None:
    """Legacy drops what nft accepts: rules go into both."""
    accepts = table('ip saddr 10.0.0.11 tcp dport 7946 accept comment "swarmlay:demo"')
    found = state(accepts + f"@@ ip tables\nfilter\n@@ iptables-legacy\n{DROP_ALL}")
    assert found.variant == "inet filter input+legacy"
    assert missing(found, [Rule(7946, "tcp", PEER)]) == (Rule(7946, "tcp", PEER),)
    assert {line.split()[1] for line in lines(found)} == {"inet", "iptables-legacy"}


def test_a_drop_is_shown_in_the_words_of_nft() -> None:
    """The reader looks for it in the ruleset."""
    found = state(table("udp dport { 53, 4789 } counter packets 1 bytes 2 drop", policy="accept"))
    assert found.drops == (
        "inet filter input: udp dport { 53, 4789 } counter packets 1 bytes 2 drop",
    )


def test_families_have_doors_of_their_own() -> None:
    """A table of IPv6 is no way in for IPv4."""
    found = state(table(name="ip6 filter"))
    assert (found.filtering, found.filtering_v6) == (False, True)
    assert missing(found, wanted(PEER)) == ()
    assert len(missing(found, wanted("fd00::11"))) == len(WANTED)


def test_closing_deletes_what_is_printed_as_ours() -> None:
    """By handle, found by the whole rule with our comment."""
    said = 'ip saddr 10.0.0.11 tcp dport 7946 accept comment "swarmlay:demo"'
    found = state(table(said))
    driver = firewall_for(found)
    assert driver is not None
    ours = surplus(found, [], "demo")
    deletion, forgetting = [
        s.words for s in driver.close(found, "demo", ours) if isinstance(s, Run)
    ]
    assert deletion[3:] == ("inet", "filter", "input", said)
    assert forgetting[3:] == ("admit inet filter input ip saddr 10.0.0.11 tcp dport 7946",)
    (typed,) = driver.commands(found, "demo", ours, close=True)
    assert typed.startswith("nft delete rule inet filter input handle N")


def test_a_dormant_table_is_not_in_force() -> None:
    """Its chains are not registered."""
    text = table().replace("{\n\tchain", "{\n\tflags dormant\n\tchain", 1)
    assert state(text).backend == "none"


WORDS = """
ip saddr daddr tcp udp th dport sport { } , 10.0.0.1 : vmap accept drop jump a goto ct state
established new != @x 22 1-9 counter comment "x meta l4proto iif lo fib type limit
"""
TOKENS = st.sampled_from(WORDS.split())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(TOKENS, max_size=9), max_size=4))
def test_any_order_of_words_is_read(rules: list[list[str]]) -> None:
    """Nonsense gives ValueError at most, which makes the fact Unknown."""
    text = table(*[" ".join(words) for words in rules], more="\tchain a {\n\t\taccept\n\t}\n")
    try:
        for found in tables(text):
            verdicts(as_saved(found, "input", v6=False))
    except ValueError:
        return
