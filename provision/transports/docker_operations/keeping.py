"""What keeps a swarm trusted and alive: secrets rotated, managers unlocked, a backup revived."""

import time
from collections import Counter
from typing import Any

from provision.errors import Refused
from provision.model.labels import HOST
from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside, verdict
from provision.transports.docker_operations.nodes import remove_node
from provision.transports.docker_operations.updating import update

_ROTATES = {
    "worker": "rotateWorkerToken",
    "manager": "rotateManagerToken",
    "unlock_key": "rotateManagerUnlockKey",
}
_NOT_LOCKED = "swarm is not locked"
_STARTING = ("not a swarm manager", "swarm component", "context deadline exceeded")
_PATIENCE = 60.0
_PAUSE = 1.0


def rotate(request: Request) -> Any:
    """Make a join token, the unlock key or the root CA (``ca``) anew; the old one ends at once."""
    what = str(request.need("what"))
    if what not in {*_ROTATES, "ca"}:
        raise EngineError(0, f"there is nothing named {what!r} to rotate")

    def change(current: dict[str, Any]) -> dict[str, Any]:
        spec = dict(inside(current, "Spec", default={}))
        if what != "ca":
            return spec
        authority = dict(inside(spec, "CAConfig", default={}))
        return {
            **spec,
            "CAConfig": {**authority, "ForceRotate": authority.get("ForceRotate", 0) + 1},
        }

    query = {_ROTATES[what]: True} if what in _ROTATES else {}
    return update(request, "/swarm", "/swarm/update", change, **query)


def is_ca_rotated(request: Request) -> Any:
    """Whether every node has a certificate of the new root CA."""
    if inside(request.found("/swarm"), "RootRotationInProgress", default=False):
        return verdict(done=False, text="nodes are still getting certificates of the new CA")
    return verdict(done=True, text="every node has a certificate of the new CA")


def unlock_key(request: Request) -> Any:
    """The key that unlocks managers, "" without autolock; who asks must keep it from sight."""
    return str(inside(request.found("/swarm/unlockkey"), "UnlockKey", default=""))


def unlock(request: Request) -> Any:
    """Unlock a manager that restarted; says whether it was locked."""
    try:
        request.post("/swarm/unlock", {"UnlockKey": str(request.need("key"))})
    except EngineError as error:
        if _NOT_LOCKED in str(error):
            return False
        raise
    return True


def mark(request: Request) -> Any:
    """Add labels to a node (None takes one away), with an availability in the same breath."""
    path = f"/nodes/{request.id()}"

    def change(current: dict[str, Any]) -> dict[str, Any] | None:
        old = {"Labels": {}, **inside(current, "Spec", default={})}
        labels = {**(old["Labels"] or {}), **request.need("labels")}
        spec = {
            **old,
            "Labels": {name: value for name, value in labels.items() if value is not None},
            "Availability": request.maybe("availability", old.get("Availability")),
        }
        return None if spec == old else spec

    return update(request, path, f"{path}/update", change)


def check_restart(request: Request) -> None:
    """Count the managers once more, just before one of them stops for a while.

    One or two managers never keep a quorum without one; with all of them well it comes back.

    Raises:
        Refused: those that are left would have no quorum, and one is missing already.
    """
    identity = request.need("id")
    managers = [n for n in request.listed("/nodes") if inside(n, "Spec", "Role") == "manager"]
    if identity not in {n.get("ID") for n in managers}:
        return
    others = [n for n in managers if n.get("ID") != identity]
    reachable, needed = sum(map(_votes, others)), len(managers) // 2 + 1
    if reachable < needed and reachable < len(others):
        raise Refused(
            "stopping it would lose the quorum",
            why=f"{reachable} reachable of {len(managers)} managers would be left, "
            f"{needed} are needed",
            hint="bring the manager that is missing back first",
        )


def restore(request: Request) -> Any:
    """Found the swarm anew from the state on disk, this node its only manager; the node's id."""
    body = {
        "ListenAddr": "0.0.0.0:2377",
        "AdvertiseAddr": request.need("advertise_addr"),
        "DataPathPort": request.maybe("data_path_port", 0),
        "ForceNewCluster": True,
        "Spec": {
            "Labels": dict(request.maybe("labels", {})),
            "EncryptionConfig": {"AutoLockManagers": bool(request.maybe("autolock"))},
        },
    }
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return request.post("/swarm/init", body)
        except EngineError as error:
            if time.monotonic() > deadline or not any(w in str(error) for w in _STARTING):
                raise
        time.sleep(_PAUSE)  # the engine is still waking up as a member of the lost swarm


def is_recovered(request: Request) -> Any:
    """Whether every replicated service has its tasks again, however often they failed before."""
    running = Counter(
        t.get("ServiceID")
        for t in request.listed("/tasks", filters={"desired-state": ["running"]})
        if inside(t, "Status", "State") == "running"
    )
    wanted = {
        s["ID"]: inside(s, "Spec", "Mode", "Replicated", "Replicas", default=0)
        for s in request.listed("/services")
    }
    whole = sum(running[service] >= number for service, number in wanted.items())
    return verdict(done=whole == len(wanted), text=f"{whole}/{len(wanted)} services run")


def forget_others(request: Request) -> list[str]:
    """Records of other managers go, and of workers whose host is not named; their ids.

    A manager that is in no raft cannot be demoted, only removed. Records of *hosts* that were
    workers stay: who joins again under such a name gets its labels.
    """
    keep, hosts = request.need("keep"), set(request.maybe("hosts", []))
    gone = [
        str(node["ID"])
        for node in request.listed("/nodes")
        if node["ID"] != keep
        and (
            inside(node, "Spec", "Role") == "manager"
            or inside(node, "Spec", "Labels", HOST) not in hosts
        )
    ]
    for identity in gone:
        part = {"id": identity, "force": True}
        remove_node(Request(request.engine, "node.remove", part, request.timeout))
    return gone


def _votes(node: dict[str, Any]) -> bool:
    ready = inside(node, "Status", "State") == "ready"
    return bool(ready and inside(node, "ManagerStatus", "Reachability") == "reachable")
