"""The swarm itself: made, joined, left, labelled."""

import time
from typing import Any

from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside, verdict
from provision.transports.docker_operations.updating import update

_NOT_IN_A_SWARM = 406
_UNAVAILABLE = 503
_GOES_ON = "continue in the background"
_PAUSE = 0.5
_SUBNET_SIZE = 24  # the docker command's own default
_ROLES = {"worker": "Worker", "manager": "Manager"}


def init(request: Request) -> Any:
    """Make a swarm; the new node's id."""
    body = {
        "ListenAddr": request.maybe("listen_addr", "0.0.0.0:2377"),
        "AdvertiseAddr": request.need("advertise_addr"),
        "DataPathAddr": request.maybe("data_path_addr", ""),
        "DataPathPort": request.maybe("data_path_port", 0),
        "DefaultAddrPool": list(request.maybe("default_addr_pool", ())),
        # Zero, with a pool, makes the leader's allocator exit and no network ever gets a subnet.
        "SubnetSize": request.maybe("subnet_size") or _SUBNET_SIZE,
        "ForceNewCluster": False,
        "Spec": {
            "Labels": dict(request.maybe("labels", {})),
            "EncryptionConfig": {"AutoLockManagers": bool(request.maybe("autolock"))},
        },
    }
    return request.post("/swarm/init", body)


def join(request: Request) -> Any:
    """Join a swarm, the token over the socket and never in a command line; the new node's id."""
    body = {
        "ListenAddr": request.maybe("listen_addr", "0.0.0.0:2377"),
        "AdvertiseAddr": request.need("advertise_addr"),
        "DataPathAddr": request.maybe("data_path_addr", ""),
        "RemoteAddrs": list(request.need("remote_addrs")),
        "JoinToken": request.need("token"),
    }
    try:
        request.post("/swarm/join", body)
    except EngineError as error:
        if _GOES_ON not in error.message or not request.maybe("patience"):
            raise
        _wait_until_joined(request, error)
    return inside(request.found("/info"), "Swarm", "NodeID", default="")


def _wait_until_joined(request: Request, error: EngineError) -> None:
    """The engine stops waiting after 20 s and goes on joining, which slow hosts need."""
    end = time.monotonic() + float(request.need("patience"))
    while not (now := is_active(request))["done"]:
        if now["failed"] or time.monotonic() > end:
            raise EngineError(error.status, f"{error.message} ({now['text']})") from error
        if request.progress is not None:
            request.progress(now["text"])
        time.sleep(_PAUSE)


def leave(request: Request) -> Any:
    """Leave; says whether there was a swarm to leave."""
    try:
        request.post("/swarm/leave", force=bool(request.maybe("force")))
    except EngineError as error:
        if error.status in {_NOT_IN_A_SWARM, _UNAVAILABLE} and "not part of a swarm" in str(error):
            return False
        raise
    return True


def update_swarm(request: Request) -> Any:
    """Add labels (None takes one away), turn autolock on or off; says whether anything changed."""

    def change(current: dict[str, Any]) -> dict[str, Any] | None:
        old = {"Labels": {}, "EncryptionConfig": {}, **inside(current, "Spec", default={})}
        labels = {**(old["Labels"] or {}), **request.maybe("labels", {})}
        locks = bool(inside(old, "EncryptionConfig", "AutoLockManagers", default=False))
        spec = {
            **old,
            "Labels": {name: value for name, value in labels.items() if value is not None},
            "EncryptionConfig": {"AutoLockManagers": request.maybe("autolock", locks)},
        }
        same = spec["Labels"] == (old["Labels"] or {}) and request.maybe("autolock", locks) == locks
        return None if same else spec

    return update(request, "/swarm", "/swarm/update", change)


def token(request: Request) -> Any:
    """The secret with which nodes of a role join."""
    role = request.need("role")
    if role not in _ROLES:
        raise EngineError(0, f"there is no role {role!r}: worker or manager")
    found = inside(request.found("/swarm"), "JoinTokens", _ROLES[role])
    if not isinstance(found, str):
        raise EngineError(0, "the engine gave no join token")
    return found


def inspect(request: Request) -> Any:
    """The swarm, without the tokens: what is only looked at holds no secret."""
    data = request.found("/swarm")
    return {key: value for key, value in data.items() if key != "JoinTokens"}


def info(request: Request) -> Any:
    """The engine's own description."""
    return request.found("/info")


def is_active(request: Request) -> Any:
    """Whether this engine is a working member (with ``role: manager``, a manager)."""
    swarm = inside(request.found("/info"), "Swarm", default={})
    state = inside(swarm, "LocalNodeState", default="unknown")
    error = str(inside(swarm, "Error", default="")).strip()
    text = f"swarm {state}: {error}" if error else f"swarm {state}"
    if state == "active":
        waits = request.maybe("role") == "manager" and not inside(swarm, "ControlAvailable")
        return verdict(done=not waits, text="not a manager yet" if waits else text)
    if state == "error":
        return verdict(done=False, text=text, failed=error or "the swarm is in an error state")
    if state == "locked":
        failed = "the swarm is locked: `swarmlay swarm unlock`"
        return verdict(done=False, text=text, failed=failed)
    return verdict(done=False, text=text)
