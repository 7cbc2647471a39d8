"""Which firewall is in force, and which rules it still needs."""

import pytest

from provision import firewalls
from provision.firewalls import FIREWALLS, firewall_for, missing, surplus
from provision.firewalls.netfilter.doors import SCRIPT
from provision.firewalls.netfilter.iptables import Iptables
from provision.model.actions import Run, WriteFile
from provision.model.facts import Known, Unknown
from provision.model.observed import FirewallState, Rule
from provision.model.probes import Answer

PEER, OTHER = "10.0.0.11", "10.0.0.12"
DROP_ALL = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
OPEN = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
NFT_DROPS = """table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept
	}
}
"""
UFW = """ENABLED=yes
DEFAULT_INPUT_POLICY="DROP"
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 7946 0.0.0.0/0 any 10.0.0.11 in comment=737761726d6c61793a64656d6f
"""


def state(**reading: str) -> FirewallState:
    """The state from sections; underscores stand for hyphens."""
    text = "".join(f"@@ {name.replace('_', '-')}\n{said}\n" for name, said in reading.items())
    fact = firewalls.parse(Answer(0, f"{text}@@ end\n"))
    assert isinstance(fact, Known), fact
    return fact.value


def rules(*sources: str, port: int = 7946) -> list[Rule]:
    """A TCP rule for each source."""
    return [Rule(port, "tcp", source) for source in sources]


def test_nothing_at_all_is_none() -> None:
    """No tool, no table: everything is open and nothing is to be done."""
    found = state()
    assert (found.backend, found.filtering) == ("none", False)
    assert missing(found, rules(PEER)) == ()


def test_an_answer_without_end_is_unknown() -> None:
    """A reading that was cut off is never "none"."""
    assert isinstance(firewalls.parse(Answer(0, "@@ nft\n")), Unknown)


@pytest.mark.parametrize(
    "rule",
    [
        "tcp dport 23 drop",
        "ct state invalid drop",
        "tcp dport { 22, 80 } ip saddr @addr-set-sshd reject",
        "ip saddr @blocked drop",
    ],
)
def test_native_rules_about_other_things_do_not_block(rule: str) -> None:
    """fail2ban's table, say, does not concern the swarm."""
    table = NFT_DROPS.replace("policy drop", "policy accept").replace("tcp dport 22 accept", rule)
    assert state(nft=table).backend == "none"


@pytest.mark.parametrize(
    "rule", ["udp dport 4789 drop", "udp dport 4000-5000 drop", "counter reject", "iif eth0 drop"]
)
def test_native_rules_about_the_swarm_block(rule: str) -> None:
    """Whatever could stop a peer is not overlooked."""
    table = NFT_DROPS.replace("policy drop", "policy accept").replace("tcp dport 22 accept", rule)
    assert state(nft=table).backend == "nftables"


def test_tables_of_iptables_and_docker_are_not_native() -> None:
    """They are read as iptables, or have nothing to do with hosts."""
    mirrored = NFT_DROPS.replace("inet", "ip")
    bridges = NFT_DROPS.replace("inet filter", "ip docker-bridges")
    assert state(nft=mirrored + bridges, iptables_nft=DROP_ALL).backend == "iptables"


def test_ufw_that_is_inactive_is_not_in_force() -> None:
    """Then what stands behind it counts."""
    off = UFW.replace("ENABLED=yes", "ENABLED=no")
    assert state(ufw=off).backend == "none"
    assert state(ufw=off, iptables_nft=DROP_ALL).backend == "iptables"


def test_ufw_is_read_from_its_tuples() -> None:
    """Ours are known by their comment."""
    found = state(ufw=UFW)
    assert found.filtering
    assert found.rules == (
        Rule(22, "tcp", "0.0.0.0/0", ours=False),
        Rule(7946, "tcp", "10.0.0.11/32", ours=True, cluster="demo"),
    )


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("allow tcp 7000:8000 0.0.0.0/0 any 10.0.0.11 in", 1),
        ("allow tcp 2377,7946 0.0.0.0/0 any 10.0.0.11 in", 2),
        ("allow any any 0.0.0.0/0 any 10.0.0.0/8 in", 1),
        ("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in", 1),
        ("allow_log tcp 7946 0.0.0.0/0 any 10.0.0.11 in", 1),
        ("limit tcp 7946 0.0.0.0/0 any 10.0.0.11 in", 0),
        ("route:allow tcp 7946 0.0.0.0/0 any 10.0.0.11 in", 0),
        ("allow tcp 7946 0.0.0.0/0 any 10.0.0.11 out", 0),
        ("allow tcp 7946 0.0.0.0/0 any 10.0.0.11 in_eth0", 0),
        ("allow tcp 7946 10.0.0.1 any 10.0.0.11 in", 0),
        ("allow tcp 7946 0.0.0.0/0 1024 10.0.0.11 in", 0),
    ],
)
def test_tuples_of_ufw(line: str, count: int) -> None:
    """Only what lets every packet of a peer in counts as open."""
    text = f"ENABLED=yes\nDEFAULT_INPUT_POLICY=DROP\n### tuple ### {line}\n"
    assert len(state(ufw=text).rules) == count


def test_a_deny_of_ufw_before_an_allow_counts() -> None:
    """Ufw's first match wins; a rule of ours then goes before it."""
    text = UFW + "### tuple ### deny udp 4789 0.0.0.0/0 any 0.0.0.0/0 in\n"
    found = state(ufw=text)
    assert found.drops == ("ufw: 4789/udp",)
    firewall = firewall_for(found)
    assert firewall is not None
    (typed,) = firewall.commands(found, "demo", [Rule(4789, "udp", PEER)])
    assert (
        typed == f"ufw prepend allow proto udp from {PEER} to any port 4789 comment swarmlay:demo"
    )


def test_a_drop_in_front_of_ufw_is_shown() -> None:
    """Ufw's rules cannot override it; the reader should know."""
    save = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 4789 -j DROP\nCOMMIT\n"
    assert state(ufw=UFW, iptables_nft=save).drops == (
        "-A INPUT -p udp -m udp --dport 4789 -j DROP",
    )


def test_missing_and_surplus_of_ufw() -> None:
    """What is open stays, what lacks is named, what is no longer wanted as well."""
    found = state(ufw=UFW)
    assert missing(found, rules(PEER, OTHER)) == tuple(rules(OTHER))
    assert surplus(found, rules(PEER, OTHER), "demo") == ()
    assert [r.source for r in surplus(found, rules(OTHER), "demo")] == ["10.0.0.11/32"]


def test_rules_of_another_cluster_are_not_ours_to_close() -> None:
    """Nor are rules without our comment."""
    assert surplus(state(ufw=UFW), [], "another") == ()


def test_somebodys_wider_rule_is_enough() -> None:
    """A rule that is there and covers what is wanted needs no second one."""
    save = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.0/24 -j ACCEPT\nCOMMIT\n"
    assert missing(state(iptables_nft=save), [*rules(PEER), Rule(0, "esp", PEER)]) == ()


def test_an_explicit_drop_needs_a_rule_where_all_else_is_open() -> None:
    """The policy accepts, one rule does not."""
    save = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 4789 -j DROP\nCOMMIT\n"
    wanted = [Rule(4789, "udp", PEER), *rules(PEER)]
    assert missing(state(iptables_nft=save), wanted) == (wanted[0],)


def test_families_are_filtered_apart() -> None:
    """A closed IPv6 says nothing about IPv4."""
    found = state(iptables_nft=OPEN, ip6tables_nft=DROP_ALL)
    assert missing(found, rules(PEER)) == ()
    assert missing(found, rules("fd00::11")) == tuple(rules("fd00::11"))


def test_both_backends_must_accept() -> None:
    """A packet passes legacy and nft; a rule in one of them opens nothing."""
    accept = f"-A INPUT -s {PEER}/32 -p tcp -m tcp --dport 7946 -j ACCEPT\n"
    text = DROP_ALL.replace("COMMIT", accept + "COMMIT")
    tables = f"@@ ip tables\nfilter\n@@ iptables-legacy\n{DROP_ALL}"
    sections = f"@@ iptables-nft\n{text}{tables}"
    fact = firewalls.parse(Answer(0, f"{sections}@@ end\n"))
    assert isinstance(fact, Known)
    assert fact.value.variant == "nft+legacy"
    assert missing(fact.value, rules(PEER)) == tuple(rules(PEER))
    steps = Iptables().open(fact.value, "demo", rules(PEER))
    text = next(str(s.content) for s in steps if isinstance(s, WriteFile) and s.path == SCRIPT)
    assert "accept iptables-nft -s" in text
    assert "accept iptables-legacy -s" in text


def test_a_legacy_table_that_cannot_be_read_blocks() -> None:
    """The kernel says it filters, no tool can say what."""
    fact = firewalls.parse(Answer(0, "@@ ip tables\nfilter\n@@ end\n"))
    assert isinstance(fact, Known)
    assert not fact.value.supported


SAVED = (
    "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.11/32 -p tcp -m tcp --dport 7946 "
    '-m comment --comment "swarmlay:demo" -j ACCEPT\nCOMMIT\n'
)


@pytest.mark.parametrize(
    ("script", "boot", "lasting"),
    [
        ("accept iptables-nft -s 10.0.0.11/32 -p tcp --dport 7946\n", True, True),
        ("accept iptables-nft -s 10.0.0.11/32 -p tcp --dport 7946\n", False, False),
        ("accept iptables-nft -s 10.0.0.99/32 -p tcp --dport 7946\n", True, False),
        (None, True, False),
    ],
)
def test_rules_that_do_not_survive_a_boot_are_missing(
    script: str | None, boot: bool, lasting: bool
) -> None:
    """Open now is not enough."""
    text = f"@@ iptables-nft\n{SAVED}"
    text += "" if script is None else f"@@ ours\n{script}"
    text += "@@ ours at boot\n" if boot else ""
    fact = firewalls.parse(Answer(0, f"{text}@@ end\n"))
    assert isinstance(fact, Known)
    assert fact.value.persistent is lasting
    assert missing(fact.value, rules(PEER)) == (() if lasting else tuple(rules(PEER)))


def test_opening_keeps_our_other_rules_at_boot() -> None:
    """The script holds all of ours, not only the new ones, and nobody else's."""
    found = state(iptables_nft=SAVED)
    steps = Iptables().open(found, "demo", rules(OTHER))
    text = next(str(s.content) for s in steps if isinstance(s, WriteFile) and s.path == SCRIPT)
    assert [line.split()[3] for line in text.splitlines() if line.startswith("accept ")] == [
        "10.0.0.11/32",
        "10.0.0.12/32",
    ]


def test_closing_names_exactly_the_lines_that_opening_wrote() -> None:
    """What is taken out of the script at boot is what was put in."""
    found = state(iptables_nft=SAVED)
    opening = Iptables().open(found, "demo", rules(OTHER))
    text = next(str(s.content) for s in opening if isinstance(s, WriteFile) and s.path == SCRIPT)
    closing = Iptables().close(found, "demo", surplus(found, [], "demo"))
    deletion, forgetting = [step.words for step in closing if isinstance(step, Run)]
    assert deletion[:4] == ("iptables-nft", "-w", "-D", "INPUT")
    assert set(map(str, forgetting[3:])) < set(text.splitlines())


def test_we_only_ever_add_accepts_and_delete_ours() -> None:
    """SSH cannot be locked out: no rule of ours refuses, none is deleted without our comment."""
    for found in (state(iptables_nft=SAVED), state(ufw=UFW)):
        firewall = firewall_for(found)
        assert firewall is not None
        wanted = [*rules(PEER, OTHER), Rule(0, "esp", PEER)]
        for close in (False, True):
            for typed in firewall.commands(found, "demo", wanted, close=close):
                assert "DROP" not in typed
                assert "deny" not in typed
                assert close or "swarmlay:demo" in typed


def test_every_member_is_listed_once() -> None:
    """A file in the family that is not in the tuple would never be asked."""
    assert sorted(firewall.name for firewall in FIREWALLS) == [
        "firewalld",
        "iptables",
        "nftables",
        "none",
        "ufw",
    ]
