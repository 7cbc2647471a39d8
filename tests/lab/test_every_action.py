"""Kill -9 right after an action, by its line of progress; and the simulator held against life."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.lab.labs import Lab
from provision.model.actions import Plan
from tests.lab.swarmlay import Ended, Swarmlay, kill
from tests.unit.api.worlds import Town

pytestmark = [pytest.mark.lab, pytest.mark.slow]

EVERYTHING = Path(__file__).parents[1] / "unit" / "properties" / "everything.yml"
STEPS = (1, 4, 8, 12, 16)
"""Lines of progress after which it is killed; the simulator does it after every single step."""
OWN = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b|_[0-9a-f]{12}\b")
"""What two clusters cannot have in common: addresses, and names salted by what they hold."""


@pytest.fixture(scope="module")
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """A manager and a worker, bare at the beginning of each test."""
    return swarmlay_on(fresh_lab(workers=1))


def killed_after(swarmlay: Swarmlay, actions: int) -> bool:
    """Start `up` and kill it after so many results; whether it was still at work then."""
    process = swarmlay.start("up", str(EVERYTHING), "--yes", "--no-check", "-v")
    seen = 0
    for line in process.stderr or ():
        seen += line.startswith("\u2713")
        if seen == actions:
            kill(process)
            return True
    process.communicate(timeout=60)
    return False


def is_whole(swarmlay: Swarmlay) -> None:
    """Two nodes, two services, two networks, two containers; none twice."""
    script = """
    docker node ls --format '{{.Hostname}} {{.Status}}' | sort
    docker service ls --format '{{.Name}} {{.Replicas}}' | sort
    docker network ls --filter driver=overlay --format '{{.Name}}' | sort
    docker ps -a --filter name=box --format '{{.Names}} {{.State}}'
    """
    assert swarmlay.host("manager", script).splitlines() == [
        "manager Ready",
        "worker-1 Ready",
        "agent 2/2",
        "web 3/3",
        "back",
        "front",
        "ingress",
        "box1 running",
    ]
    names = "docker ps -a --filter name=box --format '{{.Names}} {{.State}}'"
    assert swarmlay.host("worker-1", names).strip() == "box2 running"


@pytest.mark.parametrize("actions", STEPS)
def test_kill_9_after_an_action(swarmlay: Swarmlay, actions: int) -> None:
    """The next run converges; then all of it goes again."""
    was_at_work = killed_after(swarmlay, actions)

    again = swarmlay("up", str(EVERYTHING), "--yes", "--no-check", "-o", "json", timeout=600)
    assert again.code == 0, again.err + again.out[-3000:]
    is_whole(swarmlay)
    down = swarmlay("down", "--purge", "--yes", "-o", "json", timeout=600)

    assert was_at_work or actions > STEPS[2]
    assert down.code == 0, down.err + down.out[-3000:]
    assert down.json["residue"] == []


def plain(text: str) -> str:
    """Without what is each cluster's own."""
    return OWN.sub("OWN", text)


def in_life(ended: Ended) -> list[tuple[str, str, str]]:
    """What a plan of the command line says."""
    found: list[dict[str, Any]] = ended.json["actions"]
    return [(plain(a["id"]), a["change"], plain(a["why"])) for a in found]


def in_memory(plan: Plan) -> list[tuple[str, str, str]]:
    """What a plan of the simulated hosts says."""
    return [(plain(a.id), a.change.value, plain(a.why)) for a in plan.actions]


def test_the_simulator_and_the_lab_agree(swarmlay: Swarmlay) -> None:
    """The same story in both: the same plans in the same words, the same ends."""
    town = Town({"manager": "manager", "worker-1": "worker"}, source="distro")
    desired, path = town.load(EVERYTHING), str(EVERYTHING)

    bare = in_life(swarmlay("plan", path, "-o", "json"))
    assert in_memory(town.plan(desired)) == bare

    real, simulated = swarmlay("up", path, "--yes", "--no-check", "-o", "json"), town.up(desired)
    assert real.code == simulated.exit_code == 0, real.err
    assert outcomes(real) == {(plain(r.action), r.outcome.value) for r in simulated.results}
    assert in_life(swarmlay("plan", path, "-o", "json")) == in_memory(town.plan(desired)) == []

    spoil(swarmlay, town)
    assert in_life(swarmlay("plan", path, "-o", "json")) == in_memory(town.plan(desired))
    mended = swarmlay("up", path, "--yes", "--no-check", "-o", "json")
    assert mended.code == town.up(desired).exit_code == 0, mended.err

    down, gone = swarmlay("down", "--purge", "--yes", "-o", "json"), town.down(purge=True)
    assert down.code == gone.exit_code == 0, down.err
    assert outcomes(down) == {(plain(r.action), r.outcome.value) for r in gone.results}
    assert (down.json["residue"], gone.residue) == ([], ())


def outcomes(ended: Ended) -> set[tuple[str, str]]:
    """Each action and how it ended."""
    return {(plain(r["action"]), r["outcome"]) for r in ended.json["results"]}


def spoil(swarmlay: Swarmlay, town: Town) -> None:
    """Scale a service, take a container and a node's labels away: by hand, in both."""
    labels = "docker node inspect worker-1 -f '{{range $k, $v := .Spec.Labels}}{{$k}} {{end}}'"
    swarmlay.host(
        "manager",
        f"docker service scale -d web=1 >/dev/null; docker rm -f box1 >/dev/null\n"
        f"for label in $({labels}); do\n"
        "docker node update --label-rm $label worker-1 >/dev/null; done",
    )
    swarm = town.swarms()[0]
    swarm.service("web")["Spec"]["Mode"]["Replicated"]["Replicas"] = 1
    swarm.node("worker-1")["Spec"]["Labels"] = {}
    manager = town.transport.hosts["manager"].engine
    assert manager is not None
    manager.objects.containers.clear()
