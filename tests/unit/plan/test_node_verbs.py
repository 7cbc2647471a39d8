"""What `swarmlay node …` plans, what it refuses and what it says."""

from dataclasses import replace

import pytest

from provision.errors import UsageError
from provision.model.actions import Docker, Plan
from provision.model.facts import Known, Unknown
from provision.model.observed import ContainerFact, ObservedState
from provision.plan import NodeDeed, Replacement, plan_node, plan_replacement
from provision.plan.nodes import VERBS, Verb
from tests.unit.plan.changing_worlds import (
    DEAD,
    THREE,
    action,
    of,
    operations,
    running,
    service,
    with_nodes,
)
from tests.unit.plan.worlds import (
    bare,
    bare_world,
    changed,
    node,
    nothing,
    swarm_world,
    three,
    unreachable,
)


def plan(verb: Verb, host: str, world: ObservedState | None = None, *, force: bool = False) -> Plan:
    """The plan of one verb on one manager and two workers."""
    world = world or swarm_world(three())
    return plan_node(three(), world, NodeDeed(verb, host, force=force))


def test_drain_waits_for_replicated_services_only() -> None:
    """A global service's task ends there, there is nothing to wait for."""
    web, agent = service("web"), service("agent", mode={"Global": {}})
    made = plan("drain", "w1", running(swarm_world(three()), "w1", web, agent))

    drain = action(made, "nodes:w1:drain")
    assert drain.steps[-1].predicate.arguments["services"] == ["id-web"]  # type: ignore[union-attr]
    assert any("global service agent ends" in note for note in made.notes)


def test_a_drained_empty_node_is_left_alone() -> None:
    """Nothing to do is an empty plan."""
    world = with_nodes(swarm_world(three()), {"w1": {"availability": "drain"}})

    assert plan("drain", "w1", world).converged
    assert operations(action(plan("activate", "w1", world), "active")) == ["node.update"]


@pytest.mark.parametrize("verb", ["activate", "demote"])
def test_what_is_so_already_is_an_empty_plan(verb: Verb) -> None:
    """w1 is active and a worker."""
    assert plan(verb, "w1").converged


def test_drain_says_what_does_not_go_along() -> None:
    """Volumes and standalone containers stay on the host."""
    web = service("web")
    mounts = {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/data"}]}
    web = replace(web, spec={**web.spec, "TaskTemplate": {"ContainerSpec": mounts}})
    world = running(swarm_world(three()), "w1", web)
    alone = ContainerFact("c1", "alone", "busybox", "running", {"io.swarmlay.cluster": "demo"})
    notes = plan("drain", "w1", changed(world, "w1", containers=Known((alone,)))).notes

    assert any("its data in data does not" in note for note in notes)
    assert any("containers outside Swarm go on there: alone" in note for note in notes)


@pytest.mark.parametrize(
    ("constraint", "stuck"),
    [
        ("node.labels.disk == ssd", True),
        ("node.labels.disk==ssd", True),
        ("node.hostname == w1", True),
        ("node.hostname != w1", False),
        ("node.role == worker", False),
        ("node.role == manager", False),
        ("engine.labels.gpu == yes", False),
    ],
)
def test_what_cannot_move_is_foretold(constraint: str, stuck: bool) -> None:
    """Where only this node fulfils a constraint, remove refuses with the reason."""
    labels = {"io.swarmlay.host": "w1", "disk": "ssd"}
    world = with_nodes(swarm_world(three()), {"w1": {"labels": labels}})
    world = running(world, "w1", service("db", constraints=[constraint]))

    removed = plan("remove", "w1", world)

    assert bool(removed.blocked) is stuck
    if stuck:
        assert removed.blocked[0].exit_code == 4
        assert f"no other active node fulfils {constraint}" in removed.blocked[0].reason
        assert action(plan("remove", "w1", world, force=True), "nodes:w1:drain").lax


def test_the_last_manager_is_neither_demoted_nor_removed() -> None:
    """With the numbers, whatever --force says."""
    for verb in ("demote", "remove"):
        made = plan(verb, "m1", force=True)
        assert [(b.host, b.exit_code) for b in made.blocked] == [("m1", 4)]
        assert "no manager would be left" in made.blocked[0].reason


def test_promotion_says_what_the_inventory_will_do() -> None:
    """The next up would take it back, and two managers are no better than one."""
    made = plan("promote", "w1")

    assert any("write `role: manager`" in note for note in made.notes)
    assert any("2 managers bear no more failures than 1" in note for note in made.notes)


def test_a_dead_worker_is_not_promoted() -> None:
    """It would only cost the quorum."""
    made = plan("promote", "w1", with_nodes(swarm_world(three()), {"w1": {"state": "down"}}))

    assert [b.exit_code for b in made.blocked] == [4]


def test_remove_takes_the_whole_way() -> None:
    """Drain, leave on the host, record; and the inventory is spoken of."""
    made = plan("remove", "w1")

    assert [a.id for a in made.actions] == [
        "m1:nodes:w1:drain",
        "w1:swarm:member",
        "m1:nodes:w1:removed",
    ]
    assert any("out of the inventory" in note for note in made.notes)


def test_a_dead_host_needs_force() -> None:
    """Exit 3 and the command; with --force only the record goes, and what stays is said."""
    world = with_nodes(swarm_world(three()), {"w1": {"state": "down"}})
    world = replace(world, hosts={**world.hosts, "w1": unreachable("w1")})

    refused, forced = plan("remove", "w1", world), plan("remove", "w1", world, force=True)

    assert refused.blocked[0].exit_code == 3
    assert "node remove --force w1" in refused.blocked[0].hint
    assert [a.id for a in forced.actions] == ["m1:nodes:w1:removed"]
    assert any("does not answer as this node" in note for note in forced.notes)


def test_a_manager_is_demoted_before_it_leaves() -> None:
    """The others then count without it; a lead is seen off by another."""
    inventory = of(**THREE)

    made = plan_node(inventory, swarm_world(inventory), NodeDeed("remove", "m1"))

    assert [a.id for a in made.actions] == [
        "m2:nodes:m1:drain",
        "m2:nodes:m1:role",
        "m1:swarm:member",
        "m2:nodes:m1:removed",
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_host_is_an_error_that_names_the_nodes(verb: Verb) -> None:
    """Exit 2."""
    with pytest.raises(UsageError) as caught:
        plan(verb, "w9")

    assert "m1, w1, w2" in caught.value.hint


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_swarm_nothing_is_done(verb: Verb) -> None:
    """None there yet, one that cannot be asked, one that is not ours."""
    world = swarm_world(three())
    codes = [
        plan(verb, "w1", bare_world(three())).blocked[0].exit_code,
        plan(verb, "w1", replace(world, cluster=Unknown("silent"))).blocked[0].exit_code,
        plan(verb, "w1", swarm_world(three(), labels={})).blocked[0].exit_code,
    ]

    assert codes == [4, 3, 4]


def replaced(old: str, new: str, **roles: str) -> tuple[Plan, ObservedState]:
    """*new* is in the inventory and bare, everybody else a node."""
    inventory = of(**roles)
    member = of(**{n: r for n, r in roles.items() if n != new})
    world = swarm_world(member)
    hosts = {**world.hosts, new: bare(new, inventory.host(new).ssh.address)}
    world = replace(world, hosts={h.name: hosts[h.name] for h in inventory.hosts})
    made = plan_replacement(inventory, nothing(), world, Replacement(old, new))
    return made, world


def test_the_new_one_joins_before_the_old_one_is_drained() -> None:
    """Tasks need a place to go to."""
    made, _ = replaced("w1", "w2", m1="manager", w1="worker", w2="worker")

    assert made.blocked == ()
    assert "w2:swarm:member" in action(made, "nodes:w1:drain").after
    assert made.actions[-1].id == "m1:nodes:w1:removed"
    assert any("take w1 out" in note for note in made.notes)


def test_a_manager_is_replaced_by_a_manager() -> None:
    """Whatever the inventory says of the new one: it takes over the role, by joining with it."""
    made, _ = replaced("m1", "w2", m1="manager", w1="worker", w2="worker")

    join = action(made, "w2:swarm:member")
    assert "manager join token" in join.commands[0]
    assert action(made, "nodes:m1:role").host == "w2"
    assert join.id in action(made, "nodes:m1:role").after


def test_labels_go_along() -> None:
    """Those set by hand and the inventory's; the new host's own words win."""
    inventory = three()
    labels = {"io.swarmlay.host": "w1", "zone": "a", "io.swarmlay.node-labels": "zone", "rack": "7"}
    world = with_nodes(swarm_world(inventory), {"w1": {"labels": labels}})

    made = plan_replacement(inventory, nothing(), world, Replacement("w1", "w2"))

    update = next(s for s in action(made, "m1:nodes:w2").steps if isinstance(s, Docker))
    assert update.arguments["labels"] == {"zone": "a", "rack": "7", "io.swarmlay.host": "w2"}


def test_a_dead_manager_goes_before_the_new_one_joins() -> None:
    """Two of two are safer than three of four while somebody joins."""
    inventory = of(m1="manager", m2="manager", m3="manager", m4="manager")
    world = swarm_world(of(m1="manager", m2="manager", m3="manager"))
    world = with_nodes(world, {"m2": DEAD})
    hosts = {**world.hosts, "m2": unreachable("m2"), "m4": bare("m4", "10.9.0.4")}
    world = replace(world, hosts=hosts)

    refused = plan_replacement(inventory, nothing(), world, Replacement("m2", "m4"))
    made = plan_replacement(inventory, nothing(), world, Replacement("m2", "m4", force=True))

    assert [b.exit_code for b in refused.blocked] == [3]
    assert "m1:nodes:m2:removed" in action(made, "m4:swarm:member").after


def test_the_new_host_must_be_in_the_inventory() -> None:
    """And be another one than the old."""
    for new in ("w9", "w1"):
        with pytest.raises(UsageError):
            plan_replacement(three(), nothing(), swarm_world(three()), Replacement("w1", new))
    assert node(three(), "w1").id == "node-w1"
