"""The whole verbs on hosts in memory: what the lab shows in minutes, in a fraction of a second."""

from pathlib import Path

import pytest

from provision.errors import HostUnreachable, LockHeld
from provision.model.probes import Answer
from provision.model.results import Outcome
from provision.transports.simulated import StoredFile
from tests.unit.api.worlds import OVERLAY, Town, named

THREE = {"m1": "manager", "w1": "worker", "w2": "worker"}


@pytest.fixture
def town() -> Town:
    """Three bare hosts."""
    return Town(THREE)


def test_from_bare_hosts_and_back(town: Town) -> None:
    """`plan`, `up`, `up`, `down --purge`, `down --purge`: as on real hosts."""
    desired = town.load(OVERLAY)
    planned = town.plan(desired)

    first, second = town.up(desired), town.up(desired)
    down, again = town.down(purge=True), town.down(purge=True)

    assert planned == first.plan
    assert {r.outcome for r in first.results} == {Outcome.CHANGED, Outcome.UNCHANGED}
    assert first.second is not None
    assert first.second.converged
    assert second.plan.converged
    assert (down.residue, again.plan.actions) == ((), ())
    assert town.engines() == []
    assert all(host.files == {} for host in town.transport.hosts.values())


@pytest.mark.parametrize("kind", ["iptables", "ufw"])
def test_a_firewall_is_opened_and_closed_again(town: Town, kind: str) -> None:
    """The gate sees the ports closed before, open after; `down` leaves the filter as it was."""
    for name in town.hosts:
        town.transport.machine(name).filter.kind = kind  # type: ignore[assignment]
    with town.session() as session:
        before = session.underlay()

    up = town.up(town.load(OVERLAY))
    with town.session() as session:
        after = session.underlay()
    town.down()

    assert {c.state.value for c in before.cells} == {"failed"}
    assert {r.outcome for r in up.results} == {Outcome.CHANGED, Outcome.UNCHANGED}
    assert {c.state.value for c in after.cells} == {"ok"}
    assert all(town.transport.machine(name).filter.rules == [] for name in town.hosts)


def test_ports_that_stay_closed_stop_before_the_swarm(town: Town) -> None:
    """The network between hosts is not ours to open: exit 5, and nothing joined."""
    town.transport.machine("w1").filter.walled = True

    report = town.up(town.load(OVERLAY))

    failed = [r for r in report.results if r.outcome is Outcome.FAILED]
    assert [(r.action, r.exit_code) for r in failed] == [("*:underlay:ports", 5)]
    assert town.swarms() == []


def test_two_operators(town: Town) -> None:
    """The second is refused with the name of the first; afterwards the lock is free."""
    desired = town.load(OVERLAY)
    with town.session() as first, first._locked(), pytest.raises(LockHeld) as refused:
        town.up(desired)

    assert "locked by somebody" in str(refused.value)
    assert town.up(desired).results


def test_a_file_that_was_there_is_put_back(town: Town, tmp_path: Path) -> None:
    """daemon.json is merged with the playbook's wishes, and restored by `down --purge`."""
    path, text = "/etc/docker/daemon.json", b'{"log-driver": "local"}\n'
    for host in town.transport.hosts.values():
        host.files[path] = StoredFile(text, 0o644)
    playbook = tmp_path / "daemon.yml"
    playbook.write_text("engine: {daemon: {max-concurrent-downloads: 2}}\n")

    town.up(town.load(playbook))
    merged = town.transport.machine("w1").daemon
    down = town.down(purge=True)

    assert "log-driver" in merged
    assert "max-concurrent-downloads" in merged
    assert down.residue == ()
    assert all(h.files[path].content == text for h in town.transport.hosts.values())


def test_membership_that_could_not_be_ended_is_residue(town: Town) -> None:
    """The swarm's id is recorded on each host: a worker that is left behind is named."""
    town.up(town.load(OVERLAY))
    worker = town.transport.hosts["w1"]
    worker.fail(
        lambda step: getattr(step, "operation", "") == "swarm.leave",
        Answer(1, "", "engine is busy"),
        times=9,
    )

    report = town.down()

    assert ("w1", "membership of the swarm") in {(r.host, r.what) for r in report.residue}


def test_a_worker_is_taken_out_after_its_manager_died(town: Town) -> None:
    """`down` works around the dead lead: the workers' own records say that they are ours."""
    town.up(town.load(OVERLAY))
    town.transport.hosts["m1"].unreachable = HostUnreachable("no route to host")

    report = town.down()

    assert {r.action for r in report.results} >= {"w1:swarm:member", "w2:swarm:member"}
    assert [e.state for e in town.engines() if e.hostname != "m1"] == ["inactive", "inactive"]


def test_drift_of_every_kind_is_planned_and_repaired(town: Town) -> None:
    """Scaled by hand, a container removed, a node's labels taken away, an engine stopped."""
    desired = town.load(OVERLAY)
    town.up(desired)
    swarm = town.swarms()[0]
    service = next(iter(swarm.services.values()))
    service["Spec"]["Mode"]["Replicated"]["Replicas"] = 2
    worker = town.transport.hosts["w1"].engine
    assert worker is not None
    worker.objects.containers.clear()
    worker.node["Spec"]["Labels"].clear()  # type: ignore[index]
    other = town.transport.hosts["w2"].engine
    assert other is not None
    other.stop()

    report = town.up(desired)

    assert report.second is not None
    assert report.second.converged, report.second.blocked
    assert named(town.swarms()[0].services, "Spec", "Name") == ["my-nginx"]
    assert town.containers() == [("m1", "alpine1"), ("w1", "alpine2")]


@pytest.mark.parametrize("name", ["m1", "w1"])
def test_a_node_whose_engine_is_stopped_is_woken_and_not_joined_again(
    town: Town, name: str
) -> None:
    """Started first, and what its containers lack is planned once it can tell: one `up`."""
    desired = town.load(OVERLAY)
    town.up(desired)
    before = {e.hostname: e.node_id for e in town.engines()}
    engine = town.transport.hosts[name].engine
    assert engine is not None
    engine.stop()

    planned, report = town.plan(desired), town.up(desired)

    assert [a.id for a in planned.actions] == [f"{name}:engine:docker"]
    assert planned.complete, planned.blocked
    assert report.exit_code == 0
    assert {r.action for r in report.results} >= {f"{name}:engine:docker"}
    assert {e.hostname: e.node_id for e in town.engines()} == before
    assert town.plan(desired).converged


def test_down_names_what_a_stopped_engine_keeps(town: Town) -> None:
    """Its membership cannot be ended while it is stopped; that is residue, and not silence."""
    town.up(town.load(OVERLAY))
    engine = town.transport.hosts["w1"].engine
    assert engine is not None
    engine.stop()

    report = town.down()

    assert {r.host for r in report.residue} == {"w1"}
    assert report.exit_code == 1
    assert town.down(purge=True).residue == ()
