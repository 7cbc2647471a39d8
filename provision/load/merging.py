"""Several playbooks → one: scalars agree, lists are equal, ``expect`` lists are joined."""

from collections.abc import Sequence

from provision.load.problems import Problems
from provision.model.tree import Node

JOINED = "expect"


def merged(trees: Sequence[Node], problems: Problems) -> Node:
    """One tree of several, each in long forms; every disagreement names both places."""
    first, *others = trees
    for other in others:
        first = _mapping(first, other, problems, "")
    return first


def _mapping(first: Node, second: Node, problems: Problems, path: str) -> Node:
    entries = dict(first.items)
    for name, child in second.items.items():
        if name not in entries:
            entries[name] = child
        elif name == JOINED and not path:
            entries[name] = entries[name].with_value((*entries[name].elements, *child.elements))
        else:
            entries[name] = _pair(entries[name], child, problems, f"{path}.{name}".lstrip("."))
    keys = {**second.keys, **first.keys}
    return Node(entries, first.file, first.line, first.column, first.text, keys)


def _pair(first: Node, second: Node, problems: Problems, path: str) -> Node:
    if first.is_mapping and second.is_mapping:
        return _mapping(first, second, problems, path)
    if first.plain() != second.plain():
        problems.error(
            second,
            f"{path} is {second.shown} here and {first.shown} at {first.where}",
            why="playbooks that are used together must agree",
            hint="write it in one of the two only",
        )
    return first
