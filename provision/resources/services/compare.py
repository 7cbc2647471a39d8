"""Does a running service say what the playbook says?"""

from collections.abc import Mapping
from typing import Any

from provision.model.labels import SPEC


def differences(
    wanted: Mapping[str, Any], actual: Mapping[str, Any], network_names: Mapping[str, str]
) -> dict[str, tuple[Any, Any]]:
    """Path → (actual, wanted) of everything that differs.

    What the engine filled in by itself does not count; what was taken out of the playbook since is
    noticed by the fingerprint label.

    Args:
        wanted: the spec of the playbook.
        actual: the spec that the engine answered with.
        network_names: id → name, since the engine answers with ids.
    """
    found: dict[str, tuple[Any, Any]] = {}
    _compare("", wanted, _readable(actual, network_names), found)
    if not found and actual.get("Labels", {}).get(SPEC) != wanted.get("Labels", {}).get(SPEC):
        found["(removed from the playbook)"] = ("set", "not set")
    return {k: v for k, v in found.items() if not k.endswith(SPEC)} or found


def _readable(actual: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    template = dict(actual.get("TaskTemplate") or {})
    networks = template.get("Networks") or actual.get("Networks") or []
    template["Networks"] = [
        {**n, "Target": names.get(n.get("Target", ""), n.get("Target"))} for n in networks
    ]
    return {**actual, "TaskTemplate": template}


def _compare(path: str, wanted: Any, actual: Any, found: dict[str, tuple[Any, Any]]) -> None:
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        for key, value in wanted.items():
            _compare(f"{path}.{key}".lstrip("."), value, actual.get(key), found)
    elif isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        for index, (want, have) in enumerate(zip(_ordered(wanted), _ordered(actual), strict=True)):
            _compare(f"{path}[{index}]", want, have, found)
    elif not _equal(path, wanted, actual):
        found[path] = (actual, wanted)


def _ordered(items: list[Any]) -> list[Any]:
    """Order has a meaning only for words (Args, Command, Test), which are compared as they are."""
    if all(isinstance(i, Mapping) for i in items):
        return sorted(items, key=_name)
    return items


def _name(item: Mapping[str, Any]) -> str:
    """What tells an item from its neighbours; what the engine adds to it does not matter."""
    name = item.get("Target") or item.get("TargetPort") or item.get("Name")
    return str(name or (item.get("File") or {}).get("Name") or item)


def _equal(path: str, wanted: Any, actual: Any) -> bool:
    if path.endswith("ContainerSpec.Image") and isinstance(actual, str):
        return actual == wanted or actual.partition("@")[0] in (wanted, f"{wanted}:latest")
    if path.endswith(".Env") and isinstance(actual, list):
        return sorted(actual) == sorted(wanted)
    return bool(wanted == actual)
