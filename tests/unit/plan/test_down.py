"""What `down` plans: only ours, in the order that leaves nothing."""

from dataclasses import replace

from provision.model.desired import DesiredState, Network, Service
from provision.model.facts import Known
from provision.model.labels import ADOPTED, CLUSTER
from provision.model.observed import ContainerFact, NetworkFact, ServiceFact
from provision.plan import plan_down, residue
from tests.unit.plan.worlds import changed, nothing, swarm_world, three, unreachable

OURS = {CLUSTER: "demo"}


def network(name: str, labels: dict[str, str]) -> NetworkFact:
    """A network of the cluster."""
    return NetworkFact(
        f"id-{name}", name, "overlay", "swarm", labels=labels, subnets=("10.20.1.0/24",)
    )


def service(name: str, labels: dict[str, str]) -> ServiceFact:
    """A service of the cluster."""
    return ServiceFact(f"id-{name}", name, labels=labels)


def test_services_go_before_networks_before_nodes() -> None:
    """The other order leaks addresses (moby #37338)."""
    inventory = three()
    world = swarm_world(
        inventory, networks=(network("net", OURS),), services=(service("web", OURS),)
    )

    plan = plan_down(inventory, nothing(), world)
    after = {a.id: a.after for a in plan.actions}

    assert "m1:services:web" in after["m1:networks:net"]
    assert "m1:networks:net" in after["w1:swarm:member"]
    assert {"w1:swarm:member", "w2:swarm:member"} <= after["m1:swarm:member"]


def test_what_is_not_ours_keeps_the_swarm() -> None:
    """Somebody else's service runs in it: our objects go, the nodes stay."""
    inventory = three()
    world = swarm_world(inventory, services=(service("web", OURS), service("theirs", {})))

    plan = plan_down(inventory, nothing(), world)

    assert [a.id for a in plan.actions] == ["m1:services:web"]
    assert "theirs" in plan.notes[0]


def test_an_adopted_swarm_is_never_left() -> None:
    """It was there before us."""
    inventory = three()
    world = swarm_world(inventory, labels={**OURS, ADOPTED: "true"})

    assert plan_down(inventory, nothing(), world).actions == ()


def test_down_with_a_playbook_takes_only_its_objects() -> None:
    """Two playbooks' objects stay apart."""
    inventory = three()
    world = swarm_world(
        inventory,
        networks=(network("a", OURS), network("b", OURS)),
        services=(service("one", OURS), service("two", OURS)),
    )
    wanted = DesiredState(
        networks={"a": Network()}, services={"one": Service(image="nginx")}, playbooks=("a.yml",)
    )

    plan = plan_down(inventory, wanted, world)

    assert [a.id for a in plan.actions] == ["m1:services:one", "m1:networks:a"]


def test_foreign_containers_stay() -> None:
    """Only ours are removed."""
    inventory = three()
    found = (
        ContainerFact("1", "ours", "alpine", "running", OURS),
        ContainerFact("2", "theirs", "alpine", "running", {}),
    )
    world = changed(swarm_world(inventory), "w1", containers=Known(found))

    plan = plan_down(inventory, nothing(), world)

    assert [a.id for a in plan.actions if a.resource == "containers"] == ["w1:containers:ours"]


def test_a_dead_host_is_residue_with_a_remedy() -> None:
    """What could not be removed is said, with how to remove it."""
    inventory = three()
    world = swarm_world(inventory)
    world = replace(world, hosts={**world.hosts, "w2": unreachable("w2")})

    left = residue(inventory, replace(world, cluster=Known(None)), purge=False)

    assert [r.host for r in left if "could not be reached" in r.what] == ["w2"]
    assert "docker swarm leave --force" in next(r.remedy for r in left if r.host == "w2")
