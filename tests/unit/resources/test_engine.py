"""What the engine resource refuses, and what it does about an engine that is there."""

from dataclasses import replace
from typing import Any

import pytest

from provision.model.actions import Plan
from provision.model.desired import DesiredState, EngineWanted
from provision.model.facts import Known
from provision.model.observed import Packages
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
