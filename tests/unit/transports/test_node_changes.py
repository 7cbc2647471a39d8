"""Nodes that change: drained, promoted, thrown out; on the simulated engine."""

from typing import Any

import pytest

from provision.apply import apply
from provision.errors import Refused
from provision.model.actions import Action, Change, Docker, Plan, Rescue, Run
from provision.model.probes import Answer
from provision.model.results import Outcome
from provision.transports.simulated import SimulatedTransport
from provision.transports.simulated.swarm import Swarm

HOSTS = ("m1", "m2", "m3", "w1")


@pytest.fixture
def transport() -> SimulatedTransport:
    """Three managers and a worker in one swarm."""
    made = SimulatedTransport(HOSTS)
    m1 = made.connect("m1")
    m1.do(Docker("swarm.init", {"advertise_addr": "10.0.0.11"}), {})
    for name in HOSTS[1:]:
        role = "manager" if name.startswith("m") else "worker"
        token = m1.docker("swarm.token", {"role": role})
        where = {"advertise_addr": made.hosts[name].address, "remote_addrs": ["10.0.0.11:2377"]}
        made.connect(name).do(Docker("swarm.join", {**where, "token": token}), {})
    return made


def swarm_of(transport: SimulatedTransport) -> Swarm:
    """The managers' store."""
    engine = transport.hosts["m1"].engine
    assert engine is not None
    assert engine.swarm is not None
    return engine.swarm


def node_of(transport: SimulatedTransport, name: str) -> dict[str, Any]:
    """A node's record."""
    return swarm_of(transport).node(name)


def ask(transport: SimulatedTransport, operation: Any, **arguments: Any) -> Any:
    """What m1's engine answers."""
    return transport.connect("m1").docker(operation, arguments)


def serve(transport: SimulatedTransport, replicas: int, **placement: Any) -> str:
    """A service; its id."""
    template = {"ContainerSpec": {"Image": "busybox:latest"}, "Placement": placement}
    spec = {"Name": "web", "Mode": {"Replicated": {"Replicas": replicas}}, "TaskTemplate": template}
    return str(ask(transport, "service.create", spec=spec))


def drain(transport: SimulatedTransport, name: str) -> str:
    """Drain a node; its id."""
    identity = str(node_of(transport, name)["ID"])
    ask(transport, "node.update", id=identity, availability="drain")
    return identity


def test_a_node_is_drained_when_its_tasks_run_elsewhere(transport: SimulatedTransport) -> None:
    """Empty, and every replica has a new place."""
    service = serve(transport, 4)

    identity = drain(transport, "w1")
    said = ask(transport, "node.is_drained", id=identity, services=[service])

    assert said == {"done": True, "text": "empty", "failed": None}


def test_a_task_without_another_place_ends_the_wait_with_its_reason(
    transport: SimulatedTransport,
) -> None:
    """The service's name and Swarm's own words."""
    service = serve(transport, 1, Constraints=["node.hostname == w1"])
    identity = drain(transport, "w1")
    transport.world.sleep(30)

    said = ask(transport, "node.is_drained", id=identity, services=[service])

    assert not said["done"]
    assert "service web cannot move" in said["failed"]
    assert "no suitable node" in said["failed"]


def test_a_service_that_is_gone_needs_no_place(transport: SimulatedTransport) -> None:
    """Somebody removed it meanwhile."""
    identity = drain(transport, "w1")

    assert ask(transport, "node.is_drained", id=identity, services=["gone"])["done"]


def test_the_quorum_is_counted_once_more(transport: SimulatedTransport) -> None:
    """All reach one another: one may go. One is dead: no other may."""
    m3 = node_of(transport, "m3")["ID"]
    assert ask(transport, "node.check_quorum", id=m3) is None
    node_of(transport, "m2")["Status"]["State"] = "down"

    with pytest.raises(Refused) as caught:
        ask(transport, "node.check_quorum", id=m3)

    assert "1 reachable of 2 managers would be left, 2 are needed" in caught.value.why
    assert ask(transport, "node.check_quorum", id=node_of(transport, "m2")["ID"]) is None


def test_a_role_is_there_when_the_others_say_so(transport: SimulatedTransport) -> None:
    """Promoted: reachable. Demoted: no manager any more; unknown: not yet heard of."""
    w1 = node_of(transport, "w1")["ID"]
    before = ask(transport, "node.has_role", id=w1, role="manager")
    ask(transport, "node.update", id=w1, role="manager")
    promoted = ask(transport, "node.has_role", id=w1, role="manager")
    ask(transport, "node.update", id=w1, role="worker")
    demoted = ask(transport, "node.has_role", id=w1, role="worker")
    node_of(transport, "w1")["Status"]["State"] = "unknown"
    unknown = ask(transport, "node.has_role", id=w1, role="worker")

    assert [v["done"] for v in (before, promoted, demoted, unknown)] == [False, True, True, False]


def test_a_record_that_the_managers_do_not_count_is_removed_as_it_is(
    transport: SimulatedTransport,
) -> None:
    """Demoting it is refused: "can't find manager in raft memberlist" (seen on 20.10)."""
    record = node_of(transport, "m3")
    del record["ManagerStatus"]

    gone = ask(transport, "node.expel", address=transport.hosts["m3"].address, known=[])

    assert gone == [record["ID"]]
    assert record["Spec"]["Role"] == "manager"


def half_join(transport: SimulatedTransport) -> str:
    """What a manager leaves whose join failed: a record that is down and manages nothing."""
    record = node_of(transport, "m3")
    record["Status"]["State"] = "down"
    record["ManagerStatus"]["Reachability"] = "unreachable"
    return str(record["ID"])


def test_only_what_half_joined_at_the_address_is_thrown_out(transport: SimulatedTransport) -> None:
    """Known nodes, other addresses and those that did join after all stay."""
    address = transport.hosts["m3"].address
    working = ask(transport, "node.expel", address=address, known=[])
    half = half_join(transport)
    known = ask(transport, "node.expel", address=address, known=[half])
    elsewhere = ask(transport, "node.expel", address="10.0.0.99", known=[])

    assert (working, known, elsewhere) == ([], [], [])
    assert ask(transport, "node.expel", address=address, known=[]) == [half]
    assert half not in swarm_of(transport).nodes


def test_a_failed_join_is_cleared_at_once(transport: SimulatedTransport) -> None:
    """The action fails as it would, and says that nothing of it counts for the quorum."""
    half = half_join(transport)
    transport.hosts["m3"].on_run = lambda _words, _stdin: _refused()
    expel = Docker("node.expel", {"address": transport.hosts["m3"].address, "known": []})
    join = Action(
        id="m3:swarm:member",
        host="m3",
        resource="swarm",
        subject="manager node",
        change=Change.CREATE,
        why="",
        steps=(Run(("docker", "swarm", "join")),),
        rescue=Rescue("m1", (expel,), "what it left was removed"),
    )
    sessions = {name: transport.connect(name) for name in HOSTS}

    result = apply(Plan("demo", (join,)), sessions, clock=lambda: 0.0)[0]

    assert result.outcome is Outcome.FAILED
    assert result.cause.endswith("; what it left was removed")
    assert half not in swarm_of(transport).nodes


def _refused() -> Answer:
    return Answer(1, "", "manager stopped: can't initialize raft node")
