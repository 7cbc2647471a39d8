"""Hosts that left the inventory, came again, were made anew, or have another address."""

from dataclasses import replace

import pytest

from provision.model.facts import Known
from provision.model.labels import ADOPTED, CLUSTER
from provision.model.observed import Engine, FirewallState, Membership, ObservedState, Rule
from provision.plan import PlanOptions, plan_up
from tests.unit.plan.changing_worlds import (
    DEAD,
    THREE,
    action,
    cluster_of,
    of,
    operations,
    running,
    service,
    with_cluster,
    with_nodes,
    with_record,
    without_host,
)
from tests.unit.plan.worlds import (
    bare,
    changed,
    interface,
    node,
    nothing,
    swarm_world,
    three,
    unreachable,
    with_engine,
)

PRUNE = PlanOptions(prune=True)


def left(world: ObservedState, name: str, *, answers: bool = True) -> ObservedState:
    """The world after *name* left the inventory; it may still answer at its node's address."""
    gone = {name: world.hosts[name]} if answers else {}
    return replace(without_host(world, name), departed=gone)


def test_who_left_the_inventory_is_named_and_stays() -> None:
    """`up` never removes what it does not find, but says where it is and how it would go."""
    world = running(swarm_world(of(m1="manager", w1="worker", w2="worker")), "w2", service("web"))

    plan = plan_up(of(m1="manager", w1="worker"), nothing(), left(world, "w2"))

    assert plan.converged
    assert "w2 (ready, 10.9.0.3, 1 tasks)" in plan.notes[0]
    assert "--prune" in plan.notes[0]


def test_pruning_drains_leaves_and_removes_in_this_order() -> None:
    """Each step waits for the one before; what is ours on the host goes, too."""
    world = running(swarm_world(of(m1="manager", w1="worker", w2="worker")), "w2", service("web"))

    plan = plan_up(of(m1="manager", w1="worker"), nothing(), left(world, "w2"), PRUNE)

    drain, leave = action(plan, "nodes:w2:drain"), action(plan, "w2:swarm:member")
    assert operations(drain) == ["node.update", "node.is_drained"]
    assert drain.steps[-1].predicate.arguments["services"] == ["id-web"]  # type: ignore[union-attr]
    assert drain.id in leave.after
    assert leave.host == "w2"
    assert leave.id in action(plan, "nodes:w2:removed").after


def test_a_dead_node_is_pruned_without_its_host() -> None:
    """Its tasks run elsewhere already: only the record goes, and what stays there is said."""
    world = with_nodes(
        swarm_world(of(m1="manager", w1="worker", w2="worker")), {"w2": {"state": "down"}}
    )

    plan = plan_up(
        of(m1="manager", w1="worker"), nothing(), left(world, "w2", answers=False), PRUNE
    )

    assert [a.id for a in plan.actions] == ["m1:nodes:w2:removed"]
    assert any("docker swarm leave --force" in note for note in plan.notes)


def test_another_machine_at_its_address_is_left_alone() -> None:
    """Whoever answers there is not this node: nothing is done on it."""
    world = swarm_world(of(m1="manager", w1="worker", w2="worker"))
    stranger = with_engine(bare("w2", "10.9.0.3"), Membership("active", "other", "10.9.0.3", "x"))
    world = replace(without_host(world, "w2"), departed={"w2": stranger})

    plan = plan_up(of(m1="manager", w1="worker"), nothing(), world, PRUNE)

    assert "w2" not in {a.host for a in plan.actions}


def test_only_nodes_with_our_label_are_pruned() -> None:
    """Somebody who joined by hand stays."""
    world = with_nodes(
        swarm_world(of(m1="manager", w1="worker", w2="worker")), {"w2": {"labels": {}}}
    )

    plan = plan_up(of(m1="manager", w1="worker"), nothing(), without_host(world, "w2"), PRUNE)

    assert plan.converged


def test_a_renamed_host_has_not_left() -> None:
    """Its node knows it by its id: the label follows, nothing is pruned."""
    world = swarm_world(of(m1="manager", w1="worker"))
    facts = {"m1": world.hosts["m1"], "web": replace(world.hosts["w1"], host="web")}

    plan = plan_up(of(m1="manager", web="worker"), nothing(), replace(world, hosts=facts), PRUNE)

    assert [a.id for a in plan.actions] == ["m1:nodes:web"]


def test_a_new_host_at_the_address_of_one_that_left() -> None:
    """It is bare and joins; the old record goes, and the new host is left alone meanwhile."""
    world = swarm_world(of(m1="manager", w1="worker"))
    facts = {"m1": world.hosts["m1"], "web": bare("web", "10.9.0.2")}

    plan = plan_up(of(m1="manager", web="worker"), nothing(), replace(world, hosts=facts), PRUNE)

    assert "m1:nodes:w1:removed" in [a.id for a in plan.actions]
    assert "web:swarm:member" in [a.id for a in plan.actions]


def test_an_unreachable_host_may_be_the_one_that_was_renamed() -> None:
    """Its address is the node's: as long as it cannot be asked the record stays."""
    world = swarm_world(of(m1="manager", w1="worker"))
    facts = {"m1": world.hosts["m1"], "web": unreachable("web")}

    plan = plan_up(of(m1="manager", web="worker"), nothing(), replace(world, hosts=facts), PRUNE)

    assert plan.actions == ()


def test_pruning_a_manager_counts_the_quorum() -> None:
    """m3 left the inventory and m2 is dead: without m3 one of two could be reached."""
    inventory = of(m1="manager", m2="manager", w1="worker")
    world = with_nodes(swarm_world(of(**THREE)), {"m2": DEAD})
    world = replace(world, hosts={**world.hosts, "m2": unreachable("m2")})

    plan = plan_up(inventory, nothing(), left(world, "m3"), PRUNE)

    assert [(b.host, b.exit_code) for b in plan.blocked if b.exit_code == 4] == [("m3", 4)]
    assert not [a for a in plan.actions if "m3" in a.id]


def test_peers_keep_their_doors_open_until_a_node_is_gone() -> None:
    """While it is a node its tasks need the others; afterwards the rules are closed."""
    world = swarm_world(of(m1="manager", w1="worker", w2="worker"))
    peers = ("10.9.0.1/32", "10.9.0.2/32", "10.9.0.3/32")
    for name in ("m1", "w1"):
        rules = tuple(Rule(0, "any", source, cluster="demo") for source in peers)
        state = FirewallState("iptables", filtering=True, variant="nft", rules=rules)
        world = changed(world, name, firewall=Known(state))

    noted = plan_up(of(m1="manager", w1="worker"), nothing(), left(world, "w2"))
    plan = plan_up(of(m1="manager", w1="worker"), nothing(), left(world, "w2"), PRUNE)

    closing = [r for a in noted.actions if a.resource == "ports" for r in a.before or ()]
    assert not [r for r in closing if "10.9.0.3" in r]
    assert "m1:nodes:w2:removed" in action(plan, "m1:ports:w2").after


def made_anew(machine: str) -> ObservedState:
    """w1 answers without any swarm; its old record is still there."""
    inventory = three()
    labels = {"io.swarmlay.host": "w1", "io.swarmlay.machine": machine, "rack": "7"}
    world = with_nodes(swarm_world(inventory), {"w1": {"labels": labels, "state": "down"}})
    return changed(world, "w1", swarm=Known(Membership("inactive")))


def test_a_host_made_anew_is_recognised_and_explained() -> None:
    """The old record goes, the host joins, labels set by hand are taken over."""
    plan = plan_up(three(), nothing(), made_anew("id-before"))

    old = action(plan, "nodes:w1:node-w1")
    assert "made anew (another machine-id)" in old.why
    assert old.id in action(plan, "w1:swarm:member").after
    labels = action(plan, "m1:nodes:w1").after_["labels"]
    assert (labels["rack"], labels["io.swarmlay.machine"]) == ("7", "id-w1")


def test_the_same_machine_that_left_is_not_called_new() -> None:
    """It left by hand and joins again; its old record goes."""
    plan = plan_up(three(), nothing(), made_anew("id-w1"))

    assert "anew" not in action(plan, "nodes:w1:node-w1").why


def test_the_machine_label_is_written_once() -> None:
    """A node that joined before the label was thought of is not touched for it."""
    assert plan_up(three(), nothing(), swarm_world(three())).converged


def test_a_node_removed_by_hand_that_says_error_joins_again() -> None:
    """Its own swarm does not know it any more: nothing is lost by leaving."""
    world = swarm_world(three())
    nodes = tuple(n for n in cluster_of(world).nodes if n.hostname != "w2")
    world = with_cluster(world, nodes=nodes)
    error = Membership("error", "node-w2", "10.9.0.3", "swarm1", error="node removed")

    plan = plan_up(three(), nothing(), changed(world, "w2", swarm=Known(error)))

    assert plan.blocked == ()
    assert operations(action(plan, "w2:swarm:member"))[:2] == ["swarm.leave", "swarm.join"]


def moved(name: str, new: str) -> ObservedState:
    """A host whose address changed under its node."""
    world = changed(swarm_world(three()), name, interfaces=Known((interface("eth0", f"{new}/24"),)))
    engine = Engine(version="24.0.7", package="docker-ce", running=True, running_containers=("db",))
    return changed(world, name, engine=Known(engine))


def test_a_worker_with_another_address_leaves_and_joins_with_consent() -> None:
    """What stops is named (FAULTS B5): it takes --allow-restart."""
    plan = plan_up(three(), nothing(), moved("w1", "10.9.0.42"))

    join = action(plan, "w1:swarm:member")
    assert join.restarts == ("db",)
    assert "10.9.0.2, an address that it has no more" in join.why
    assert "10.9.0.42" in join.commands[0]
    assert action(plan, "nodes:w1:node-w1").id in join.after
    assert plan.blocked == ()


def test_the_only_manager_with_another_address_is_told_what_to_do() -> None:
    """Nothing is guessed: the address back, or a new cluster from its state."""
    plan = plan_up(three(), nothing(), moved("m1", "10.9.0.42"))

    refused = next(b for b in plan.blocked if b.host == "m1")
    assert refused.exit_code == 4
    assert "10.9.0.1" in refused.reason
    assert "--force-new-cluster --advertise-addr 10.9.0.42" in refused.hint
    assert not [a for a in plan.actions if a.resource in ("swarm", "nodes")]


def test_one_of_three_managers_with_another_address_joins_again() -> None:
    """Its old record is demoted and removed first: two of two reach one another meanwhile."""
    inventory = of(**THREE)
    world = with_nodes(swarm_world(inventory), {"m3": {"reachability": "unreachable"}})
    world = changed(world, "m3", interfaces=Known((interface("eth0", "10.9.0.42/24"),)))

    plan = plan_up(inventory, nothing(), world)

    assert plan.blocked == ()
    assert "m1:nodes:m3:node-m3:role" in action(plan, "nodes:m3:node-m3").after
    assert action(plan, "m3:swarm:member").rescue is not None


@pytest.mark.parametrize("labels", [{CLUSTER: "demo", ADOPTED: "true"}])
def test_an_adopted_swarm_may_advertise_what_it_likes(labels: dict[str, str]) -> None:
    """Whoever made it by hand may be behind NAT: no leave is planned for it."""
    world = swarm_world(three(), labels=labels)
    world = changed(world, "w1", interfaces=Known((interface("eth0", "10.9.0.42/24"),)))

    plan = plan_up(three(), nothing(), world)

    assert not [a for a in plan.actions if a.resource == "swarm"]


def test_a_worker_that_looks_for_managers_where_none_is_joins_again() -> None:
    """After --force-new-cluster with another address the workers stay Down for ever."""
    world = with_nodes(
        swarm_world(three()),
        {"m1": {"manager_address": "10.9.0.42:2377"}, "w1": {"state": "down"}},
    )
    lost = Membership("active", "node-w1", "10.9.0.2", "swarm1", remote_managers=("10.9.0.1:2377",))

    plan = plan_up(three(), nothing(), changed(world, "w1", swarm=Known(lost)))

    assert "10.9.0.1:2377, where none is any more" in action(plan, "w1:swarm:member").why


def test_workers_of_a_former_swarm_are_told_from_strangers() -> None:
    """Every manager was made anew: their own note says whose nodes they were."""
    world = changed(swarm_world(three()), "m1", swarm=Known(Membership("inactive")))
    for name in ("w1", "w2"):
        world = changed(world, name, files=Known({"/var/lib/swarmlay/swarm": "swarm1\n"}))

    plan = plan_up(three(), nothing(), replace(world, cluster=Known(None)))

    assert [b.host for b in plan.blocked] == ["w1", "w2"]
    assert "former swarm (swarm1)" in plan.blocked[0].reason


def test_two_old_records_of_one_host_both_go() -> None:
    """Each leave and join leaves one; the one that is Ready stays."""
    inventory = three()
    old = [node(inventory, "w1", id=f"old-{n}", state="down") for n in (1, 2)]

    plan = plan_up(inventory, nothing(), with_record(swarm_world(inventory), *old))

    assert [a.id for a in plan.actions] == ["m1:nodes:w1:old-1", "m1:nodes:w1:old-2"]
