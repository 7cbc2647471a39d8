"""Services and standalone containers as written → the long forms of `desired`."""

from collections.abc import Callable, Mapping
from typing import Final

from provision.load import compose, measures, naming
from provision.load.env_files import reading
from provision.load.interpolation import Variables
from provision.load.labels import labels
from provision.load.mounts import tmpfs, volumes
from provision.load.named_files import Files
from provision.load.ports import ports
from provision.load.problems import Problems
from provision.load.shapes import (
    Normaliser,
    each,
    entry,
    environment,
    fields,
    hosts_map,
    made,
    nested,
    text,
    text_map,
    texts,
    words,
)
from provision.load.stored import references
from provision.model.tree import Node, Value

_LIMITS: Final[Mapping[str, Normaliser]] = {"cpus": measures.cores, "memory": measures.size}
_TIMES: Final = dict.fromkeys(
    ("delay", "window", "monitor", "interval", "timeout", "start_period"), measures.duration
)
_RESTART: Final[Mapping[str, str]] = {
    "no": "none",
    "always": "any",
    "unless-stopped": "any",
    "on-failure": "on-failure",
}


def service(variables: Variables, files: Files) -> Normaliser:
    """A normaliser of services."""
    table = {
        **_workload(variables),
        "deploy": _deploy,
        "configs": references,
        "secrets": references,
    }

    def normalise(node: Node, problems: Problems) -> Node:
        clean = compose.known(node, "service", problems)
        return fields(_translated(clean, problems), problems, table)

    return reading(variables, files, normalise)


def container(variables: Variables, files: Files) -> Normaliser:
    """A normaliser of standalone containers."""
    table = {
        **_workload(variables),
        "cpus": measures.cores,
        "mem_limit": measures.size,
        "mem_reservation": measures.size,
    }

    def normalise(node: Node, problems: Problems) -> Node:
        clean = compose.known(node, "container", problems)
        return fields(_with_tmpfs(clean, problems), problems, table)

    return reading(variables, files, normalise)


def _workload(variables: Variables) -> dict[str, Normaliser]:
    return {
        "image": _image,
        "command": words,
        "entrypoint": words,
        "environment": environment(variables),
        "networks": networks,
        "ports": ports,
        "volumes": volumes,
        "labels": labels,
        "healthcheck": _healthcheck,
        "stop_grace_period": measures.duration,
        "sysctls": text_map,
        "ulimits": each(_ulimit),
        "extra_hosts": hosts_map,
        "dns": texts,
        "dns_search": texts,
        "dns_opt": texts,
        "cap_add": each(text),
        "cap_drop": each(text),
        "group_add": each(text),
        "user": text,
        "logging": nested({"options": text_map}),
    }


def networks(node: Node, problems: Problems) -> Node:
    """``networks``: a list of names, or a mapping to attachments."""
    if node.is_list:
        keys = {str(child.value): child for child in node.elements if child.is_scalar}
        if len(keys) < len(node.elements):
            problems.error(node, "networks must be a list of different names, or a mapping")
        entries = {name: child.with_value({}) for name, child in keys.items()}
        return Node(entries, node.file, node.line, node.column, node.text, keys)
    if not node.is_mapping:
        return node
    return node.with_value({n: _attachment(c, problems) for n, c in node.items.items()})


def _attachment(node: Node, problems: Problems) -> Node:
    clean = compose.known(entry(node, problems), "attachment", problems)
    return fields(clean, problems, {"aliases": each(text), "driver_opts": text_map})


def _image(node: Node, problems: Problems) -> Node:
    if isinstance(node.value, str) and not naming.is_image(node.value):
        problems.error(
            node,
            f"{node.shown} is no image",
            hint='write "[REGISTRY/]NAME[:TAG][@sha256:DIGEST]", the name in lower case',
        )
    return node


def _ulimit(node: Node, _problems: Problems) -> Node:
    return made(node, soft=node.value, hard=node.value) if node.is_scalar else node


def _healthcheck(node: Node, problems: Problems) -> Node:
    clean = compose.known(node, "healthcheck", problems)
    disabled = clean.items.get("disable")
    found = fields(clean.without("disable"), problems, {**_TIMES, "test": _test})
    if disabled is not None and disabled.value is True:
        return found.with_value({"test": disabled.with_value((disabled.with_value("NONE"),))})
    return found


def _test(node: Node, problems: Problems) -> Node:
    if isinstance(node.value, str):
        return node.with_value((node.with_value("CMD-SHELL"), node))
    first = node.elements[0] if node.elements else node
    if node.is_list and first.value not in ("CMD", "CMD-SHELL", "NONE"):
        problems.error(
            first,
            f"{first.shown} does not begin a test",
            hint="begin it with CMD, CMD-SHELL or NONE",
        )
    return each(text)(node, problems)


def _deploy(node: Node, problems: Problems) -> Node:
    clean = compose.known(node, "deploy", problems)
    return fields(
        clean,
        problems,
        {
            "labels": labels,
            "resources": nested({"limits": nested(_LIMITS), "reservations": _reservations}),
            "restart_policy": nested(_TIMES),
            "update_config": nested(_TIMES),
            "rollback_config": nested(_TIMES),
            "placement": nested({"constraints": each(text)}),
        },
    )


def _reservations(node: Node, problems: Problems) -> Node:
    return fields(compose.known(node, "reservations", problems), problems, _LIMITS)


def _translated(node: Node, problems: Problems) -> Node:
    """Keys with a home elsewhere move there; what already stands there wins, as in Compose."""
    if not node.is_mapping:
        return node
    into = node.items.get("deploy", node.with_value({}))
    for name, (path, make) in _MOVES.items():
        if name in node.items and node.items[name].value is not None:
            into = _placed(into, path, make(node.items[name], problems))
    clean = _with_tmpfs(node, problems).without(*_MOVES)
    if not into.items:
        return clean
    return clean.with_value({**clean.items, "deploy": into})


def _placed(node: Node, path: tuple[str, ...], value: Node) -> Node:
    """*node* with *value* at *path*, unless something is there."""
    if not path:
        return value
    if not node.is_mapping:
        return node
    name, *rest = path
    there = node.items.get(name)
    if not rest and there is not None:
        return node
    inner = there if there is not None else value.with_value({})
    return node.with_value({**node.items, name: _placed(inner, tuple(rest), value)})


def _restart(node: Node, problems: Problems) -> Node:
    condition, _, attempts = str(node.value).partition(":")
    if condition not in _RESTART or (attempts and not attempts.isdecimal()):
        problems.error(
            node, f"{node.shown} is no restart policy", hint=naming.nearest(condition, _RESTART)
        )
        return node.with_value({})
    entries: dict[str, Value] = {"condition": _RESTART[condition]}
    if attempts:
        entries["max_attempts"] = int(attempts[:9])
    return made(node, **entries)


def _same(node: Node, _problems: Problems) -> Node:
    return node


_MOVES: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Node, Problems], Node]]]] = {
    "restart": (("restart_policy",), _restart),
    "scale": (("replicas",), _same),
    "cpus": (("resources", "limits", "cpus"), _same),
    "mem_limit": (("resources", "limits", "memory"), _same),
    "pids_limit": (("resources", "limits", "pids"), _same),
    "mem_reservation": (("resources", "reservations", "memory"), _same),
}


def _with_tmpfs(node: Node, problems: Problems) -> Node:
    """``tmpfs`` becomes mounts, behind those of ``volumes``."""
    written = node.items.get("tmpfs")
    if written is None:
        return node
    mounts = tmpfs(written, problems) if written.value is not None else ()
    there = node.items.get("volumes", node.with_value(()))
    return node.without("tmpfs").with_value(
        {
            **node.without("tmpfs").items,
            "volumes": there.with_value((*there.elements, *mounts)),
        }
    )
