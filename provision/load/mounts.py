"""``volumes`` and ``tmpfs`` of a service or container: short forms → mounts."""

from collections.abc import Mapping
from typing import Final

from provision.load import compose, measures, naming
from provision.load.labels import labels
from provision.load.problems import Problems
from provision.load.shapes import Normaliser, fields, made, nested, texts
from provision.model.tree import Node, Value, quoted

_ACCESS: Final = {"ro": {"read_only": True}, "rw": {}}
_IGNORED: Final = ("z", "Z")
_PROPAGATION: Final = ("rprivate", "private", "rshared", "shared", "rslave", "slave")
_PARTS: Final = 3


def volumes(node: Node, problems: Problems) -> Node:
    """A list of mounts in whatever form → the long form."""
    if not node.is_list:
        return node
    mounts = (_mount(child, problems) for child in node.elements)
    return node.with_value(tuple(mount for mount in mounts if mount is not None))


def tmpfs(node: Node, problems: Problems) -> tuple[Node, ...]:
    """``tmpfs: /run`` or a list of them → mounts. Options (``/run:size=64m``) are refused."""
    found = []
    for child in texts(node, problems).elements:
        path = str(child.value)
        if not path.startswith("/") or ":" in path:
            problems.error(
                child,
                f"{child.shown} is no absolute path for a tmpfs",
                hint="write options in volumes: {type: tmpfs, target: …, tmpfs: {size: …}}",
            )
        found.append(made(child, type="tmpfs", target=path))
    return tuple(found)


def _mount(node: Node, problems: Problems) -> Node | None:
    if isinstance(node.value, str):
        return _short(node, node.value, problems)
    long = fields(compose.known(node, "mount", problems), problems, _LONG)
    _check(long, problems)
    return long


def _bind(node: Node, problems: Problems) -> Node:
    return compose.known(node, "bind", problems)


def _volume(node: Node, problems: Problems) -> Node:
    return fields(compose.known(node, "volume mount", problems), problems, {"labels": labels})


_LONG: Final[Mapping[str, Normaliser]] = {
    "tmpfs": nested({"size": measures.size, "mode": measures.octal}),
    "bind": _bind,
    "volume": _volume,
}


def _short(node: Node, written: str, problems: Problems) -> Node | None:
    parts = written.split(":")
    if len(parts) > _PARTS:
        problems.error(node, f"{node.shown} is no mount", hint='write "SOURCE:TARGET[:ro]"')
        return None
    entries: dict[str, Value] = {}
    for option in parts[2].split(",") if len(parts) == _PARTS else ():
        entries |= _option(node, option, problems)
    source, target = (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])
    kind = "bind" if source and source.startswith(("/", ".", "~")) else "volume"
    entries |= {"type": kind, "target": target}
    if source is not None:
        entries["source"] = source
    mount = made(node, **entries)
    _check(mount, problems)
    return mount


def _option(node: Node, option: str, problems: Problems) -> dict[str, Value]:
    if option in _ACCESS:
        return dict(_ACCESS[option])
    if option in _PROPAGATION:
        return {"bind": {"propagation": node.with_value(option)}}
    if option == "nocopy":
        return {"volume": {"nocopy": node.with_value(value=True)}}
    if option in _IGNORED:
        problems.warn(f"{node.where}: {option} relabels for SELinux; swarmlay leaves labels alone")
    else:
        known = [*_ACCESS, *_PROPAGATION, "nocopy"]
        problems.error(
            node, f"{quoted(option)} is no mount option", hint=naming.nearest(option, known)
        )
    return {}


def _check(mount: Node, problems: Problems) -> None:
    """Targets are absolute; what is bound is a path on the hosts, so absolute, too."""
    kind = mount.items.get("type")
    target, source = mount.items.get("target"), mount.items.get("source")
    if target and isinstance(target.value, str) and not target.value.startswith("/"):
        problems.error(target, f"{target.part} is no absolute path in the container")
    if not source or not isinstance(source.value, str) or not kind:
        return
    if kind.value == "bind" and not source.value.startswith("/"):
        problems.error(
            source,
            f"the bind mount {source.part} is relative",
            why="a bind mount names a path on the hosts, not one beside this file",
            hint="write an absolute path",
        )
    if kind.value == "volume" and not naming.NAME.fullmatch(source.value):
        problems.error(source, f"{source.part} is no volume name", hint=naming.NAME_RULE)
