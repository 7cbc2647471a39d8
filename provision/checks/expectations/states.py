"""Expectations about what there is: networks, services, nodes, containers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from provision.checks.expectations.world import Raw, World, name_of

Arguments = Mapping[str, Any]


def network(wanted: Arguments, world: World) -> Iterable[str]:
    """What is wrong about a network."""
    name = wanted["name"]
    on = world.hosts(wanted["on"]) if "on" in wanted else ()
    for host in on or (h.name for h in world.inventory.managers):
        mine = [n for n in world.networks.get(host, ()) if n.get("Name") == name]
        if not mine:
            yield _unread(host, world) or f"{host} does not know the network {name}"
        else:
            yield from (f"on {host}: {why}" for why in _network(wanted, mine[0]))
    for host in world.hosts(wanted["absent_on"]) if "absent_on" in wanted else ():
        if any(n.get("Name") == name for n in world.networks.get(host, ())):
            yield f"{host} knows the network {name}"
        elif host in world.problems:
            yield _unread(host, world)


def _network(wanted: Arguments, raw: Raw) -> Iterable[str]:
    options = raw.get("Options") or {}
    pools = (raw.get("IPAM") or {}).get("Config") or []
    seen = {
        "driver": raw.get("Driver"),
        "attachable": bool(raw.get("Attachable")),
        "internal": bool(raw.get("Internal")),
        "encrypted": "encrypted" in options,
        "subnet": ", ".join(str(p.get("Subnet")) for p in pools),
    }
    for key, value in seen.items():
        if key in wanted and wanted[key] != value:
            yield f"its {key} is {value}, not {wanted[key]}"


def service(wanted: Arguments, world: World) -> Iterable[str]:
    """What is wrong about a service."""
    name = wanted["name"]
    raw = next((s for s in world.services if s["Spec"]["Name"] == name), None)
    if raw is None:
        yield f"there is no service {name}"
        return
    tasks = [t for t in world.tasks if t.get("ServiceID") == raw["ID"]]
    alive = [t for t in tasks if t.get("DesiredState") == "running"]
    running = [t for t in alive if (t.get("Status") or {}).get("State") == "running"]
    count = wanted.get("replicas", len(alive) or 1)
    if len(running) != count:
        yield f"{len(running)} of {count} tasks run{_last_error(alive)}"
    yield from _placed(wanted, running, world)


def _last_error(tasks: Iterable[Raw]) -> str:
    errors = (str((t.get("Status") or {}).get("Err") or "") for t in tasks)
    return next((f" ({error})" for error in errors if error), "")


def _placed(wanted: Arguments, running: Iterable[Raw], world: World) -> Iterable[str]:
    hosts = world.hosts(wanted["on"]) if "on" in wanted else ()
    for task in running:
        image = str(task["Spec"]["ContainerSpec"]["Image"]).partition("@")[0]
        if "image" in wanted and wanted["image"] not in (image, image.removesuffix(":latest")):
            yield f"a task runs {image}"
        host = world.node_hosts.get(str(task.get("NodeID")), "a node that is no host of ours")
        if hosts and host not in hosts:
            yield f"a task runs on {host}"


def node(wanted: Arguments, world: World) -> Iterable[str]:
    """What is wrong about a node."""
    hosts = world.hosts(wanted["name"])
    if not hosts:
        yield f"{wanted['name']} names no host"
    for host in hosts:
        mine = [n for n in world.nodes if world.node_hosts.get(str(n["ID"])) == host]
        yield from _node(wanted, host, mine)


def _node(wanted: Arguments, host: str, mine: list[Raw]) -> Iterable[str]:
    state = wanted.get("state", "ready")
    if not mine:
        if state != "absent":
            yield f"{host} is no node of the swarm"
        return
    spec = mine[0].get("Spec") or {}
    seen = {
        "state": (mine[0].get("Status") or {}).get("State"),
        "role": spec.get("Role"),
        "availability": spec.get("Availability"),
    }
    for key, value in ({"state": state} | dict(wanted)).items():
        if key in seen and seen[key] != value:
            yield f"the {key} of {host} is {seen[key]}, not {value}"


def container(wanted: Arguments, world: World) -> Iterable[str]:
    """What is wrong about a container."""
    name, state = wanted["name"], wanted.get("state", "running")
    everywhere = tuple(h.name for h in world.inventory.hosts)
    hosts = world.hosts(wanted["on"]) if "on" in wanted else everywhere
    found = [(h, c) for h in hosts for c in world.containers.get(h, ()) if name_of(c) == name]
    if state == "absent":
        yield from (f"it is on {host}, {raw.get('State')}" for host, raw in found)
        return
    if not found:
        yield f"there is no container {name} on {', '.join(hosts)}"
    for host, raw in found:
        if raw.get("State") != state:
            yield f"on {host} it is {raw.get('State')}, not {state}"
        networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
        if wanted.get("network", None) not in (None, *networks):
            yield f"on {host} it is not on the network {wanted['network']}"


def _unread(host: str, world: World) -> str:
    return f"{host} could not be asked: {world.problems[host]}" if host in world.problems else ""


STATES: Final[Mapping[str, Callable[[Arguments, World], Iterable[str]]]] = {
    "network": network,
    "service": service,
    "node": node,
    "container": container,
}
"""Kind → what is wrong, nothing when the expectation holds."""
