"""What iptables lets in: an accept counts when fully understood, a drop when it might match."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.model.netfilter import Verdicts, parse_save, verdicts
from provision.model.observed import Rule

ANY = "0.0.0.0/0"


def follow(*rules: str, policy: str = "ACCEPT", chains: tuple[str, ...] = ()) -> Verdicts:
    """The verdicts on these rules of INPUT."""
    text = "\n".join(
        [
            "*nat",
            ":INPUT DROP [0:0]",
            "COMMIT",
            "*filter",
            f":INPUT {policy} [0:0]",
            *(f":{name} - [0:0]" for name in chains),
        ]
    )
    return verdicts(parse_save("\n".join([text, *rules, "COMMIT"])))


@pytest.mark.parametrize(
    ("policy", "rules", "filtering"),
    [
        ("ACCEPT", [], False),
        ("DROP", [], True),
        ("ACCEPT", ["-A INPUT -j DROP"], True),
        ("ACCEPT", ["-A INPUT -j REJECT --reject-with icmp-host-prohibited"], True),
        ("ACCEPT", ["-A INPUT -i eth0 -j DROP"], True),
        ("ACCEPT", ["-A INPUT ! -i lo -j DROP"], True),
        ("ACCEPT", ["-A INPUT -i lo -j DROP"], False),
        ("ACCEPT", ["-A INPUT -m conntrack --ctstate INVALID -j DROP"], False),
        ("ACCEPT", ["-A INPUT -m conntrack --ctstate NEW,INVALID -j DROP"], True),
        ("ACCEPT", ["-A INPUT ! -s 10.0.0.0/8 -j DROP"], True),
        ("ACCEPT", ["-A INPUT -s 203.0.113.7/32 -j DROP"], False),
        ("ACCEPT", ["-A INPUT -m set --match-set blacklist src -j DROP"], False),
        ("ACCEPT", ["-A INPUT -p tcp -m tcp --dport 22 -j DROP"], False),
        ("ACCEPT", ["-A INPUT -p icmp -j DROP"], False),
        ("DROP", ["-A INPUT -j ACCEPT"], False),
        ("DROP", ["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], True),
        ("DROP", ["-A INPUT -i eth0 -j ACCEPT"], True),
        ("ACCEPT", ["-A INPUT -p udp -m u32 --u32 0x0=0x1 -m udp --dport 4789 -j DROP"], False),
    ],
)
def test_whether_packets_are_filtered(policy: str, rules: list[str], filtering: bool) -> None:
    """A general refusal of a peer's first packet is filtering; a special one is not."""
    assert follow(*rules, policy=policy).filtering is filtering


@pytest.mark.parametrize(
    ("rule", "opens"),
    [
        ("-p tcp -m tcp --dport 7946 -j ACCEPT", [Rule(7946, "tcp", ANY, ours=False)]),
        (
            "-s 10.0.0.0/8 -p tcp -m multiport --dports 2377,7946 -j ACCEPT",
            [
                Rule(2377, "tcp", "10.0.0.0/8", ours=False),
                Rule(7946, "tcp", "10.0.0.0/8", ours=False),
            ],
        ),
        ("-s 10.0.0.11/32 -j ACCEPT", [Rule(0, "any", "10.0.0.11/32", ours=False)]),
        ("-p esp -j ACCEPT", [Rule(0, "esp", ANY, ours=False)]),
        (
            "-s 10.0.0.11/32 -p udp --dport 4789 -m comment --comment swarmlay:demo -j ACCEPT",
            [Rule(4789, "udp", "10.0.0.11/32", ours=True, cluster="demo")],
        ),
        (
            '-s 10.0.0.11/32 -p esp -m comment --comment "the -j DROP one" -j ACCEPT',
            [Rule(0, "esp", "10.0.0.11/32", ours=False)],
        ),
        ("-i eth0 -p tcp -m tcp --dport 7946 -j ACCEPT", []),
        ("-p tcp -m tcp --dport 7946 -m limit --limit 1/sec -j ACCEPT", []),
        ("-p tcp -m tcp --dport 7946 --tcp-flags SYN,RST SYN -j ACCEPT", []),
        ("-d 10.0.0.1/32 -p tcp -m tcp --dport 7946 -j ACCEPT", []),
        ("! -s 10.0.0.0/8 -p tcp -m tcp --dport 7946 -j ACCEPT", []),
        ("-p tcp -m tcp --dport 7946 -j LOG", []),
    ],
)
def test_what_an_accept_opens(rule: str, opens: list[Rule]) -> None:
    """Only what is certain to let a peer in counts."""
    assert list(follow(f"-A INPUT {rule}", policy="DROP").accepts) == opens


def test_a_drop_that_comes_first_wins() -> None:
    """An accept behind a drop of the same packets opens nothing."""
    found = follow(
        "-A INPUT -p udp -m udp --dport 4789 -j DROP", "-A INPUT -s 10.0.0.0/8 -j ACCEPT"
    )
    assert found.accepts == ()
    assert [rule for rule, _ in found.drops] == [Rule(4789, "udp", ANY, ours=False)]


def test_an_accept_that_comes_first_wins() -> None:
    """A drop behind our accept takes nothing from it."""
    mine = "-A INPUT -s 10.0.0.2/32 -p udp -m udp --dport 4789 -j ACCEPT"
    found = follow(mine, "-A INPUT -p udp -m udp --dport 4789 -j DROP", policy="DROP")
    assert [r.source for r in found.accepts] == ["10.0.0.2/32"]


def test_conditions_of_a_jump_hold_inside() -> None:
    """A chain sees only what the jump lets through."""
    rules = (
        "-A INPUT -p tcp -m tcp --dport 22 -j f2b",
        "-A f2b -s 203.0.113.7/32 -j REJECT",
        "-A f2b -j RETURN",
        "-A INPUT -s 10.0.0.0/8 -j peers",
        "-A peers -s 192.168.0.0/16 -j ACCEPT",
        "-A peers -p udp -m udp --dport 4789 -j ACCEPT",
    )
    found = follow(*rules, policy="DROP", chains=("f2b", "peers"))
    assert found.filtering
    assert [(r.port, r.source) for r in found.accepts] == [(4789, "10.0.0.0/8")]
    assert [(rule.port, rule.source) for rule, _ in found.drops] == [(22, "203.0.113.7/32")]


def test_chains_in_a_circle_end() -> None:
    """Netfilter forbids loops; a file that has one does not hang us."""
    text = "*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\nCOMMIT"
    assert not verdicts(parse_save(text)).filtering


def test_long_ranges_stay_short() -> None:
    """65535 ports are not 65535 rules; a drop of them is a drop of all."""
    opened = follow("-A INPUT -p tcp -m tcp --dport 1:65535 -j ACCEPT", policy="DROP").accepts
    assert {rule.port for rule in opened} == {2377, 7946, 4789}
    dropped = follow("-A INPUT -p tcp -m tcp --dport 1024: -j DROP").drops
    assert [rule.port for rule, _ in dropped] == [0]


def test_ipv6_is_followed_with_its_own_addresses() -> None:
    """``-s`` of the other family is never met."""
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s fd00::/8 -p tcp -m tcp --dport 7946 -j ACCEPT\n"
    (rule,) = verdicts(parse_save(text), v6=True).accepts
    assert rule.source == "fd00::/8"


WORDS = st.sampled_from(
    [
        "-A",
        "INPUT",
        "-j",
        "DROP",
        "ACCEPT",
        "REJECT",
        "-s",
        "10.0.0.1/32",
        "-p",
        "tcp",
        "udp",
        "esp",
        "-m",
        "multiport",
        "--dports",
        "1,2:3",
        "!",
        "--dport",
        "7946",
        "-i",
        "lo",
        "eth0",
        "--comment",
        "swarmlay:x",
        "--ctstate",
        "NEW",
        "a",
        "RETURN",
        "-g",
    ]
)


@settings(deadline=None)
@given(st.lists(st.lists(WORDS, max_size=12), max_size=6))
def test_any_order_of_words_is_read(lines: list[list[str]]) -> None:
    """Nonsense gives ValueError at most, which makes the fact Unknown."""
    text = "*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n" + "\n".join(
        "-A INPUT " + " ".join(words) for words in lines
    )
    try:
        verdicts(parse_save(text))
    except ValueError:
        return
