"""The order of an upgrade, and what it refuses."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provision.model.actions import Action, Docker, Plan, Wait
from provision.model.facts import Known
from provision.model.labels import UPGRADE
from provision.model.observed import ObservedState
from provision.model.upgrades import Offer
from provision.plan.day_two import plan_upgrade
from tests.unit.day_two.worlds import NEWER, SAME, inventory, running, service, task, world


def planned(offers: dict[str, Offer] | None = None, **changes: Any) -> Plan:
    """The plan for three managers and two workers."""
    wanted = inventory()
    given = {h.name: NEWER for h in wanted.hosts} | (offers or {})
    return plan_upgrade(wanted, world(wanted, **changes), given)


def by_id(plan: Plan) -> dict[str, Action]:
    """The actions by id."""
    return {a.id: a for a in plan.actions}


def engines(plan: Plan) -> list[str]:
    """Whose engine is upgraded, in order."""
    return [a.host for a in plan.actions if a.id.endswith(":engine:upgrade")]


def operations(action: Action) -> list[str]:
    """The engine operations of an action, waits included."""
    steps = [s.predicate if isinstance(s, Wait) else s for s in action.steps]
    return [s.operation for s in steps if isinstance(s, Docker)]


def test_managers_go_first_and_the_leader_last_of_them() -> None:
    """Then workers, in the inventory's order."""
    assert engines(planned(leader="m2")) == ["m1", "m3", "m2", "w1", "w2"]


def test_each_node_waits_for_the_one_before() -> None:
    """Drain, upgrade, activate, each after the other; the next node after that."""
    plan = planned()
    ids = [a.id for a in plan.actions]

    assert ids[:3] == ["m1:nodes:m2:drain", "m2:engine:upgrade", "m1:nodes:m2:activate"]
    assert plan.actions[0].after == frozenset()
    for before, action in pairwise(plan.actions):
        assert action.after == {before.id}


def test_the_lead_is_drained_by_another_manager() -> None:
    """It cannot answer while its engine restarts."""
    assert "m2:nodes:m1:drain" in by_id(planned())


def test_workers_may_go_together() -> None:
    """Those of a turn do not wait for one another, but all wait for the turn before."""
    wanted = inventory(1, 4)
    offers = {h.name: NEWER for h in wanted.hosts}
    plan = by_id(plan_upgrade(wanted, world(wanted), offers, at_once=3))

    first = {f"m1:nodes:w{i}:drain" for i in (1, 2, 3)}
    assert {frozenset(plan[name].after) for name in first} == {frozenset({"m1:nodes:m1:activate"})}
    done = {f"m1:nodes:w{i}:activate" for i in (1, 2, 3)}
    assert plan["m1:nodes:w4:drain"].after == done


def test_what_is_at_its_version_is_left_alone() -> None:
    """And named."""
    plan = planned({"m1": SAME, "m2": SAME, "m3": SAME, "w1": SAME})

    assert engines(plan) == ["w2"]
    assert plan.notes[0] == "at its version already: m1, m2, m3, w1"


def test_a_node_that_we_left_drained_is_activated() -> None:
    """With the availability that it had; one that the operator drained is not touched."""
    same = dict.fromkeys(("m1", "m2", "m3", "w1", "w2"), SAME)
    ours = {"availability": "drain", "labels": {UPGRADE: "pause"}}
    plan = planned(same, w1=ours, w2={"availability": "drain"})

    assert [a.id for a in plan.actions] == ["m1:nodes:w1:activate"]
    mark = plan.actions[0].steps[-1]
    assert isinstance(mark, Docker)
    assert mark.arguments["availability"] == "pause"
    assert mark.arguments["labels"] == {UPGRADE: None}


def test_quorum_is_counted_before_each_manager() -> None:
    """Just before it is drained, by a manager that stays; workers have none to lose."""
    plan = by_id(planned())

    assert operations(plan["m1:nodes:m2:drain"])[0] == "node.check_restart"
    assert "node.check_restart" not in operations(plan["m1:nodes:w1:drain"])


def test_a_drain_that_fails_is_undone_at_once() -> None:
    """The tasks have no other place: the node takes them again."""
    rescue = by_id(planned())["m1:nodes:w1:drain"].rescue

    assert rescue is not None
    assert isinstance(rescue.steps[0], Docker)
    assert rescue.steps[0].arguments["availability"] == "active"


def test_services_that_run_whole_must_do_so_again() -> None:
    """On every node, because tasks move more than once; a broken service is not waited for."""
    tasks = (task("web", "node-w1", 1), task("web", "node-w2", 2), task("db", "node-w1", 1))
    plan = by_id(planned(services=(service("web", 2), service("db", 3)), tasks=tasks))

    for name in ("m1:nodes:m2:drain", "m1:nodes:w2:drain"):
        wait = plan[name].steps[-1]
        assert isinstance(wait, Wait)
        assert isinstance(wait.predicate, Docker)
        assert wait.predicate.arguments["services"] == ["web"]


def test_with_nowhere_to_go_tasks_stop_and_consent_is_needed() -> None:
    """A single node is not drained; its containers are named."""
    wanted = inventory(1, 0)
    observed = running(world(wanted), "m1", "web.1.abc")
    plan = plan_upgrade(wanted, observed, {"m1": NEWER})

    assert [a.id for a in plan.actions] == ["m1:nodes:m1:quorum", "m1:engine:upgrade"]
    assert plan.actions[1].restarts == ("web.1.abc",)
    assert "while a manager restarts nothing is scheduled" in plan.notes[0]


def test_a_locked_manager_is_unlocked_with_a_key_that_no_plan_shows() -> None:
    """It is read into memory by the manager that stays."""
    plan = planned(autolock=True)
    found = by_id(plan)

    assert "swarm.unlock_key" in operations(found["m1:nodes:m2:drain"])
    assert operations(found["m2:engine:upgrade"])[-2:] == ["swarm.unlock", "swarm.is_active"]
    assert "swarm.unlock" not in operations(found["w1:engine:upgrade"])


def test_a_downgrade_is_refused() -> None:
    """For all: half a cluster at another version helps nobody."""
    plan = planned({"w1": Offer("2.0", "1.0", "older")})

    assert plan.actions == ()
    assert [(b.host, b.exit_code) for b in plan.blocked] == [("w1", 4)]
    assert "1.0 is older than 2.0" in plan.blocked[0].reason


def test_without_a_swarm_there_is_nothing_to_upgrade() -> None:
    """Exit 4, and what to do."""
    wanted = inventory()
    plan = plan_upgrade(wanted, ObservedState({}, Known(None)), {})

    assert plan.blocked[0].exit_code == 4
    assert "swarmlay up" in plan.blocked[0].hint


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(0, 6),
    st.integers(1, 4),
    st.sets(st.integers(0, 10)),
)
def test_never_two_managers_at_once(
    managers: int, workers: int, at_once: int, same: set[int]
) -> None:
    """Whatever is due: every manager's drain comes after the end of the manager before it."""
    wanted = inventory(managers, workers)
    offers = {h.name: SAME if i in same else NEWER for i, h in enumerate(wanted.hosts)}
    plan = plan_upgrade(wanted, world(wanted), offers, at_once=at_once)

    before: dict[str, set[str]] = {}
    for action in plan.actions:  # in reading order, which is an order of the graph
        before[action.id] = set(action.after).union(*(before[i] for i in action.after))

    upgrades = [a for a in plan.actions if a.id.endswith(":engine:upgrade")]
    names = [a.id for a in upgrades if a.host.startswith("m")]
    for earlier, later in pairwise(names):
        assert earlier in before[later]
    assert len(upgrades) == sum(o is NEWER for o in offers.values())
