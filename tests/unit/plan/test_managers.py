"""Several managers: roles follow the inventory, and no step may lose the quorum."""

from dataclasses import replace

import pytest

from provision.model.facts import Known, Unknown
from provision.model.observed import Membership
from provision.model.quorum import Quorum
from provision.plan import PlanOptions, plan_down, plan_up
from tests.unit.plan.changing_worlds import (
    DEAD,
    THREE,
    action,
    cluster_of,
    of,
    operations,
    with_nodes,
    with_record,
)
from tests.unit.plan.worlds import bare_world, changed, node, nothing, swarm_world, unreachable


@pytest.mark.parametrize(
    ("managers", "reachable", "needed", "kept"),
    [(1, 1, 1, True), (2, 1, 2, False), (3, 2, 2, True), (4, 2, 3, False), (0, 0, 1, False)],
)
def test_a_quorum_is_more_than_half(managers: int, reachable: int, needed: int, kept: bool) -> None:
    """Two managers bear no failure, three bear one, four bear one, too."""
    quorum = Quorum(managers, reachable)

    assert (quorum.needed, quorum.kept) == (needed, kept)


def test_managers_join_one_by_one() -> None:
    """Two joins at once can cost the quorum: each waits for the one before."""
    inventory = of(**THREE)

    plan = plan_up(inventory, nothing(), bare_world(inventory))

    assert "m1:swarm:member" in action(plan, "m2:swarm:member").after
    assert "m2:swarm:member" in action(plan, "m3:swarm:member").after
    assert "m3:swarm:member" not in action(plan, "w1:swarm:member").after


def test_a_manager_that_fails_to_join_is_thrown_out_at_once() -> None:
    """Half-joined it would count for the quorum (FAULTS D12); a worker would not."""
    inventory = of(**THREE)

    plan = plan_up(inventory, nothing(), bare_world(inventory))
    rescue = action(plan, "m2:swarm:member").rescue

    assert rescue is not None
    assert rescue.host == "m1"
    assert [getattr(s, "operation", "") for s in rescue.steps] == ["node.expel"]
    assert action(plan, "w1:swarm:member").rescue is None


def test_promotions_come_before_demotions() -> None:
    """w1 and m2 change places: at no moment are there fewer managers than before."""
    before, after = of(**THREE), of(**{**THREE, "m2": "worker", "w1": "manager"})

    plan = plan_up(after, nothing(), swarm_world(before))

    assert plan.blocked == ()
    up, down = action(plan, "nodes:w1:role"), action(plan, "nodes:m2:role")
    assert up.id in down.after
    assert operations(down) == ["node.check_quorum", "node.update", "node.has_role"]
    assert up.rescue is not None
    assert "*:underlay:ports" in up.after


def test_the_lead_is_demoted_last_and_by_another() -> None:
    """m1 leads and is to be a worker: m2 leads this plan, and m1's demotion waits for all else."""
    before, after = of(**THREE), of(**{**THREE, "m1": "worker", "w1": "manager"})

    plan = plan_up(after, nothing(), swarm_world(before))

    assert action(plan, "nodes:m1:role").host == "m2"
    assert action(plan, "nodes:w1:role").host == "m2"


def test_the_only_manager_hands_over() -> None:
    """m1 promotes w1, and w1 demotes m1 after everything else."""
    before = of(m1="manager", w1="worker", w2="worker")
    after = of(m1="worker", w1="manager", w2="worker")
    world = with_nodes(swarm_world(before), {"w2": {"labels": {}}})

    plan = plan_up(after, nothing(), world)

    assert plan.blocked == ()
    assert action(plan, "nodes:w1:role").host == "m1"
    last = action(plan, "nodes:m1:role")
    assert last.host == "w1"
    assert last.after == {a.id for a in plan.actions if a.id != last.id}


def test_a_demotion_that_loses_the_quorum_is_refused_with_the_numbers() -> None:
    """One of three is dead: with one fewer, one of two could be reached."""
    before, after = of(**THREE), of(**{**THREE, "m3": "worker"})
    world = with_nodes(swarm_world(before), {"m2": DEAD})
    world = replace(world, hosts={**world.hosts, "m2": unreachable("m2")})

    plan = plan_up(after, nothing(), world)
    refused = next(b for b in plan.blocked if b.host == "m3")

    assert refused.exit_code == 4
    assert "of 2 managers that are left 1 can be reached, 2 are needed" in refused.reason
    assert not [a for a in plan.actions if a.host == "m3" or ":m3" in a.id]


def test_a_manager_whose_engine_is_stopped_counts_still() -> None:
    """Its host answers and cannot say what its node is: its record is nobody's to remove."""
    before, after = of(**THREE), of(**{**THREE, "m3": "worker"})
    world = with_nodes(swarm_world(before), {"m2": DEAD})
    world = changed(world, "m2", swarm=Unknown("its engine does not answer"))

    plan = plan_up(after, nothing(), world)

    assert [b.host for b in plan.blocked if b.exit_code == 4] == ["m3"]
    assert plan.actions == ()


def test_two_demotions_are_counted_one_after_the_other() -> None:
    """Of five with one dead the first may go (3 of 4), the second may, too (2 of 3), no third."""
    roles = {f"m{n}": "manager" for n in range(1, 6)}
    world = with_nodes(swarm_world(of(**roles)), {"m5": DEAD})
    world = replace(world, hosts={**world.hosts, "m5": unreachable("m5")})
    after = of(**{**roles, "m2": "worker", "m3": "worker", "m4": "worker"})

    plan = plan_up(after, nothing(), world)

    assert [b.host for b in plan.blocked if b.exit_code == 4] == ["m4"]


def test_the_next_manager_leads_where_the_first_cannot_be_reached() -> None:
    """Inventory order, reachable managers only."""
    inventory = of(**THREE)
    world = swarm_world(inventory)
    world = replace(world, hosts={**world.hosts, "m1": unreachable("m1")})
    world = replace(world, cluster=Known(replace(cluster_of(world), lead="m2")))
    world = with_nodes(world, {"w1": {"labels": {}}})

    plan = plan_up(inventory, nothing(), world)

    assert [a.host for a in plan.actions] == ["m2"]
    assert [b.host for b in plan.blocked] == ["m1"]


def test_a_swarm_without_quorum_is_told_from_one_that_is_not_there() -> None:
    """The numbers, who is missing, the way back; and nothing in the swarm is touched."""
    inventory = of(**THREE)
    world = swarm_world(inventory)
    hosts = {**world.hosts, "m2": unreachable("m2"), "m3": unreachable("m3")}
    reason = "manager m1 could not be asked: The swarm does not have a leader."
    world = replace(world, hosts=hosts, cluster=Unknown(reason))

    plan = plan_up(inventory, nothing(), world)
    cluster = next(b for b in plan.blocked if b.host == "")

    assert plan.actions == ()
    assert cluster.exit_code == 3
    assert "no quorum: 2 of 3 managers" in cluster.reason
    assert "m2, m3 cannot be asked" in cluster.reason
    assert "--force-new-cluster" in cluster.hint
    assert not [b for b in plan.blocked if "another swarm" in b.reason]


def test_down_of_some_managers_keeps_the_quorum() -> None:
    """`down --limit`: drained, demoted, left and removed, seen off by one that stays."""
    inventory = of(**THREE)

    plan = plan_down(
        inventory, nothing(), swarm_world(inventory), PlanOptions(limit=frozenset({"m1"}))
    )

    assert plan.blocked == ()
    assert [a.id for a in plan.actions] == [
        "m2:nodes:m1:drain",
        "m2:nodes:m1:role",
        "m1:swarm:member",
        "m2:nodes:m1:removed",
    ]


def test_down_of_one_manager_too_many_is_refused() -> None:
    """Two of three at once: the second would leave one of one - and that is a quorum."""
    inventory = of(**THREE)
    world = with_nodes(swarm_world(inventory), {"m2": DEAD})

    plan = plan_down(inventory, nothing(), world, PlanOptions(limit=frozenset({"m3"})))

    assert plan.actions == ()
    assert [(b.host, b.exit_code) for b in plan.blocked] == [("m3", 4)]


def test_down_of_everything_asks_for_no_quorum() -> None:
    """Whoever takes the whole cluster down needs none."""
    inventory = of(**THREE)
    world = with_nodes(swarm_world(inventory), {"m2": DEAD})

    plan = plan_down(inventory, nothing(), world)

    assert plan.blocked == ()
    assert "m1:swarm:member" in [a.id for a in plan.actions]


def test_a_half_joined_record_of_an_earlier_run_is_cleared() -> None:
    """Down, without our label, of a host that is in no swarm (community.docker #57951)."""
    inventory = of(**THREE)
    world = swarm_world(inventory)
    nodes = tuple(n for n in cluster_of(world).nodes if n.hostname != "m3")
    world = replace(world, cluster=Known(replace(cluster_of(world), nodes=nodes)))
    half = node(inventory, "m3", id="half", labels={}, **DEAD)
    world = changed(with_record(world, half), "m3", swarm=Known(Membership("inactive")))
    silent = node(inventory, "m3", id="half", labels={}, reachability="")
    uncounted = plan_up(inventory, nothing(), with_nodes(world, {"m3": {"reachability": ""}}))

    plan = plan_up(inventory, nothing(), world)

    assert plan.blocked == ()
    assert operations(action(plan, "nodes:m3:half:role"))[0] == "node.check_quorum"
    assert "m1:nodes:m3:half:role" in action(plan, "nodes:m3:half").after
    assert "m1:nodes:m3:half" in action(plan, "m3:swarm:member").after
    assert not [a for a in uncounted.actions if a.id.endswith(":role")]
    assert Quorum.of([silent]) == Quorum(0, 0)
