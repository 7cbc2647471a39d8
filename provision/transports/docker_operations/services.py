"""Services: made, changed, removed, listed, read."""

from typing import Any

from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside
from provision.transports.docker_operations.images import pinned, registry_headers
from provision.transports.docker_operations.logs import read
from provision.transports.docker_operations.stored import identified
from provision.transports.docker_operations.updating import update


def list_services(request: Request) -> Any:
    """Services; with ``status`` also how many of their tasks run."""
    filters, status = request.maybe("filters"), request.maybe("status")
    return request.listed("/services", filters=filters, status=status)


def inspect(request: Request) -> Any:
    """One service."""
    return request.found(f"/services/{request.id()}")


def create(request: Request) -> Any:
    """Create a service, its image pinned; its id."""
    spec = identified(request, pinned(request, dict(request.need("spec"))))
    made = request.post("/services/create", spec, registry_headers(request))
    found = inside(made, "ID")
    if not isinstance(found, str):
        raise EngineError(0, "the engine gave no id for the new service")
    return found


def update_service(request: Request) -> Any:
    """Give a service a new spec.

    An image that stays the same keeps its digest (its tag may mean another one by now), and what
    forced an update before is kept: without it all tasks would be replaced for nothing.
    """
    wanted = identified(request, dict(request.need("spec")))
    path = f"/services/{request.id()}"

    def change(current: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
        old = inside(current, "Spec", default={})
        spec = _same_image(old, wanted) or pinned(request, wanted)
        return _forced_as_before(old, spec), registry_headers(request)

    return update(request, path, f"{path}/update", change)


def remove(request: Request) -> Any:
    """Remove a service; says whether it was there."""
    return request.delete(f"/services/{request.id()}")


def list_tasks(request: Request) -> Any:
    """Tasks."""
    return request.listed("/tasks", filters=request.maybe("filters"))


def logs(request: Request) -> Any:
    """The last ``tail`` lines that the tasks of a service said, as one text."""
    return read(request, f"/services/{request.id()}/logs", request.maybe("tail", 20), 20.0)


def _same_image(old: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """*wanted* with the digest and platforms of *old*, if both mean the same image."""
    now = str(inside(old, "TaskTemplate", "ContainerSpec", "Image", default=""))
    image = str(inside(wanted, "TaskTemplate", "ContainerSpec", "Image", default=""))
    if "@" in image or _tagged(now.partition("@")[0]) != _tagged(image):
        return None
    template = inside(wanted, "TaskTemplate", default={})
    placement = inside(template, "Placement", default={})
    platforms = inside(old, "TaskTemplate", "Placement", "Platforms")
    if platforms and "Platforms" not in placement:
        placement = {**placement, "Platforms": platforms}
    container = {**inside(template, "ContainerSpec", default={}), "Image": now}
    template = {**template, "ContainerSpec": container, "Placement": placement}
    return {**wanted, "TaskTemplate": template}


def _tagged(image: str) -> str:
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"


def _forced_as_before(old: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    template = inside(spec, "TaskTemplate", default={})
    forced = inside(old, "TaskTemplate", "ForceUpdate", default=0)
    if "ForceUpdate" in template or not forced:
        return spec
    return {**spec, "TaskTemplate": {**template, "ForceUpdate": forced}}
