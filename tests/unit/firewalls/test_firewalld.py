"""firewalld's zones, read as its command prints them."""

from provision import firewalls
from provision.firewalls import firewall_for, missing, surplus
from provision.model.actions import Run
from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import FirewallState, Protocol, Rule
from provision.model.probes import Answer

PEER, OTHER = "10.0.0.11", "10.0.0.12"
MINE = (
    'rule priority="-1" family="ipv4" source address="10.0.0.11" '
    'port port="7946" protocol="tcp" accept'
)
ESP = 'rule priority="-1" family="ipv4" source address="10.0.0.11" protocol value="esp" accept'


def zone(
    title: str,
    *rich: str,
    target: str = "default",
    ports: str = "",
    services: str = "ssh",
    protocols: str = "",
) -> str:
    """A zone as the command prints it."""
    lines = [
        title,
        f"  target: {target}",
        "  interfaces: eth0",
        f"  services: {services}",
        f"  ports: {ports}",
        f"  protocols: {protocols}",
        "  rich rules: ",
        *(f"\t{rule}" for rule in rich),
    ]
    return "\n".join([*lines, "", ""])


def read(
    now: str, kept: str | None = None, ours: str = "", default: str = "public"
) -> Fact[FirewallState]:
    """The fact from what the script prints."""
    listed = f"@@ firewalld ours\n{ours}\n" if ours else ""
    text = f"@@ firewalld\nrunning\n@@ firewalld default\n{default}\n@@ firewalld now\n{now}"
    kept = now if kept is None else kept
    return firewalls.parse(Answer(0, f"{text}@@ firewalld kept\n{kept}{listed}@@ end\n"))


def state(now: str, kept: str | None = None, ours: str = "") -> FirewallState:
    """Its state."""
    fact = read(now, kept, ours)
    assert isinstance(fact, Known), fact
    return fact.value


def rules(*sources: str, port: int = 7946, protocol: Protocol = "tcp") -> list[Rule]:
    """A rule for each source."""
    return [Rule(port, protocol, source) for source in sources]


def test_a_fresh_firewalld_lets_no_peer_in() -> None:
    """Only SSH is a service of its zone, whether or not the zone is marked active."""
    for title in ("public (active)", "public (default, active)", "public"):
        found = state(zone(title))
        assert (found.backend, found.supported, found.filtering) == ("firewalld", True, True)
        assert found.variant == "public"
        assert missing(found, rules(PEER)) == tuple(rules(PEER))


def test_zones_without_peers_are_no_doors() -> None:
    """Those that are not active, and those that accept everything, as Docker's own does."""
    others = zone("work") + zone("docker (active)", target="ACCEPT")
    assert state(zone("public (active)") + others).variant == "public"
    assert state(zone("public (active)") + zone("work (active)")).variant == "public+work"


def test_a_zone_that_accepts_everything_needs_nothing() -> None:
    """Then nothing filters."""
    found = state(zone("public (active)", target="ACCEPT"))
    assert missing(found, rules(PEER)) == ()


def test_open_ports_are_open_for_peers() -> None:
    """Also in ranges, by the service for swarms, and for ESP."""
    for found in (
        state(zone("public", ports="7946/tcp 80/tcp")),
        state(zone("public", ports="7000-8000/tcp")),
        state(zone("public", services="ssh docker-swarm")),
    ):
        assert missing(found, rules(PEER)) == ()
    esp = rules(PEER, port=0, protocol="esp")
    assert missing(state(zone("public", protocols="esp")), esp) == ()


def test_rich_rules_of_others() -> None:
    """A refusal comes before an acceptance of the same priority."""
    opened = 'rule family="ipv4" source address="10.0.0.0/24" accept'
    refused = 'rule port port="7946" protocol="tcp" drop'
    assert missing(state(zone("public", opened)), rules(PEER)) == ()
    found = state(zone("public", opened, refused))
    assert missing(found, rules(PEER)) == tuple(rules(PEER))
    assert found.drops == (f"public: {refused}",)


def test_ours_are_those_that_the_host_lists() -> None:
    """Rich rules have no comments; the exact words are written down before they are added."""
    found = state(zone("public", MINE, ESP), ours=f"cluster demo\npublic {MINE}\npublic {ESP}")
    wanted = [*rules(PEER), *rules(PEER, port=0, protocol="esp")]
    assert missing(found, wanted) == ()
    assert set(surplus(found, [], "demo")) == {
        Rule(7946, "tcp", f"{PEER}/32", cluster="demo"),
        Rule(0, "esp", f"{PEER}/32", cluster="demo"),
    }
    assert surplus(found, [], "another") == ()
    assert surplus(state(zone("public", MINE)), [], "demo") == ()


def test_rules_that_a_reload_would_forget_are_missing() -> None:
    """What runs is not what is kept."""
    found = state(zone("public", MINE), kept=zone("public"), ours=f"cluster demo\npublic {MINE}")
    assert found.persistent is False
    assert missing(found, rules(PEER)) == tuple(rules(PEER))


def test_every_zone_must_accept() -> None:
    """Peers may come in through any of them."""
    now = zone("public (active)", MINE) + zone("work (active)")
    found = state(now, ours=f"cluster demo\npublic {MINE}")
    assert missing(found, rules(PEER)) == tuple(rules(PEER))


def test_opening_and_closing_use_the_same_words() -> None:
    """One call for each zone, listed in the manifest before."""
    found = state(zone("public (active)") + zone("work (active)"))
    driver = firewall_for(found)
    assert driver is not None
    listed, *added = [s for s in driver.open(found, "demo", rules(PEER)) if isinstance(s, Run)]
    assert "/etc/swarmlay/firewalld" in listed.words
    removed = [s for s in driver.close(found, "demo", rules(PEER)) if isinstance(s, Run)]
    assert [s.words[3:] for s in added] == [
        ("add", "demo", "public", MINE),
        ("add", "demo", "work", MINE),
    ]
    assert [s.words[3:] for s in removed] == [
        ("remove", "demo", "public", MINE),
        ("remove", "demo", "work", MINE),
    ]
    typed = driver.commands(found, "demo", rules(PEER))
    assert typed[0] == f"firewall-cmd --permanent --zone=public '--add-rich-rule={MINE}'"


def test_zones_that_cannot_be_read_are_unknown() -> None:
    """A daemon that runs and says nothing is never "none"."""
    assert isinstance(read("Error: COMMAND_FAILED\n"), Unknown)


def test_one_that_starts_or_failed_is_unknown() -> None:
    """It may close everything in the next moment."""
    assert isinstance(
        firewalls.parse(Answer(0, "@@ firewalld\nactive: not running\n@@ end\n")), Unknown
    )


def test_one_that_is_off_is_not_in_force() -> None:
    """Installed is not running."""
    fact = firewalls.parse(Answer(0, "@@ firewalld\n@@ end\n"))
    assert isinstance(fact, Known)
    assert fact.value.backend == "none"
