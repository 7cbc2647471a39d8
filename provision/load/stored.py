"""Configs, secrets and volumes: the entries, what services say of them, and what they hold."""

import base64
from collections.abc import Mapping
from typing import Final

from provision.load import compose, naming
from provision.load.interpolation import Variables
from provision.load.labels import labels
from provision.load.measures import octal
from provision.load.named_files import LARGEST, Files, content
from provision.load.problems import Problems
from provision.load.shapes import Normaliser, entry, fields, made, text, text_map
from provision.model.compose_keys import Section
from provision.model.secret_text import SecretText
from provision.model.tree import Node, quoted

_WAYS: Final = ("file", "content", "environment")
_KINDS: Final[Mapping[str, str]] = {"configs": "config", "secrets": "secret"}
_ROOM: Final = {"config": 1000 * 1024, "secret": 500 * 1024}
LONGEST_NAME: Final = 50
"""Characters: with ``_`` and twelve of the hash, the engine's 64 are not exceeded."""


def stored(section: Section) -> Normaliser:
    """A normaliser of top-level configs, secrets or volumes."""

    def normalise(node: Node, problems: Problems) -> Node:
        clean = compose.known(entry(node, problems), section, problems)
        return fields(external(clean), problems, {"labels": labels, "driver_opts": text_map})

    return normalise


def external(node: Node) -> Node:
    """``external: {name: x}``, as old Compose files write it."""
    found = node.items.get("external")
    if found is None or not found.is_mapping:
        return node
    entries: dict[str, Node] = {**found.items, **node.items}
    return node.with_value({**entries, "external": found.with_value(value=True)})


def references(node: Node, problems: Problems) -> Node:
    """A service's ``configs`` or ``secrets``: names, or mappings."""
    if not node.is_list:
        return node
    return node.with_value(tuple(_reference(child, problems) for child in node.elements))


def _reference(node: Node, problems: Problems) -> Node:
    if isinstance(node.value, str):
        return made(node, source=node.value)
    clean = compose.known(node, "reference", problems)
    return fields(clean, problems, {"uid": text, "gid": text, "mode": octal})


def check_stored(playbook: Node, problems: Problems) -> None:
    """What no model sees: one way to its content, names, and that what services name is there."""
    for section, kind in _KINDS.items():
        for name, node in _entries(playbook, section):
            _check_ways(f"{section}.{name}", node, problems)
            _check_name(kind, name, node, playbook.items[section].key(name), problems)
    for service, node in _entries(playbook, "services"):
        for section in _KINDS:
            _check_references(f"services.{service}", section, node, playbook, problems)


def _entries(playbook: Node, section: str) -> tuple[tuple[str, Node], ...]:
    return tuple(playbook.items.get(section, playbook.with_value({})).items.items())


def _check_ways(path: str, node: Node, problems: Problems) -> None:
    ways = [way for way in _WAYS if way in node.items]
    ours = _is_external(node)
    if ours and ways:
        problems.error(
            node.key(ways[0]),
            f"{path} is external and cannot have {ways[0]}",
            why="others made it, with its content",
        )
    elif not ours and len(ways) != 1:
        what = f"has {' and '.join(ways)}" if ways else "says not what it holds"
        hint = "write one of file and environment" + ("" if "secrets." in path else " and content")
        problems.error(node, f"{path} {what}", hint=hint)


def _is_external(node: Node) -> bool:
    found = node.items.get("external")
    return found is not None and found.value in (True, "true")


def _check_name(kind: str, name: str, node: Node, place: Node, problems: Problems) -> None:
    real = node.items.get("name", place.with_value(name))
    if _is_external(node) or not isinstance(real.value, str):
        return
    if not naming.NAME.fullmatch(real.value) or len(real.value) > LONGEST_NAME:
        rule = naming.NAME_RULE.replace("63", str(LONGEST_NAME))
        what = f"{quoted(real.value)} is no {kind} name"
        problems.error(real, what, hint=f"{rule}: a part of a hash is added")


def _check_references(
    path: str, section: str, service: Node, playbook: Node, problems: Problems
) -> None:
    declared = playbook.items.get(section, playbook.with_value({}))
    targets: dict[str, Node] = {}
    for one in service.items.get(section, service.with_value(())).elements:
        source = one.items.get("source")
        if source is None or not isinstance(source.value, str):
            continue
        if source.value not in declared.items:
            problems.error(
                source,
                f"{path} names the {_KINDS[section]} {quoted(source.value)}, which is not declared",
                hint=naming.nearest(source.value, declared.items) or f"declare it under {section}",
            )
        target = str(one.items.get("target", source).value)
        first = targets.setdefault(target, one)
        if first is not one:
            what = f"{path} has two {section} at {quoted(target)}"
            problems.error(one, what, why=f"the other stands at {first.where}")


def contents(
    playbook: Node, variables: Variables, files: Files, problems: Problems
) -> dict[str, SecretText]:
    """``kind/name`` → what each config and secret of ours holds, in Base64."""
    found: dict[str, SecretText] = {}
    for section, kind in _KINDS.items():
        for name, node in _entries(playbook, section):
            data = None if _is_external(node) else _data(node, variables, files, problems)
            if data is not None and _fits(kind, f"{section}.{name}", node, data, problems):
                found[f"{kind}/{name}"] = SecretText(base64.b64encode(data).decode())
    return found


def _data(node: Node, variables: Variables, files: Files, problems: Problems) -> bytes | None:
    if "file" in node.items:
        return content(node.items["file"], files, problems)
    written = node.items.get("content")
    if written is not None:
        return written.value.encode() if isinstance(written.value, str) else None
    named = node.items.get("environment")
    if named is None or not isinstance(named.value, str):
        return None
    value = variables.get(named.value)
    if value is None:
        hint = "set it in the environment, or in the inventory's vars"
        problems.error(named, f"the variable {quoted(named.value)} is not set", hint=hint)
        return None
    return value.encode()


def _fits(kind: str, path: str, node: Node, data: bytes, problems: Problems) -> bool:
    room = min(_ROOM[kind], LARGEST)
    if 0 < len(data) <= room:
        return True
    what = "is empty" if not data else f"is longer than {room // 1024} KiB"
    problems.error(node, f"{path} {what}", why=f"the engine takes no such {kind}")
    return False
