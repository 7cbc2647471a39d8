"""What is asked over overlay networks, and what cannot be."""

from typing import Any

from provision.checks import overlay
from provision.model.facts import Known
from provision.model.findings import Cell, State
from provision.model.observed import Cluster, HostFacts, Kernel, NetworkFact
from provision.model.questions import Endpoint

NET = NetworkFact("id1", "test-net", "overlay", "swarm", attachable=True)
CLOSED = NetworkFact("id2", "nginx-net", "overlay", "swarm")


def container(name: str, state: str = "running", **networks: str) -> dict[str, Any]:
    """One entry of the engine's list; networks by id."""
    there = {key: {"NetworkID": key, "IPAddress": ip} for key, ip in networks.items()}
    return {
        "Id": f"id-{name}",
        "Names": [f"/{name}"],
        "State": state,
        "Labels": {},
        "NetworkSettings": {"Networks": there},
    }


def endpoint(host: str, network: str = "test-net", problem: str = "") -> Endpoint:
    """A place on *host*."""
    return Endpoint(
        host, network, "n0", f"id-{host}", f"c-{host}", f"10.0.1.{ord(host)}", (), 5000, problem
    )


def test_ingress_and_local_networks_are_not_asked() -> None:
    """Overlay networks that containers can be on, by name."""
    ingress = NetworkFact("i", "ingress", "overlay", "swarm", raw={"Ingress": True})
    bridge = NetworkFact("b", "bridge", "bridge", "local")
    cluster = Cluster("a", "c", networks=(NET, ingress, bridge, CLOSED))

    assert [n.name for n in overlay.overlays(cluster)] == ["nginx-net", "test-net"]
    assert [n.name for n in overlay.overlays(cluster, ["test-net"])] == ["test-net"]


def test_one_running_container_stands_for_its_host() -> None:
    """The first by name that runs and has an address there; never somebody's probe."""
    probe = container("a0", id1="10.0.1.9") | {"Labels": {overlay.PROBE_LABEL: "1"}}
    containers = [
        container("c", id1="10.0.1.3"),
        container("b", id1="10.0.1.2", id2="10.0.2.2"),
        container("a", "paused", id1="10.0.1.1"),
        probe,
    ]

    (first, second) = overlay.endpoints("h", (NET, CLOSED), containers)

    assert (first.name, first.address, first.also, first.key) == (
        "b",
        "10.0.1.2",
        ("10.0.2.2",),
        "n0",
    )
    assert (second.network, second.address) == ("nginx-net", "10.0.2.2")


def test_only_attachable_networks_get_a_container_of_ours() -> None:
    """A service's own network is left as it is."""
    assert overlay.missing((NET, CLOSED), ("a", "b"), (endpoint("a"),)) == {"b": ("test-net",)}


def test_every_ordered_pair_is_asked_four_things() -> None:
    """Name, ping, TCP and a full packet, with what a person would type."""
    asked = overlay.questions((endpoint("a"), endpoint("b"), endpoint("a", "other")))

    assert [(q.cell.source, q.cell.target, q.cell.probe) for q in asked] == [
        (s, t, p) for s, t in (("a", "b"), ("b", "a")) for p in ("name", "ping", "tcp", "mtu")
    ]
    assert asked[0].words == ("name", "c-b", "10.0.1.98")
    assert asked[2].words == ("echo", "10.0.1.98", "5000")
    assert asked[1].cell.command == "docker exec c-a ping -c 1 c-b"


def test_lost_hosts_are_unknown_on_attachable_networks() -> None:
    """Both ways, each probe, with the reason; the others are not touched."""
    cells = overlay.unasked((NET,), ("a", "b", "c"), (endpoint("a"), endpoint("b")), {"c": "gone"})

    assert {c.state for c in cells} == {State.UNKNOWN}
    assert {(c.source, c.target) for c in cells} == {("a", "c"), ("b", "c"), ("c", "a"), ("c", "b")}
    assert {c.reason for c in cells} == {"c could not be asked: gone"}


def test_a_closed_place_is_unknown() -> None:
    """A container that could not be entered is neither green nor red."""
    cells = overlay.unasked((NET,), ("a", "b"), (endpoint("a"), endpoint("b", problem="why")), {})

    assert {(c.state, c.reason) for c in cells} == {(State.UNKNOWN, "b could not be asked: why")}


def test_a_network_on_one_node_says_so_once() -> None:
    """There is nobody to talk to; that is no failure."""
    (cell,) = overlay.unasked((CLOSED,), ("a", "b"), (endpoint("a", "nginx-net"),), {})

    assert (cell.state, cell.reason) == (State.UNAVAILABLE, "no container of it on b")


def test_an_encrypted_network_needs_esp_everywhere() -> None:
    """One kernel without ESP makes it unavailable, named once; a plain network does not care."""
    secret = NetworkFact("s", "secret", "overlay", "swarm", options={"encrypted": ""})
    able = HostFacts("a", kernel=Known(Kernel("6", {"esp": True})))
    hosts = {"a": able, "b": HostFacts("b", kernel=Known(Kernel("6", {"esp": False})))}

    assert overlay.without_esp(secret, hosts) == ("b",)
    assert overlay.without_esp(NET, hosts) == ()
    assert "kernel of b has no ESP" in overlay.no_esp(secret, ("b",)).reason


def test_a_failure_points_to_the_underlay() -> None:
    """What blocks the pair below explains it; other pairs are left alone."""
    below = Cell("underlay", "VXLAN", "udp/4789", "a", "b", State.FAILED, hint="open it")
    above = Cell("overlay", "n", "ping", "b", "a", State.FAILED, reason="timeout")
    other = Cell("overlay", "n", "ping", "b", "c", State.FAILED, reason="timeout")

    explained = overlay.explained(above, (below,))

    assert explained.reason == "timeout; the underlay blocks udp/4789 from a to b"
    assert explained.hint == "open it"
    assert overlay.explained(other, (below,)) is other
