"""The lab's iptables rules."""

from provision.lab import network

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
-A INPUT -d 10.78.3.1/32 -i swl-demo -p tcp -m tcp --dport 5000 -m comment \
--comment "swarmlay lab demo" -j ACCEPT
-A FORWARD -i swl-demo -m comment --comment "swarmlay lab demo" -j ACCEPT
-A FORWARD -i swl-x -m comment --comment "swarmlay lab demo-2" -j ACCEPT
-A FORWARD -i eth9 -m comment --comment "it's somebody's" -j ACCEPT
-A FORWARD -i eth8 -j ACCEPT
COMMIT
"""


def test_only_the_labs_own_rules_are_deleted() -> None:
    """Rules are known by their whole comment, whoever else uses a similar one."""
    found = network.deletions(SAVED, "swarmlay lab demo")

    assert [words[:2] for words in found] == [("-D", "INPUT"), ("-D", "FORWARD")]
    assert found[1] == (
        "-D", "FORWARD", "-i", "swl-demo",
        "-m", "comment", "--comment", "swarmlay lab demo", "-j", "ACCEPT",
    )  # fmt: skip


def test_every_rule_carries_the_comment() -> None:
    """What is not marked could not be removed again."""
    rules = network.rules("demo", "swl-demo", "10.78.3.0/24", "10.78.3.1", 5000)

    assert all("swarmlay lab demo" in rule.words for rule in rules)
    assert {(rule.table, rule.chain) for rule in rules} == {
        ("nat", "POSTROUTING"),
        ("filter", "FORWARD"),
        ("filter", "INPUT"),
    }
