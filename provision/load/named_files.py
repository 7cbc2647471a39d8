"""Files that playbooks name beside themselves: which to read, and what was found in them.

Nothing is read here: `named_files` says what is wanted, the caller reads it and hands it in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from provision.load.interpolation import Variables, interpolated
from provision.load.problems import Problems
from provision.model.tree import Node

LARGEST: Final = 1 << 20
"""Bytes; what is larger fits into no config, secret or environment."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file as a playbook names it; *path* is relative to the folder of *playbook*."""

    playbook: str
    path: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file could not be read."""

    reason: str


Files: TypeAlias = Mapping[NamedFile, bytes | Unreadable]


def named_files(
    trees: Sequence[Node], own: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[NamedFile, ...]:
    """What has to be read before these playbooks can be loaded.

    Args:
        trees: the playbooks.
        own: the inventory's ``vars``.
        environment: environment variables.
    """
    variables, unheard = Variables(own, environment), Problems()  # a load says what is wrong
    named = [node for tree in trees for node in _nodes(interpolated(tree, variables, unheard))]
    return tuple(dict.fromkeys(found for node in named if (found := of(node))))


def of(node: Node) -> NamedFile | None:
    """The file that a scalar names."""
    path = node.value
    return NamedFile(node.file, path) if isinstance(path, str) and path else None


def content(node: Node, files: Files, problems: Problems) -> bytes | None:
    """What the file holds that *node* names; None, and the problem noted, without it."""
    wanted = of(node)
    if wanted is None:
        return None  # the model says what it expected
    found = files.get(wanted, Unreadable("it was not read"))
    if not isinstance(found, Unreadable):
        return found
    hint = "check the path; it is relative to the folder of the playbook"
    problems.error(node, f"the file {node.part} cannot be read", why=found.reason, hint=hint)
    return None


def entries(node: Node) -> Iterator[tuple[Node, bool]]:
    """The files of ``env_file`` or ``label_file``, and whether each is required."""
    for one in node.elements or (node,):
        if one.is_mapping:
            required = one.items.get("required")
            yield one.items.get("path", one), required is None or required.value is not False
        elif one.value is not None:
            yield one, True


def _nodes(tree: Node) -> Iterator[Node]:
    for section in ("configs", "secrets"):
        for child in _section(tree, section):
            yield from (n for name, n in child.items.items() if name == "file")
    for section in ("services", "containers"):
        for child in _section(tree, section):
            for key in ("env_file", "label_file"):
                if key in child.items:
                    yield from (node for node, _ in entries(child.items[key]))


def _section(tree: Node, name: str) -> Sequence[Node]:
    found = tree.items.get(name)
    return tuple(found.items.values()) if found is not None else ()
