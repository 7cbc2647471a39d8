"""Nodes: Swarm's records of hosts. Asked of a manager."""

from typing import Any

from provision.transports.docker_operations.asking import Request, inside, verdict
from provision.transports.docker_operations.updating import update


def list_nodes(request: Request) -> Any:
    """All nodes."""
    return request.listed("/nodes", filters=request.maybe("filters"))


def update_node(request: Request) -> Any:
    """Set labels (the whole set), availability or role; says whether anything changed."""
    path = f"/nodes/{request.id()}"

    def change(current: dict[str, Any]) -> dict[str, Any] | None:
        old = inside(current, "Spec", default={})
        spec = {
            **old,
            "Labels": dict(request.maybe("labels", inside(old, "Labels", default={}))),
            "Availability": request.maybe("availability", inside(old, "Availability")),
            "Role": request.maybe("role", inside(old, "Role")),
        }
        return None if spec == {"Labels": {}, **old} else spec

    return update(request, path, f"{path}/update", change)


def remove_node(request: Request) -> Any:
    """Remove a record; says whether it was there."""
    return request.delete(f"/nodes/{request.id()}", force=bool(request.maybe("force")))


def is_ready(request: Request) -> Any:
    """Whether a node, by id or hostname, is ready."""
    nodes = _named(request)
    if not nodes:
        return verdict(done=False, text="the managers do not know the node yet")
    states = [_state(node) for node in nodes]
    if "ready" in states:
        return verdict(done=True, text="ready")
    message = inside(nodes[0], "Status", "Message", default="")
    return verdict(done=False, text=f"node is {states[0]}" + (f": {message}" if message else ""))


def is_down(request: Request) -> Any:
    """Whether a node is down, or gone."""
    states = [_state(node) for node in _named(request)]
    done = all(state == "down" for state in states)
    return verdict(done=done, text=f"node is {states[0]}" if states else "node is gone")


def _named(request: Request) -> list[dict[str, Any]]:
    """The nodes that the arguments mean: one by id, or those of a hostname."""
    if request.maybe("id") is not None:
        node = request.found_or_none(f"/nodes/{request.id()}")
        return [] if node is None else [node]
    hostname = request.need("hostname")
    nodes = request.listed("/nodes")
    return [n for n in nodes if inside(n, "Description", "Hostname") == hostname]


def _state(node: dict[str, Any]) -> str:
    return str(inside(node, "Status", "State", default="unknown"))
