"""Configs and secrets: made, removed, listed; and how a service names them."""

from typing import Any

from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside

_USES = (("Configs", "Config", "/configs"), ("Secrets", "Secret", "/secrets"))


def list_configs(request: Request) -> Any:
    """Configs, without what they hold."""
    return [_without_data(found) for found in request.listed("/configs")]


def list_secrets(request: Request) -> Any:
    """Secrets; the engine tells nobody what they hold."""
    return [_without_data(found) for found in request.listed("/secrets")]


def _without_data(found: dict[str, Any]) -> dict[str, Any]:
    spec = {k: v for k, v in inside(found, "Spec", default={}).items() if k != "Data"}
    return {**found, "Spec": spec}


def create_config(request: Request) -> Any:
    """Create a config; its id."""
    return _create(request, "/configs/create")


def create_secret(request: Request) -> Any:
    """Create a secret; its id."""
    return _create(request, "/secrets/create")


def _create(request: Request, path: str) -> str:
    template = request.maybe("template")
    body = {
        "Name": request.need("name"),
        "Labels": dict(request.maybe("labels", {})),
        "Data": request.need("data"),
        **({"Templating": {"Name": template}} if template else {}),
    }
    found = inside(request.post(path, body), "ID")
    if not isinstance(found, str):
        raise EngineError(0, "the engine gave no id for what was to be created")
    return found


def remove_config(request: Request) -> Any:
    """Remove a config; says whether it was there."""
    return request.delete(f"/configs/{request.id()}")


def remove_secret(request: Request) -> Any:
    """Remove a secret; says whether it was there."""
    return request.delete(f"/secrets/{request.id()}")


def identified(request: Request, spec: dict[str, Any]) -> dict[str, Any]:
    """A service spec whose configs and secrets carry ids beside their names.

    The engine wants both; the names are what a plan knows before anything exists.
    """
    container = dict(inside(spec, "TaskTemplate", "ContainerSpec", default={}))
    for key, kind, path in _USES:
        uses = container.get(key)
        if uses:
            ids = {inside(o, "Spec", "Name"): o.get("ID") for o in request.listed(path)}
            container[key] = [_with_id(use, kind, ids) for use in uses]
    template = {**inside(spec, "TaskTemplate", default={}), "ContainerSpec": container}
    return {**spec, "TaskTemplate": template}


def _with_id(use: dict[str, Any], kind: str, ids: dict[Any, Any]) -> dict[str, Any]:
    name = use.get(f"{kind}Name")
    if name not in ids:
        raise EngineError(404, f"{kind.lower()} {name} does not exist")
    return {**use, f"{kind}ID": ids[name]}
