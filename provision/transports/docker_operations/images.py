"""Images: pulled, and pinned to a digest as the docker command does."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from provision.errors import ActionFailed
from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside


def pull(request: Request) -> Any:
    """Pull ``image``; an error in the middle of the stream is an error."""
    pull_image(request, str(request.need("image")))


def pull_image(request: Request, image: str) -> None:
    """Pull one image."""
    name, tag = split(image)
    headers = registry_headers(request)
    try:
        said = request.post("/images/create", None, headers, fromImage=name, tag=tag)
    except EngineError as error:
        why = f"{image} cannot be pulled: {error.message}"
        raise EngineError(error.status, why, where=error.where) from error
    for line in said if isinstance(said, list) else [said]:
        if inside(line, "error"):
            raise EngineError(500, f"{image} cannot be pulled: {line['error']}")


def split(image: str) -> tuple[str, str]:
    """An image's name, and its tag or digest (``latest`` where it has none)."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "latest")


def registry_headers(request: Request) -> dict[str, str] | None:
    """The header that carries the argument ``auth`` ({username, password, serveraddress})."""
    auth = request.maybe("auth")
    if not isinstance(auth, Mapping):
        return None
    encoded = base64.urlsafe_b64encode(json.dumps(dict(auth)).encode()).decode()
    return {"X-Registry-Auth": encoded}


def pinned(request: Request, spec: dict[str, Any]) -> dict[str, Any]:
    """A service spec whose image carries its digest and platforms, if a registry tells them.

    The docker command does the same, so all nodes run the very same image. Where no registry
    can be asked the tag stays: the nodes may have the image already.
    """
    template = inside(spec, "TaskTemplate", default={})
    container = inside(template, "ContainerSpec", default={})
    image = str(inside(container, "Image", default=""))
    if not image or "@" in image:
        return spec
    found = _distribution(request, image)
    digest = inside(found, "Descriptor", "digest")
    if not isinstance(digest, str):
        return spec
    name, tag = split(image)
    container = {**container, "Image": f"{name}:{tag}@{digest}"}
    placement = inside(template, "Placement", default={})
    if platforms := _platforms(found):
        placement = {**placement, "Platforms": platforms}
    template = {**template, "ContainerSpec": container, "Placement": placement}
    return {**spec, "TaskTemplate": template}


def _distribution(request: Request, image: str) -> Any:
    try:
        return request.engine.call(
            "GET",
            f"/distribution/{quote(image, safe='/:')}/json",
            headers=registry_headers(request),
            timeout=min(request.timeout, 20.0),
        )
    except ActionFailed:
        return None


def _platforms(found: Any) -> list[dict[str, str]]:
    return [
        {"Architecture": p.get("architecture", ""), "OS": p.get("os", "")}
        for p in inside(found, "Platforms", default=[])
        if isinstance(p, Mapping) and p.get("os") not in {None, "", "unknown"}
    ]
