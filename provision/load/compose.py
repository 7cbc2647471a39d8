"""Keys of the Compose Specification that are no fields of our models: said, never dropped in silence."""

from collections.abc import Collection
from typing import Final

from provision.load import naming
from provision.load.problems import Problems
from provision.model.compose_keys import KEYS, Section
from provision.model.document import Document
from provision.model.tree import Node, quoted

EXTENSION: Final = "x-"


def known(
    node: Node, section: Section, model: type[Document], problems: Problems, what: str
) -> Node:
    """A mapping with only those keys that the model or a translation understands."""
    if not node.is_mapping:
        return node
    gone = [
        name
        for name in node.items
        if not _stays(node, name, section, model.model_fields, problems, what)
    ]
    return node.without(*gone) if gone else node


def _stays(
    node: Node,
    name: str,
    section: Section,
    honoured: Collection[str],
    problems: Problems,
    what: str,
) -> bool:
    table = KEYS[section]
    if name in honoured or (name in table and table[name].kind == "translated"):
        return True
    if name.startswith(EXTENSION):
        return False
    if name in table:
        _say(node.key(name), name, section, problems, what)
    else:
        problems.error(
            node.key(name),
            f"unknown key {quoted(name)} in {what}",
            hint=naming.nearest(name, {*honoured, *table}),
        )
    return False


def _say(place: Node, name: str, section: Section, problems: Problems, what: str) -> None:
    key = KEYS[section][name]
    if key.kind == "harmless":
        warning = f"{place.where}: {name} has no effect: {key.why}"
        problems.warn(warning, once=f"{section}.{name}")
    elif key.kind == "later":
        problems.error(
            place,
            f"{name} in {what} is not handled by this version of swarmlay",
            why=key.why,
            hint=key.instead or "remove the key",
        )
    else:
        problems.error(
            place,
            f"{name} in {what} would lose its meaning",
            why=key.why,
            hint=key.instead or "remove the key",
        )
