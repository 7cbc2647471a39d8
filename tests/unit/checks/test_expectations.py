"""Expectations of a playbook, judged against what engines and probes said."""

from typing import Any

import pytest

from provision.checks import expectations
from provision.checks.expectations import Outcome, World, attempts, judge
from provision.model.connection import SshTarget
from provision.model.desired import Expectation
from provision.model.findings import State
from provision.model.inventory import Host, Inventory, Role

ROLES: dict[str, Role] = {"m": "manager", "w1": "worker", "w2": "worker"}
HOSTS = tuple(
    Host(name, role, SshTarget(name, f"192.0.2.{n}", "known_hosts"))
    for n, (name, role) in enumerate(ROLES.items(), 1)
)


def container(
    name: str, service: str = "", state: str = "running", **networks: str
) -> dict[str, Any]:
    """One entry of the engine's list."""
    return {
        "Id": f"{name}-0123456789abcdef",
        "Names": [f"/{name}"],
        "State": state,
        "Labels": {"com.docker.swarm.service.name": service} if service else {},
        "NetworkSettings": {"Networks": {n: {"IPAddress": ip} for n, ip in networks.items()}},
    }


def task(node: str, state: str = "running", err: str = "") -> dict[str, Any]:
    """One task of the service web."""
    return {
        "ServiceID": "s1",
        "NodeID": node,
        "DesiredState": "running",
        "Status": {"State": state, "Err": err},
        "Spec": {"ContainerSpec": {"Image": "nginx:latest@sha256:12"}},
    }


WORLD = World(
    Inventory("demo", HOSTS, "inventory.yml"),
    containers={
        "m": [container("c1", net="10.0.1.2"), container("old", state="exited")],
        "w1": [container("c2", net="10.0.1.3"), container("web.1.x", "web", back="10.0.2.2")],
        "w2": [container("web.2.y", "web", back="10.0.2.3")],
    },
    networks={
        "m": [
            {"Name": "net", "Driver": "overlay", "Attachable": True, "Options": {"encrypted": ""}}
        ],
        "w1": [{"Name": "net", "Driver": "overlay", "Attachable": True}],
        "w2": [],
    },
    nodes=[
        {
            "ID": "n1",
            "Spec": {"Role": "manager", "Availability": "active"},
            "Status": {"State": "ready"},
        },
        {
            "ID": "n2",
            "Spec": {"Role": "worker", "Availability": "drain"},
            "Status": {"State": "ready"},
        },
    ],
    services=[{"ID": "s1", "Spec": {"Name": "web"}}],
    tasks=[task("n2"), task("n3"), task("n3", "rejected", "No such image: nginx")],
    node_hosts={"n1": "m", "n2": "w1", "n3": "w2"},
    addresses={"m": "10.0.0.1", "w1": "10.0.0.2", "w2": "10.0.0.3"},
)


@pytest.mark.parametrize(
    ("kind", "wanted", "wrong"),
    [
        ("network", {"name": "net"}, ""),
        ("network", {"name": "net", "on": "w1", "absent_on": "w2"}, ""),
        ("network", {"name": "net", "on": "w2"}, "w2 does not know the network net"),
        ("network", {"name": "net", "absent_on": "w1"}, "w1 knows the network net"),
        ("network", {"name": "net", "on": "w1", "encrypted": True}, "its encrypted is False"),
        ("service", {"name": "web", "replicas": 2}, ""),
        ("service", {"name": "web"}, "2 of 3 tasks run (No such image: nginx)"),
        ("service", {"name": "web", "replicas": 2, "image": "nginx", "on": "workers"}, ""),
        ("service", {"name": "web", "replicas": 2, "image": "redis"}, "a task runs nginx:latest"),
        ("service", {"name": "web", "replicas": 2, "on": "w1"}, "a task runs on w2"),
        ("service", {"name": "db"}, "there is no service db"),
        ("node", {"name": "managers", "role": "manager"}, ""),
        ("node", {"name": "w1"}, ""),
        ("node", {"name": "w1", "availability": "active"}, "the availability of w1 is drain"),
        ("node", {"name": "w2"}, "w2 is no node of the swarm"),
        ("node", {"name": "w2", "state": "absent"}, ""),
        ("node", {"name": "x"}, "x names no host"),
        ("container", {"name": "c1", "on": "m", "network": "net"}, ""),
        ("container", {"name": "c1", "network": "back"}, "it is not on the network back"),
        ("container", {"name": "old", "state": "exited"}, ""),
        ("container", {"name": "old"}, "on m it is exited, not running"),
        ("container", {"name": "c1", "on": "w1"}, "there is no container c1 on w1"),
        ("container", {"name": "c1", "state": "absent"}, "it is on m, running"),
    ],
)
def test_what_there_is(kind: str, wanted: dict[str, Any], wrong: str) -> None:
    """Each argument is compared, and a difference is said in words."""
    cell = expectations.state(Expectation(kind, wanted, "p.yml:1:1"), WORLD)

    assert cell.state is (State.FAILED if wrong else State.OK)
    assert wrong in cell.reason
    assert cell.subject == "p.yml:1:1"


def test_a_host_that_does_not_answer_is_not_said_to_lack_the_network() -> None:
    """Absence on it is not known either."""
    world = World(WORLD.inventory, problems={"w1": "timed out"})
    wanted = {"name": "net", "on": "w1", "absent_on": "w1"}

    cell = expectations.state(Expectation("network", wanted, ""), world)

    assert cell.reason.count("w1 could not be asked: timed out") == 2


def test_what_is_not_evaluated_is_never_green() -> None:
    """It is unknown, and says so."""
    cell = expectations.state(Expectation("wire", {"network": "n", "sees": "esp"}, ""), WORLD)

    assert cell.state is State.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "wanted", "words"),
    [
        ("ping", {"from": "c1", "to": "c2"}, [("ping", "c2")]),
        ("ping", {"from": "c1", "to": "c2", "network": "net"}, [("ping", "10.0.1.3")]),
        ("ping", {"from": "c1", "to": "c2", "count": 2}, [("ping", "c2"), ("ping", "c2")]),
        ("tcp", {"from": "web", "to": "c1", "port": 80}, [("tcp", "c1", "80")] * 2),
        (
            "http",
            {"from": "laptop", "to": "workers", "path": "/x"},
            [("http", "192.0.2.2", "80", "/x"), ("http", "192.0.2.3", "80", "/x")],
        ),
        ("tcp", {"from": "m", "to": "workers[0]", "port": 22}, [("tcp", "10.0.0.2", "22")]),
        ("resolve", {"from": "c1", "name": "web"}, [("name", "web")]),
        ("isolated", {"from": "c1", "to": "web"}, [("ping", "10.0.2.2"), ("ping", "10.0.2.3")]),
        ("isolated", {"from": "c1", "to": "nobody"}, []),
        ("ping", {"from": "nobody", "to": "c1"}, []),
    ],
)
def test_who_asks_whom(kind: str, wanted: dict[str, Any], words: list[tuple[str, ...]]) -> None:
    """Containers go by name from inside, by the node's address from hosts, by SSH's from here."""
    assert [a.words for a in attempts(kind, wanted, WORLD)] == words


@pytest.mark.parametrize(
    ("kind", "wanted", "outcome", "state"),
    [
        ("ping", {}, Outcome(0.2, "84"), State.OK),
        ("ping", {}, Outcome(None, "timeout"), State.FAILED),
        ("http", {}, Outcome(1, "200 6869"), State.OK),
        ("http", {"status": 404}, Outcome(1, "200 6869"), State.FAILED),
        ("http", {"contains": "hi"}, Outcome(1, "200 6869"), State.OK),
        ("http", {"contains": "ho"}, Outcome(1, "200 6869"), State.FAILED),
        ("isolated", {}, Outcome(None, "timeout"), State.OK),
        ("isolated", {}, Outcome(0.2, "84"), State.FAILED),
        ("isolated", {}, Outcome(None, "m could not be asked", asked=False), State.UNKNOWN),
    ],
)
def test_what_came_of_it(kind: str, wanted: dict[str, Any], outcome: Outcome, state: State) -> None:
    """What nobody could ask is unknown, least of all isolated."""
    wanted = {"from": "c1", "to": "c2", **wanted}
    made = [(a, outcome) for a in attempts(kind, wanted, WORLD)]

    (cell,) = judge(kind, wanted, made, "p.yml:1:1")

    assert cell.state is state
    assert (cell.source, cell.target) == ("c1", "c2")


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        ({}, State.OK),
        ({"count": 2}, State.OK),
        ({"count": 1}, State.FAILED),
        ({"to": ["10.0.2.2"]}, State.OK),
        ({"to": ["10.0.2.9"]}, State.FAILED),
    ],
)
def test_looked_up_names(wanted: dict[str, Any], state: State) -> None:
    """How many addresses, and which."""
    wanted = {"from": "c1", "name": "web", **wanted}
    made = [(a, Outcome(1, "10.0.2.2,10.0.2.3")) for a in attempts("resolve", wanted, WORLD)]

    (cell,) = judge("resolve", wanted, made, "")

    assert cell.state is state


def test_nobody_to_ask_is_a_failure() -> None:
    """The name is said."""
    (cell,) = judge("ping", {"from": "nobody", "to": "c1"}, [], "")

    assert cell.state is State.FAILED
    assert "nobody → c1: no running container, service or host is so called" in cell.reason
