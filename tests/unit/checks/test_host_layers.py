"""Hosts, swarm membership, services: layers that are read off facts."""

from dataclasses import replace

from provision.checks import control, hosts, services
from provision.model.facts import Fact, Known, Unknown
from provision.model.findings import State
from provision.model.observed import (
    Clock,
    Cluster,
    Engine,
    HostFacts,
    Kernel,
    Membership,
    NetworkFact,
    NodeFact,
    ObservedState,
    ServiceFact,
    TaskFact,
)
from provision.model.questions import Endpoint

UP = HostFacts(
    "a",
    reachable=Known(value=True),
    engine=Known(Engine("28.0", running=True)),
    clock=Known(Clock(0.0, 0.01)),
    swarm=Known(Membership("active", "n1", "10.0.0.1", manager=True)),
)
NODE = NodeFact("n1", "a", "manager", "active", "ready", "10.0.0.1", leader=True)
CLUSTER = Cluster("a", "c1", nodes=(NODE,))


def observed(*facts: HostFacts, cluster: Fact[Cluster | None] = Known(CLUSTER)) -> ObservedState:  # noqa: B008
    """These hosts."""
    return ObservedState({f.host: f for f in facts}, cluster)


def test_a_healthy_host_has_three_green_cells() -> None:
    """Reachable, engine, clock."""
    found = hosts.cells(observed(UP))

    assert [(c.probe, c.state) for c in found] == [
        (p, State.OK) for p in ("reachable", "engine", "clock")
    ]


def test_an_unreachable_host_has_one_unknown_cell() -> None:
    """With the reason and what to do."""
    gone = HostFacts("b", reachable=Unknown("timed out"), unreachable_hint="Is it on?")

    (cell,) = hosts.cells(observed(gone))

    assert (cell.state, cell.reason, cell.hint) == (State.UNKNOWN, "timed out", "Is it on?")


def test_engines_that_are_not_there_or_silent_fail() -> None:
    """Each with its own words."""
    none = replace(UP, host="b", engine=Known(None))
    dead = replace(UP, host="c", engine=Known(Engine("28.0", problem="inactive (dead)")))
    asked = replace(UP, host="d", engine=Unknown("deadline"))

    found = {c.subject: c for c in hosts.cells(observed(none, dead, asked)) if c.probe == "engine"}

    assert found["b"].reason == "there is no Docker engine"
    assert found["c"].reason == "inactive (dead)"
    assert found["d"].state is State.UNKNOWN


def test_a_clock_is_compared_with_the_median() -> None:
    """One clock off does not accuse the others."""
    three = (
        replace(UP, host=h, clock=Known(Clock(o, 0.1)))
        for h, o in zip("abc", (1, 0, 95), strict=True)
    )

    states = {c.subject: c.state for c in hosts.cells(observed(*three)) if c.probe == "clock"}

    assert states == {"a": State.OK, "b": State.OK, "c": State.FAILED}


def test_a_node_must_be_ready_and_known() -> None:
    """Its state is the manager's word."""
    down = replace(CLUSTER, nodes=(replace(NODE, state="down"),))
    stray = replace(UP, swarm=Known(Membership("active", "n9", "10.0.0.1")))
    left = replace(UP, swarm=Known(Membership("inactive")))

    assert [c.state for c in control.cells(observed(UP))] == [State.OK, State.OK]
    assert "node is down" in control.cells(observed(UP, cluster=Known(down)))[1].reason
    assert "another swarm" in control.cells(observed(stray))[1].reason
    assert "not in the swarm" in control.cells(observed(left))[1].reason
    assert control.ready(observed(UP)) == ("a",)
    assert control.ready(observed(UP, cluster=Known(down))) == ()


def test_without_a_majority_there_is_no_quorum() -> None:
    """Two of three managers unreachable."""
    others = [replace(NODE, id=f"n{n}", leader=False, reachability="unreachable") for n in (2, 3)]

    (quorum, _) = control.cells(
        observed(UP, cluster=Known(replace(CLUSTER, nodes=(NODE, *others))))
    )

    assert (quorum.state, quorum.reason) == (State.FAILED, "1 of 3 managers reachable")


def test_no_swarm_is_a_failure_and_no_answer_is_unknown() -> None:
    """One cell each."""
    (none,) = control.cells(observed(UP, cluster=Known(None)))
    (silent,) = control.cells(observed(UP, cluster=Unknown("no manager answers")))

    assert (none.state, silent.state) == (State.FAILED, State.UNKNOWN)


def test_a_kernel_without_ipvs_is_said_once_a_layer() -> None:
    """Naming the hosts; never green, never red."""
    lacking = replace(UP, kernel=Known(Kernel("6.1", {"ip_vs": False})))

    found = services.unavailable(services.without_ipvs({"a": lacking, "b": UP}))

    assert [c.layer for c in found] == ["service", "ingress"]
    assert {c.state for c in found} == {State.UNAVAILABLE}
    assert {c.reason for c in found} == {"the kernel of a has no ip_vs"}


PORT = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}
WEB = ServiceFact(
    "s1",
    "web",
    endpoint={"Ports": [PORT], "VirtualIPs": [{"NetworkID": "id1", "Addr": "10.0.1.5/24"}]},
)


def test_a_service_is_asked_by_name_and_at_its_vip() -> None:
    """From every endpoint of its network."""
    cluster = replace(CLUSTER, services=(WEB,))
    network = NetworkFact("id1", "net", "overlay", "swarm")
    place = Endpoint("a", "net", "n0", "c", "alpine", "10.0.1.9")

    asked = services.questions(cluster, (network,), (place,))

    assert [q.words for q in asked] == [("name", "web", "10.0.1.5"), ("tcp", "10.0.1.5", "80")]


def test_published_ports_are_asked_on_every_node() -> None:
    """The mesh answers on each; mode host only where a task runs, mesh or not."""
    on_host = replace(WEB, id="s2", name="db", endpoint={"Ports": [PORT | {"PublishMode": "host"}]})
    task = TaskFact("t", "s2", "n2", 1, "running", "running")
    cluster = replace(CLUSTER, services=(WEB, on_host), tasks=(task,))
    addresses, nodes = {"a": "10.0.0.1", "b": "10.0.0.2"}, {"n1": "a", "n2": "b"}

    asked = services.published(cluster, addresses, nodes, mesh=True)
    flat = services.published(cluster, addresses, nodes, mesh=False)

    assert [(q.cell.subject, q.cell.source, q.cell.target) for q in flat] == [
        ("db", "a", "b"),
        ("db", "b", "b"),
    ]
    assert len(asked) == 2 + 4
