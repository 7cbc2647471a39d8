"""The simulated cluster behaves as real engines do where it matters."""

from typing import Any

import pytest

from provision.errors import ActionFailed, HostUnreachable
from provision.model.actions import Docker, DockerOperation, Ref, Run, Wait, WriteFile
from provision.model.probes import Answer
from provision.transports.simulated import SimulatedSession, SimulatedTransport


def _do(session: SimulatedSession, operation: DockerOperation, **arguments: Any) -> Answer:
    return session.do(Docker(operation, arguments), {})


def _wait(session: SimulatedSession, operation: DockerOperation, **arguments: Any) -> Answer:
    return session.do(Wait(Docker(operation, arguments), 30, "the test"), {})


def _spec(name: str = "web", image: str = "nginx", **more: Any) -> dict[str, Any]:
    template = {"ContainerSpec": {"Image": image}, **more.pop("template", {})}
    return {"Name": name, "TaskTemplate": template, **more}


@pytest.fixture
def cluster() -> SimulatedTransport:
    """A manager and two workers, in a swarm."""
    transport = SimulatedTransport(["manager", "worker-1", "worker-2"], images=["nginx:latest"])
    manager = transport.connect("manager")
    _do(manager, "swarm.init", advertise_addr="10.0.0.11")
    token = _do(manager, "swarm.token", role="worker").stdout
    for name in ("worker-1", "worker-2"):
        arguments = {
            "remote_addrs": ["10.0.0.11:2377"],
            "token": token,
            "advertise_addr": transport.hosts[name].address,
        }
        assert _do(transport.connect(name), "swarm.join", **arguments).ok
    return transport


def test_a_wrong_token_does_not_join() -> None:
    """Only the swarm's own tokens let a node in."""
    transport = SimulatedTransport(["a", "b"])
    _do(transport.connect("a"), "swarm.init", advertise_addr="10.0.0.11")
    arguments = {
        "remote_addrs": ["10.0.0.11:2377"],
        "token": "SWMTKN-1-wrong",
        "advertise_addr": "10.0.0.12",
    }

    answer = _do(transport.connect("b"), "swarm.join", **arguments)

    assert (answer.exit_code, answer.stderr) == (1, "invalid join token")


def test_tasks_are_spread(cluster: SimulatedTransport) -> None:
    """Five replicas come to two, two and one on three nodes."""
    manager = cluster.connect("manager")
    mode = {"Replicated": {"Replicas": 5}}
    _do(manager, "service.create", spec=_spec(Mode=mode))

    nodes = [task["NodeID"] for task in manager.docker("task.list", {})]
    assert sorted(nodes.count(node) for node in set(nodes)) == [1, 2, 2]
    assert _wait(manager, "service.is_converged", id="web").stdout == "5/5 tasks running"


def test_a_global_service_runs_where_it_may(cluster: SimulatedTransport) -> None:
    """A global service has one task on each node that its constraints allow."""
    manager = cluster.connect("manager")
    template = {"Placement": {"Constraints": ["node.role==worker"]}}
    _do(manager, "service.create", spec=_spec(Mode={"Global": {}}, template=template))

    assert _wait(manager, "service.is_converged", id="web").stdout == "2/2 tasks running"


def test_an_overlapping_subnet_is_never_allocated(cluster: SimulatedTransport) -> None:
    """As in life: the network is made, and stays without driver and subnet."""
    manager = cluster.connect("manager")
    for name, subnet in (("one", "10.50.0.0/24"), ("two", "10.50.0.128/25")):
        ipam = {"Config": [{"Subnet": subnet}]}
        body = {"Name": name, "Driver": "overlay", "IPAM": ipam}
        assert _do(manager, "network.create", body=body).ok

    assert _wait(manager, "network.is_allocated", id="one").ok
    assert not _wait(manager, "network.is_allocated", id="two").ok


def test_workers_see_networks_they_have_an_end_of(cluster: SimulatedTransport) -> None:
    """A worker learns of an overlay network when a container of its starts on it."""
    manager, worker = cluster.connect("manager"), cluster.connect("worker-1")
    body = {"Name": "net1", "Driver": "overlay", "Attachable": True}
    _do(manager, "network.create", body=body)
    before = [network["Name"] for network in worker.docker("network.list", {})]
    made = _do(worker, "container.create", name="a", body={"Image": "nginx"}, networks={"net1": {}})
    _do(worker, "container.start", id=made.stdout)

    after = [network["Name"] for network in worker.docker("network.list", {})]
    assert ("net1" in before, "net1" in after) == (False, True)


def test_a_missing_image_fails_in_full_words(cluster: SimulatedTransport) -> None:
    """A service whose image nobody has ends the wait with the reason."""
    manager = cluster.connect("manager")
    _do(manager, "service.create", spec=_spec(image="nosuch:1"))

    answer = _wait(manager, "service.is_converged", id="web")

    assert not answer.ok
    assert "No such image: nosuch:1" in answer.stderr


def test_no_suitable_node_fails_after_some_patience(cluster: SimulatedTransport) -> None:
    """A constraint that no node meets ends the wait, though not at once."""
    manager = cluster.connect("manager")
    template = {"Placement": {"Constraints": ["node.labels.zone==mars"]}}
    _do(manager, "service.create", spec=_spec(template=template))
    said: list[str] = []
    wait = Wait(Docker("service.is_converged", {"id": "web"}), 60, "the test")

    answer = manager.do(wait, {}, progress=said.append)

    assert "no suitable node" in answer.stderr
    assert "0/1 tasks running" in said[0]


def test_an_update_replaces_tasks_and_keeps_the_digest(cluster: SimulatedTransport) -> None:
    """A new variable leads to new tasks with the image's old digest."""
    manager = cluster.connect("manager")
    made = _do(manager, "service.create", spec=_spec()).stdout
    before = manager.docker("service.inspect", {"id": made})["Spec"]["TaskTemplate"]
    spec = _spec()
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=b"]
    cluster.world.images = set()

    _do(manager, "service.update", id=made, spec=spec)

    after = manager.docker("service.inspect", {"id": made})["Spec"]["TaskTemplate"]
    assert after["ContainerSpec"]["Image"] == before["ContainerSpec"]["Image"]
    assert "@sha256:" in after["ContainerSpec"]["Image"]
    assert after["Placement"]["Platforms"] == [{"Architecture": "amd64", "OS": "linux"}]


def test_removal_is_the_same_twice(cluster: SimulatedTransport) -> None:
    """What is gone already is no error."""
    manager = cluster.connect("manager")
    made = _do(manager, "service.create", spec=_spec()).stdout

    assert [_do(manager, "service.remove", id=made).value for _ in range(2)] == [True, False]
    assert _wait(manager, "service.is_gone", id=made).ok
    assert [_do(manager, "swarm.leave", force=True).value for _ in range(2)] == [True, False]


def test_a_node_update_is_written_only_when_it_differs(cluster: SimulatedTransport) -> None:
    """Labels that are there already lead to no write."""
    manager = cluster.connect("manager")
    node = manager.docker("node.list", {})[1]["ID"]

    answers = [_do(manager, "node.update", id=node, labels={"zone": "a"}) for _ in range(2)]

    assert [answer.value for answer in answers] == [True, False]
    assert manager.docker("node.list", {})[1]["Spec"]["Labels"] == {"zone": "a"}


def test_a_join_by_a_ref(cluster: SimulatedTransport) -> None:
    """Refs anywhere in the arguments are replaced by what was captured."""
    worker, token = cluster.connect("worker-2"), Ref("token", secret=True)
    _do(worker, "swarm.leave", force=True)
    value = _do(cluster.connect("manager"), "swarm.token", role="worker").stdout
    step = Docker(
        "swarm.join",
        {"remote_addrs": ["10.0.0.11:2377"], "token": token, "advertise_addr": "10.0.0.13"},
    )

    assert worker.do(step, {token: value}).ok


def test_failures_are_laid_down_by_tests(cluster: SimulatedTransport) -> None:
    """A step can be made to fail, a connection to break, a host to be unreachable."""
    host, session = cluster.hosts["manager"], cluster.connect("manager")
    host.fail(lambda step: isinstance(step, Run), Answer(100, "", "no space"))

    assert session.do(Run(("apt-get", "update")), {}).exit_code == 100
    assert session.do(Run(("apt-get", "update")), {}).exit_code == 0
    host.break_connection(after=1)
    assert session.ask("true").ok
    with pytest.raises(HostUnreachable):
        session.ask("true")
    assert session.ask("true").ok
    host.unreachable = HostUnreachable("down", where="manager")
    with pytest.raises(HostUnreachable):
        cluster.connect("manager")


def test_scripts_are_answered_by_their_mark(cluster: SimulatedTransport) -> None:
    """A probe is answered by what its script contains, else by the test's own function."""
    host, session = cluster.hosts["manager"], cluster.connect("manager")
    host.answers["os-release"] = Answer(0, "debian")
    host.on_ask = lambda script: Answer(0, script.upper())

    assert session.ask("cat /etc/os-release").stdout == "debian"
    assert session.ask("uname").stdout == "UNAME"


def test_what_was_done_is_remembered(cluster: SimulatedTransport) -> None:
    """Files and steps can be looked at afterwards."""
    host, session = cluster.hosts["manager"], cluster.connect("manager")
    step = WriteFile("/etc/x", "content", 0o600)
    session.do(step, {})

    assert (host.files["/etc/x"].content, host.files["/etc/x"].mode) == (b"content", 0o600)
    assert host.done[-1] == step


def test_a_host_without_an_engine_says_so() -> None:
    """Before Docker is installed its operations fail as they do in life."""
    transport = SimulatedTransport(["bare"], engine=None)
    session = transport.connect("bare")

    with pytest.raises(ActionFailed, match="cannot be reached"):
        session.docker("info", {})
    transport.install_engine("bare")
    assert session.docker("info", {})["Name"] == "bare"
