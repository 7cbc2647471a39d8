"""What a plan says beside what it does."""

from provision.model.desired import DesiredState, Port, Service
from provision.model.facts import Known
from provision.model.observed import FirewallState
from provision.plan import plan_up
from tests.unit.plan.worlds import bare_world, changed, nothing, three


def published(*ports: Port) -> DesiredState:
    """A service that publishes ports."""
    return DesiredState(services={"web": Service(image="nginx", ports=list(ports))})


def test_ports_that_pass_ufw_by_are_named_once() -> None:
    """Docker's rules come before ufw's; nobody expects that."""
    world = bare_world(three())
    for name in ("m1", "w1"):
        world = changed(world, name, firewall=Known(FirewallState("ufw", filtering=True)))
    plan = plan_up(three(), published(Port(target=80, published=8080)), world)
    (note,) = [text for text in plan.notes if "ufw" in text]
    assert "ufw on m1, w1 does not guard published ports (8080/tcp)" in note


def test_no_word_about_ufw_where_nothing_passes_it_by() -> None:
    """Nothing published, only on loopback, or no ufw."""
    walled = changed(bare_world(three()), "m1", firewall=Known(FirewallState("ufw")))
    local = published(Port(target=80, host_ip="127.0.0.1"))
    for desired, world in (
        (nothing(), walled),
        (local, walled),
        (published(Port(target=80)), bare_world(three())),
    ):
        assert not [n for n in plan_up(three(), desired, world).notes if "ufw" in n]


def test_several_architectures_are_named() -> None:
    """An image must have been built for each; words for the same one are the same."""
    world = changed(bare_world(three()), "w1", architecture=Known("amd64"))
    assert not [n for n in plan_up(three(), nothing(), world).notes if "architectures" in n]
    mixed = changed(world, "w2", architecture=Known("arm64"))
    (note,) = [n for n in plan_up(three(), nothing(), mixed).notes if "architectures" in n]
    assert "amd64: m1, w1; arm64: w2" in note
    assert "exec format error" in note
