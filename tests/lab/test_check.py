"""The matrix between the nodes of a real swarm, healthy and broken."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from provision.lab.labs import Lab
from provision.model.desired import Expectation
from provision.model.facts import Known, Unknown
from provision.model.findings import State
from provision.verify import check, expect, underlay
from provision.verify.crew import Crew
from tests.lab.checked import Checked, not_ok, opened, until

pytestmark = pytest.mark.lab

LEFT = (
    "docker ps -aq --filter label=io.swarmlay.probe; docker images -q swarmlay/probe;"
    " ps -eo comm | grep '^perl' || true"
)


@pytest.fixture(scope="module")
def swarm(fresh_lab: Callable[..., Lab]) -> Iterator[Checked]:
    """A swarm made by hand: an attachable network with a container on every host, and a service."""
    with opened(fresh_lab()) as checked:
        checked.everywhere(
            "apt-get install -y --no-install-recommends docker.io iptables >/dev/null 2>&1"
        )
        lead = checked.lab.host("manager").address
        checked.run("manager", f"docker swarm init --advertise-addr {lead}")
        token = checked.run("manager", "docker swarm join-token -q worker")
        for worker in ("worker-1", "worker-2"):
            checked.run(worker, f"docker swarm join --token {token} {lead}:2377")
        checked.run("manager", "docker network create -d overlay --attachable test-net")
        checked.run("manager", "docker network create -d overlay nginx-net")
        for number, host in enumerate(checked.sessions):
            checked.run(
                host, f"docker run -d --name alpine{number} --network test-net alpine sleep 99999"
            )
        checked.run(
            "manager", "docker service create -d --name web --mode global --network nginx-net nginx"
        )
        until(lambda: _running(checked) == 3)
        yield checked


def _running(swarm: Checked) -> int:
    tasks = swarm.run("manager", "docker service ps web --format '{{.CurrentState}}'").splitlines()
    return sum(state.startswith("Running") for state in tasks)


def test_a_healthy_swarm_is_all_green(swarm: Checked) -> None:
    """Every name, ping, TCP and full packet gets through; what the kernel lacks is said once."""
    observed = swarm.observe()
    began = time.monotonic()

    report = check(swarm.inventory, observed, swarm.sessions)

    assert not_ok(report.cells) == []
    assert report.ok
    assert report.exit_code == 0
    assert report.summary()["overlay"]["ok"] == 2 * 6 * 4
    assert time.monotonic() - began < 3
    lacking = [c for c in report.cells if c.state is State.UNAVAILABLE]
    kernels = [f.kernel.value for f in observed.hosts.values() if isinstance(f.kernel, Known)]
    if any(k.able.get("ip_vs") is False for k in kernels):
        assert [c.layer for c in lacking] == ["service", "ingress"]
        assert all("no ip_vs" in c.reason and "worker-2" in c.reason for c in lacking)


def test_the_path_takes_full_packets(swarm: Checked) -> None:
    """The payload of the mtu probe fills the overlay's 1450 bytes."""
    report = check(swarm.inventory, swarm.observe(), swarm.sessions, networks=("test-net",))

    assert {c.found for c in report.cells if c.probe == "mtu"} == {"1450"}
    assert {c.subject for c in report.cells if c.layer == "overlay"} == {"test-net"}


def test_a_blocked_data_path_fails_that_pair_only(swarm: Checked) -> None:
    """VXLAN dropped by a firewall: names resolve, packets do not, and the firewall is named."""
    peer = swarm.lab.host("worker-2").address

    with swarm.firewalled("worker-1", f"INPUT -s {peer}/32 -p udp --dport 4789 -j DROP"):
        report = check(swarm.inventory, swarm.observe(), swarm.sessions)

    failed = not_ok(report.cells)
    assert report.exit_code == 5
    assert {frozenset((c.source, c.target)) for c in failed} == {
        frozenset(("worker-1", "worker-2"))
    }
    assert {c.probe for c in failed if c.layer == "overlay"} == {"ping", "tcp", "mtu"}
    (below,) = [c for c in failed if c.layer == "underlay"]
    assert "worker-1's own firewall" in below.reason
    above = [c for c in failed if c.layer == "overlay"]
    assert all("the underlay blocks udp/4789 from worker-2 to worker-1" in c.reason for c in above)


def test_the_network_between_is_blamed_while_a_swarm_runs(swarm: Checked) -> None:
    """The kernel holds 4789 and dockerd 7946: packets are still seen, and their loss is placed."""
    manager = swarm.lab.host("manager").address

    with swarm.network_drops("worker-1", f"ip daddr {manager} udp dport {{ 4789, 7946 }}"):
        cells = underlay(swarm.peers, swarm.sessions)

    blocked = not_ok(cells)
    assert {(c.source, c.target) for c in blocked} == {("worker-1", "manager")}
    assert {c.probe for c in blocked} == {"udp/4789", "udp/7946"}
    assert all("the network between them blocks it" in c.reason for c in blocked)
    assert all("--protocol udp --port" in c.hint for c in blocked)


def test_a_lacking_endpoint_is_made_and_removed(swarm: Checked) -> None:
    """On an attachable network without containers, ours are started, asked and removed."""
    swarm.run("manager", "docker network create -d overlay --attachable empty-net")
    try:
        report = check(swarm.inventory, swarm.observe(), swarm.sessions, networks=("empty-net",))
    finally:
        swarm.run("manager", "docker network rm empty-net")

    assert not_ok(report.cells) == []
    assert report.summary()["overlay"]["ok"] == 6 * 4
    assert set(swarm.everywhere(LEFT).values()) == {""}


def test_probe_containers_end_with_the_connection(swarm: Checked) -> None:
    """A check that dies while its containers run leaves neither them nor their image."""
    swarm.run("manager", "docker network create -d overlay --attachable cut-net")
    networks = json.loads(swarm.run("manager", "docker network inspect cut-net"))
    with opened(swarm.lab) as other:
        _leave_hanging(other, networks[0]["Id"])

    until(lambda: swarm.run("worker-1", LEFT) == "", 20)
    swarm.run("manager", "docker network rm cut-net")


def _leave_hanging(checked: Checked, network: str) -> None:
    crew = Crew()
    crew.start({"worker-1": checked.sessions["worker-1"]}, "prober", deadline=60)
    said = crew.step({"worker-1": (f"probe hanging {network}", "ready")}, "READY", timeout=60)
    assert any(line.startswith("probed") for line in said["worker-1"]), said
    assert checked.run("worker-1", "docker ps -q --filter label=io.swarmlay.probe")


def test_a_dead_node_is_unknown_and_the_rest_green(swarm: Checked) -> None:
    """A host that cannot be reached has unknown cells with the reason; exit code 3."""
    facts = swarm.observe()
    lost = {name: s for name, s in swarm.sessions.items() if name != "worker-2"}
    why = Unknown("timed out")
    gone = replace(facts.hosts["worker-2"], reachable=why, engine=why, swarm=why, clock=why)
    observed = replace(facts, hosts={**facts.hosts, "worker-2": gone})

    report = check(swarm.inventory, observed, lost, networks=("test-net",))

    assert report.unreachable == ("worker-2",)
    assert report.exit_code == 3
    assert {c.state for c in not_ok(report.cells)} == {State.UNKNOWN}
    assert report.summary()["overlay"]["ok"] == 2 * 4
    assert report.summary()["overlay"]["unknown"] == 4 * 4


def test_expectations_are_judged_from_inside(swarm: Checked) -> None:
    """Names, pings, pages and isolation as containers see them; one round when all is well."""
    wanted = [
        Expectation("ping", {"from": "alpine0", "to": "alpine2", "count": 3}, "p:1"),
        Expectation("resolve", {"from": "alpine0", "name": "alpine1", "count": 1}, "p:2"),
        Expectation("isolated", {"from": "alpine0", "to": "web"}, "p:3"),
        Expectation("http", {"from": "web", "to": "localhost", "contains": "nginx"}, "p:4"),
        Expectation("service", {"name": "web", "replicas": 3}, "p:5"),
        Expectation("container", {"name": "alpine1", "on": "worker-1"}, "p:6"),
        Expectation("node", {"name": "all", "availability": "active"}, "p:7"),
        Expectation("network", {"name": "test-net", "on": "all", "attachable": True}, "p:8"),
        Expectation("tcp", {"from": "laptop", "to": "all", "port": 22}, "p:9"),
    ]

    cells = expect(wanted, swarm.inventory, swarm.observe(), swarm.sessions)

    assert [c for c in cells if c.state is not State.OK] == []
    assert {c.subject for c in cells} == {e.where for e in wanted}


def test_what_does_not_come_true_fails_after_its_time(swarm: Checked) -> None:
    """An expectation is polled until its time is over, then its reason says what was seen."""
    wanted = [
        Expectation("ping", {"from": "alpine0", "to": "nobody", "within": 2.0}, "p:1"),
        Expectation("isolated", {"from": "alpine0", "to": "alpine1", "within": 1.0}, "p:2"),
        Expectation("service", {"name": "web", "replicas": 7, "within": 1.0}, "p:3"),
    ]
    began = time.monotonic()

    cells = expect(wanted, swarm.inventory, swarm.observe(), swarm.sessions)

    assert [c.state for c in cells] == [State.FAILED] * 3
    assert 2 < time.monotonic() - began < 8
    assert "the name nobody is not known" in cells[0].reason
    assert "it is reached" in cells[1].reason
    assert "3 of 7 tasks run" in cells[2].reason


def test_an_expectation_may_come_true_later(swarm: Checked) -> None:
    """A container that appears while it is waited for is found."""
    swarm.run(
        "worker-1",
        "systemd-run --quiet --on-active=2 docker run --rm -d --name late --network test-net"
        " alpine sleep 60",
    )
    wanted = [Expectation("ping", {"from": "alpine0", "to": "late", "within": 30.0}, "p:1")]

    (cell,) = expect(wanted, swarm.inventory, swarm.observe(), swarm.sessions)
    swarm.run("worker-1", "docker rm -f late")

    assert cell.state is State.OK
