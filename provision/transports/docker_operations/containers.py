"""Standalone containers and volumes of one host."""

from typing import Any
from urllib.parse import quote

from provision.errors import ActionFailed
from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside, verdict
from provision.transports.docker_operations.images import pull_image
from provision.transports.docker_operations.logs import last_lines

_NOT_FOUND = 404
_CONFLICT = 409
_ATTACHING_LATE = ("attach", "to network", "deadline exceeded")
_ATTACHING_AGAIN = 2


def list_containers(request: Request) -> Any:
    """Containers; with ``all`` also those that do not run."""
    wanted_all = bool(request.maybe("all"))
    return request.listed("/containers/json", all=wanted_all, filters=request.maybe("filters"))


def inspect(request: Request) -> Any:
    """One container."""
    return request.found(f"/containers/{request.id()}/json")


def create(request: Request) -> Any:
    """Create a container, pulling its image where the host has it not; its id."""
    try:
        return _create(request)
    except EngineError as error:
        if error.status != _NOT_FOUND or "no such image" not in error.message.lower():
            raise
    pull_image(request, str(inside(request.need("body"), "Image", default="")))
    return _create(request)


def _create(request: Request) -> str:
    networks = dict(request.maybe("networks", {}))
    body = {**request.need("body"), **_first_network(request, networks)}
    made = request.post("/containers/create", body, name=request.need("name"))
    found = inside(made, "Id")
    if not isinstance(found, str):
        raise EngineError(0, "the engine gave no id for the new container")
    try:
        for name, endpoint in list(networks.items())[1:]:
            connection = {"Container": found, "EndpointConfig": endpoint}
            request.post(f"/networks/{quote(name, safe='')}/connect", connection)
    except EngineError:
        request.delete(f"/containers/{found}", force=True)  # half made is in the way next time
        raise
    return found


def _first_network(request: Request, networks: dict[str, Any]) -> dict[str, Any]:
    """Engines before 25 take one network at creation; the others are connected before the start."""
    if not networks:
        return {}
    name, endpoint = next(iter(networks.items()))
    host_config = {**request.need("body").get("HostConfig", {}), "NetworkMode": name}
    return {"HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": {name: endpoint}}}


def start(request: Request) -> Any:
    """Start a container; one that runs already is fine.

    The engine waits 20 s for the swarm to let a container into an overlay network. The first time
    on a slow or freshly joined host that is not enough, and once more is.
    """
    path = f"/containers/{request.id()}/start"
    for _ in range(_ATTACHING_AGAIN):
        try:
            request.post(path)
        except EngineError as error:
            if not all(words in error.message for words in _ATTACHING_LATE):
                raise
        else:
            return
    request.post(path)


def remove(request: Request) -> Any:
    """Remove a container; says whether it was there."""
    force, volumes = bool(request.maybe("force")), bool(request.maybe("volumes"))
    try:
        return request.delete(f"/containers/{request.id()}", force=force, v=volumes)
    except EngineError as error:
        if error.status == _CONFLICT and "already in progress" in error.message:
            return True
        raise


def is_running(request: Request) -> Any:
    """Whether a container runs; one that ended says why, with its last words."""
    container = request.found_or_none(f"/containers/{request.id()}/json")
    if container is None:
        return verdict(done=False, text="gone", failed="the container does not exist")
    state = inside(container, "State", default={})
    status = str(inside(state, "Status", default="unknown"))
    if status == "running":
        return verdict(done=True, text="running")
    error = str(inside(state, "Error", default=""))
    if status in {"exited", "dead"} or (status == "created" and error):
        return verdict(done=False, text=status, failed=_why(request, state, error))
    return verdict(done=False, text=f"{status}: {error}" if error else status)


def _why(request: Request, state: dict[str, Any], error: str) -> str:
    reason = error or f"its command ended with exit code {inside(state, 'ExitCode', default='?')}"
    try:
        words = last_lines(request, f"/containers/{request.id()}/logs")
    except ActionFailed:
        words = ""
    return f"{reason}; its last words: {words}" if words else reason


def list_volumes(request: Request) -> Any:
    """Volumes of this host."""
    found = inside(request.get("/volumes", filters=request.maybe("filters")), "Volumes")
    return found or []


def is_volume_unused(request: Request) -> Any:
    """Whether no container of this host, running or not, has the volume mounted."""
    name = str(request.need("name"))
    users = request.listed("/containers/json", all=True, filters={"volume": [name]})
    names = ", ".join(str(user.get("Names") or user.get("Id")) for user in users)
    return verdict(done=not users, text=f"used by {names}" if users else "unused")


def remove_volume(request: Request) -> Any:
    """Remove a volume; says whether it was there."""
    return request.delete(f"/volumes/{request.id('name')}", force=request.maybe("force"))
