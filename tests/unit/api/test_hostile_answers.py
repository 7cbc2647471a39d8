"""Hosts that answer garbage to a question: said in words, and never taken for something else."""

import pytest

from provision.checks.hosts import cells
from provision.errors import SwarmlayError
from provision.model.actions import Docker
from provision.model.probes import Answer
from provision.observe.hosts import PROBES
from provision.transports.simulated.describing import DESCRIBED
from tests.unit.api.worlds import OVERLAY, Town

THREE = {"m1": "manager", "w1": "worker", "w2": "worker"}
GARBAGE = {
    "nothing": "",
    "escapes": "\033[2J\033]0;owned\007\033[6n\x00\x9b31m",
    "words": "This account is currently not available.",
    "json": "@@ binary\n/usr/bin/dockerd\n@@ conflicts\n@@ enabled\n@@ running\nyes\n@@ daemon\n\n"
    '@@ /info\nHTTP/1.0 200 OK\n\n{"Swarm": [], "ServerVersion": {}}',
    "sections": "\n".join(f"@@ {word}\n[[[" for word in ("os", "addresses", "packages", "begin")),
    "much": "x" * 300_000,
}


def test_every_probe_is_simulated() -> None:
    """The stand-in answers whatever `observe` asks."""
    assert {probe.name for probe in PROBES} <= set(DESCRIBED)


def said(town: Town) -> list[str]:
    """What an `up` says of hosts that it leaves out, or of why it does nothing."""
    try:
        report = town.up(town.load(OVERLAY))
    except SwarmlayError as error:
        return [f"{error} {error.hint}"]
    return [b.reason for p in (report.plan, report.second) if p for b in p.blocked]


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("probe", sorted(DESCRIBED))
def test_garbage_of_a_formed_host_is_never_acted_on(probe: str, kind: str) -> None:
    """No second swarm, no double, nobody thrown out; at worst the host is left out, with words."""
    town, host = Town(THREE), "m1" if probe in ("engine", "network", "system") else "w1"
    town.up(town.load(OVERLAY))
    before = (town.containers(), sorted(town.swarms()[0].nodes), town.swarms()[0].id)
    town.transport.machine(host).garbage[probe] = GARBAGE[kind]

    for text in said(town):
        assert text
        assert "\033" not in text
        assert len(text) < 1000
    swarm = town.swarms()[0]
    assert (town.containers(), sorted(swarm.nodes), swarm.id) == before


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("probe", ["engine", "firewall", "network", "packages", "system"])
def test_garbage_of_a_bare_host_costs_the_others_nothing(probe: str, kind: str) -> None:
    """A host that cannot be understood does not join; the next run, when it can, completes it."""
    town = Town(THREE)
    town.transport.machine("w1").garbage[probe] = GARBAGE[kind]
    assert all("\033" not in text for text in said(town))

    town.transport.machine("w1").garbage.clear()

    assert town.up(town.load(OVERLAY)).exit_code == 0


@pytest.mark.parametrize("answer", [None, [], "no", 7, {"ID": None}, [{}], {"Spec": []}])
def test_wrong_json_from_a_manager_leaves_the_cluster_alone(answer: object) -> None:
    """What makes no sense is not known; nothing is founded, removed or joined over it."""
    town = Town(THREE)
    desired = town.load(OVERLAY)
    town.up(desired)
    engine = town.transport.hosts["m1"].engine
    assert engine is not None
    right = engine.call
    lists = ("/swarm", "/nodes", "/networks", "/services", "/tasks")
    engine.call = lambda method, path, **more: (  # type: ignore[method-assign]
        answer
        if path in lists and not (more.get("query") or {}).get("filters")
        else right(method, path, **more)
    )

    report = town.up(desired)

    assert report.plan.actions == ()
    assert report.exit_code in (1, 3)
    assert "m1" in str(report.plan.blocked)


def test_an_hour_off_is_told_by_check() -> None:
    """The host and by how much."""
    town = Town(THREE)
    town.transport.machine("w2").clock_offset = 3600.0
    with town.session() as session:
        found = [c for c in cells(session.observe()) if c.probe == "clock"]

    assert [c.state.value for c in found] == ["ok", "ok", "failed"]
    assert "+36" in found[2].reason


def test_a_full_disk_is_the_hosts_own_words() -> None:
    """The action fails with them; what does not need it goes on; the next run completes it."""
    town = Town(THREE)
    town.transport.hosts["w1"].fail(
        lambda step: not isinstance(step, Docker),
        Answer(1, "", "cp: error writing '/x': No space left on device"),
    )
    report = town.up(town.load(OVERLAY))

    failed = [r for r in report.results if r.host == "w1" and "No space left" in r.cause]
    assert failed
    assert report.exit_code == 1
    assert town.up(town.load(OVERLAY)).exit_code == 0
