"""Nodes that change: drained and empty, promoted, demoted, thrown out after half a join."""

import time
from typing import Any

from provision.errors import Refused
from provision.transports.docker_operations.asking import Request, inside, verdict
from provision.transports.docker_operations.convergence import is_converged
from provision.transports.docker_operations.nodes import remove_node, update_node

_TRIES, _PAUSE = 40, 0.25
_ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})


def is_drained(request: Request) -> Any:
    """Whether no task runs on the node any more, and those that were to move run elsewhere."""
    node = request.found_or_none(f"/nodes/{request.id()}")
    alive = inside(node, "Status", "State") == "ready"
    tasks = request.listed("/tasks") if alive else []
    here = [t for t in tasks if t.get("NodeID") == inside(node, "ID")]
    left = [t for t in here if inside(t, "Status", "State") not in _ENDED]
    moved = [_moved(request, str(service)) for service in request.maybe("services", [])]
    texts = [f"{len(left)} tasks are still stopping"] if left else []
    texts += [m["text"] for m in moved if not m["done"]]
    failed = "; ".join(m["failed"] for m in moved if m["failed"])
    done = not left and all(m["done"] for m in moved)
    return verdict(done=done, text="; ".join(texts) or "empty", failed=failed or None)


def _moved(request: Request, service: str) -> dict[str, Any]:
    """The verdict on one service, which names it; one that is gone needs no place."""
    found = request.found_or_none(f"/services/{service}")
    if found is None:
        return verdict(done=True, text="gone")
    name = str(inside(found, "Spec", "Name", default=service))
    asked = Request(request.engine, "service.is_converged", {"id": service}, request.timeout)
    said = is_converged(asked)
    failed = said["failed"] and f"service {name} cannot move: {said['failed']}"
    return verdict(done=said["done"], text=f"service {name}: {said['text']}", failed=failed)


def has_role(request: Request) -> Any:
    """Whether a node has become a manager that the others reach, or a worker."""
    wanted = str(request.need("role"))
    node = request.found_or_none(f"/nodes/{request.id()}")
    if node is None:
        return verdict(done=False, text="gone", failed="the swarm does not know the node any more")
    manager, state = inside(node, "ManagerStatus"), inside(node, "Status", "State")
    if state == "unknown":  # the leader changed, and has not heard of the node yet
        return verdict(done=False, text="not heard of since the leader changed")
    if wanted == "worker":
        return verdict(done=manager is None, text="worker" if manager is None else "still manages")
    reachability = str(inside(manager, "Reachability", default="no manager yet"))
    return verdict(done=reachability == "reachable", text=f"manager: {reachability}")


def check_quorum(request: Request) -> None:
    """Count the managers once more, just before one of them goes.

    Raises:
        Refused: those that are left would have no quorum.
    """
    node = request.found(f"/nodes/{request.id()}")
    managers = [n for n in request.listed("/nodes") if inside(n, "ManagerStatus")]
    left = [n for n in managers if n.get("ID") != node.get("ID")]
    reachable, needed = sum(map(_votes, left)), len(left) // 2 + 1
    if reachable < needed:
        raise Refused(
            "it would lose the quorum",
            why=f"{reachable} reachable of {len(left)} managers would be left, {needed} are needed",
            hint="promote or bring back another manager first",
        )


def expel(request: Request) -> list[str]:
    """Demote and remove records that a failed join left at *address*.

    A dead manager that only half joined counts for the quorum and can cost it (FAULTS D12). One
    that is ready and reachable did join after all, and stays.
    """
    address, known = str(request.need("address")), set(request.maybe("known", []))
    half = [
        node
        for node in request.listed("/nodes")
        if node["ID"] not in known and not _works(node) and address in _addresses(node)
    ]
    for node in half:
        _throw_out(request, node)
    return [str(node["ID"]) for node in half]


def _throw_out(request: Request, node: dict[str, Any]) -> None:
    """Remove a record; one that the managers count is demoted first, which takes a moment."""
    again = {"id": node["ID"], "role": "worker", "force": True}
    part = Request(request.engine, "node.expel", again, request.timeout)
    if not inside(node, "ManagerStatus"):
        remove_node(part)
        return
    update_node(part)
    for _ in range(_TRIES):
        if not inside(request.found_or_none(f"/nodes/{part.id()}"), "ManagerStatus"):
            break
        time.sleep(_PAUSE)
    remove_node(part)


def _votes(node: dict[str, Any]) -> bool:
    ready = inside(node, "Status", "State") == "ready"
    return bool(ready and inside(node, "ManagerStatus", "Reachability") == "reachable")


def _works(node: dict[str, Any]) -> bool:
    if inside(node, "Spec", "Role") == "manager":
        return _votes(node)
    return bool(inside(node, "Status", "State") == "ready")


def _addresses(node: dict[str, Any]) -> set[str]:
    manager = str(inside(node, "ManagerStatus", "Addr", default=""))
    return {str(inside(node, "Status", "Addr", default="")), manager.rpartition(":")[0].strip("[]")}
