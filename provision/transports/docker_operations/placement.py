"""Which nodes a global service is for: Swarm's constraints, evaluated as Swarm does."""

import re
from collections.abc import Mapping
from typing import Any

from provision.transports.docker_operations.asking import inside

_CONSTRAINT = re.compile(r"^\s*(?P<key>[\w.\-/]+)\s*(?P<sign>==|!=)\s*(?P<value>.*?)\s*$")
_PLACES = {
    "node.id": ("ID",),
    "node.hostname": ("Description", "Hostname"),
    "node.role": ("Spec", "Role"),
    "node.platform.os": ("Description", "Platform", "OS"),
    "node.platform.arch": ("Description", "Platform", "Architecture"),
    "node.ip": ("Status", "Addr"),
}
_LABELS = {
    "node.labels.": ("Spec", "Labels"),
    "engine.labels.": ("Description", "Engine", "Labels"),
}
_SAME_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


def fits(spec: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Whether *node* may run a task of the service *spec*."""
    if inside(node, "Spec", "Availability") != "active":
        return False
    placement = inside(spec, "TaskTemplate", "Placement", default={})
    constraints = inside(placement, "Constraints", default=[])
    return all(_holds(str(text), node) for text in constraints) and _platform(placement, node)


def _holds(constraint: str, node: Mapping[str, Any]) -> bool:
    found = _CONSTRAINT.match(constraint)
    if found is None:
        return True
    has = str(_value(found["key"], node)).lower()
    return (has == found["value"].lower()) == (found["sign"] == "==")


def _value(key: str, node: Mapping[str, Any]) -> Any:
    for prefix, place in _LABELS.items():
        if key.startswith(prefix):
            return inside(node, *place, key.removeprefix(prefix), default="")
    return inside(node, *_PLACES.get(key, ("",)), default="")


def _platform(placement: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    wanted = inside(placement, "Platforms", default=[])
    system = inside(node, "Description", "Platform", "OS", default="")
    machine = _plain(inside(node, "Description", "Platform", "Architecture", default=""))
    return not wanted or any(
        inside(one, "OS", default="") in {"", system}
        and _plain(inside(one, "Architecture", default="")) in {"", machine}
        for one in wanted
    )


def _plain(architecture: str) -> str:
    return _SAME_ARCHITECTURE.get(architecture, architecture)
