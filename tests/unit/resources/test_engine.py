"""What the engine resource refuses, and what it does about an engine that is there."""

from dataclasses import replace
from typing import Any

import pytest

from provision.api.waking import settling
from provision.model.actions import Action, Change, Docker, Plan, Run, Wait
from provision.model.desired import DesiredState, EngineWanted
from provision.model.facts import Known
from provision.model.observed import ContainerFact, Engine, Packages
from provision.plan import plan_up
from tests.unit.plan.worlds import bare_world, changed, swarm_world, three

HELD = {"schema": 1, "cluster": "demo", "entries": [{"kind": "hold", "name": "docker-ce"}]}
LOOSE = Packages({"docker-ce": "5:28.5.0"})


def planned(**facts: Any) -> Plan:
    """The plan where ``w1``, a node of the swarm, has these facts."""
    inventory = three()
    return plan_up(inventory, DesiredState(), changed(swarm_world(inventory), "w1", **facts))


def of_engines(plan: Plan) -> list[tuple[str, str]]:
    """Host and reason of every action on an engine."""
    return [(a.host, a.why) for a in plan.actions if a.resource == "engine"]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("snap", "snap remove docker"),
        ("podman-docker", "apt remove podman-docker"),
        ("rootless", "systemctl --user"),
    ],
)
def test_an_engine_in_the_way_is_refused_with_its_remedy(name: str, remedy: str) -> None:
    """Exit 4, and how to get rid of it."""
    inventory = three()
    world = changed(bare_world(inventory), "w1", conflicts=Known((name,)))
    (blocked,) = plan_up(inventory, DesiredState(), world).blocked

    assert (blocked.host, blocked.exit_code) == ("w1", 4)
    assert name in blocked.reason
    assert remedy in blocked.hint


def test_present_without_an_engine_is_a_mistake_of_the_document() -> None:
    """Exit 2, with both ways out."""
    inventory = three()
    wanted = DesiredState(engine=EngineWanted(source="present"))
    blocked = plan_up(inventory, wanted, bare_world(inventory)).blocked

    assert {b.exit_code for b in blocked} == {2}
    assert all("source: docker" in b.hint for b in blocked)


@pytest.mark.parametrize(
    ("packages", "why"),
    [
        (LOOSE, "not held back from upgrades: docker-ce"),
        (replace(LOOSE, held=("docker-ce",)), ""),
        (replace(LOOSE, held=("docker-ce",), interrupted=True), "was interrupted"),
        (Packages({"docker.io": "20.10"}), ""),
    ],
)
def test_what_a_run_of_ours_left_undone_is_done(packages: Packages, why: str) -> None:
    """The engine runs, and yet something is missing."""
    plan = planned(packages=Known(packages), manifest=Known(HELD))

    assert [(host, why in reason) for host, reason in of_engines(plan)] == (
        [("w1", True)] if why else []
    )


def test_an_interrupted_installation_of_others_is_theirs() -> None:
    """Nothing of ours is on the host."""
    plan = planned(packages=Known(Packages(interrupted=True)), manifest=Known(None))

    assert of_engines(plan) == []


def configured(**engine: Any) -> Plan:
    """The plan where every engine of the swarm needs other settings, with these facts of it."""
    inventory = three()
    world = swarm_world(inventory)
    found = Engine(version="24.0.7", package="docker-ce", running=True, **engine)
    for host in inventory.hosts:
        world = changed(world, host.name, engine=Known(found))
    return plan_up(inventory, DesiredState(engine=EngineWanted(daemon={"debug": True})), world)


def test_engines_that_run_are_restarted_one_after_the_other() -> None:
    """Settings that one does not start with reach no second one; managers keep their quorum."""
    actions = [a for a in configured(running_containers=("db",)).actions if a.resource == "engine"]

    assert [a.host for a in actions] == ["m1", "w1", "w2"]
    assert [sorted(a.after) for a in actions] == [[], [actions[0].id], [actions[1].id]]
    assert {a.restarts for a in actions} == {("db",)}


def test_an_engine_is_back_in_its_swarm_before_the_next_one_goes() -> None:
    """A manager when the swarm has a leader, a worker when it is active."""
    waits = {
        a.host: [s.predicate for s in a.steps if isinstance(s, Wait)][-1]
        for a in configured().actions
        if a.resource == "engine"
    }

    assert isinstance(waits["m1"], Run)
    assert waits["m1"].words[:3] == ("docker", "node", "ls")
    assert waits["w1"] == Docker("swarm.is_active")


def test_what_ran_runs_again_after_a_restart() -> None:
    """Containers without a restart policy would stay down; tasks are Swarm's own business."""
    inventory = three()
    mine = ContainerFact("id-db", "db", "postgres", "running")
    task = ContainerFact("id-t", "t", "nginx", "running", {"com.docker.swarm.task.id": "x"})
    ended = ContainerFact("id-e", "e", "nginx", "exited")
    world = changed(
        swarm_world(inventory), "w1", containers=Known((mine, task, ended)), packages=Known(LOOSE)
    )
    wanted = DesiredState(engine=EngineWanted(daemon={"debug": True}))
    action = next(
        a for a in plan_up(inventory, wanted, world).actions if a.id.startswith("w1:engine")
    )

    assert action.steps[-1] == Run(
        ("docker", "start", "id-db"), timeout=120.0, accepts=frozenset({0, 1})
    )


@pytest.mark.parametrize(
    ("changes", "restarts", "settles"),
    [
        ([Change.CHECK], ("db",), True),
        ([Change.CHECK], (), False),
        ([Change.CHECK, Change.UPDATE], ("db",), False),
        ([], ("db",), False),
    ],
)
def test_only_what_a_restart_stopped_is_waited_for(
    changes: list[Change], restarts: tuple[str, ...], settles: bool
) -> None:
    """A second plan that would change something is no matter of waiting."""
    first = Action("m1:engine:docker", "m1", "engine", "e", Change.UPDATE, "w", restarts=restarts)
    left = tuple(
        Action(f"m1:services:{n}", "m1", "services", "s", c, "w") for n, c in enumerate(changes)
    )

    assert settling(Plan("demo", (first,)), Plan("demo", left)) is settles
