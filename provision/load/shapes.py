"""Compose's short forms → the one long form the models know. Places and written words stay.

A normaliser leaves alone what it does not understand: the models then say what they expected.
"""

import shlex
from collections.abc import Callable, Mapping
from typing import TypeAlias

from provision.load.interpolation import Variables
from provision.load.problems import Problems
from provision.model.tree import Node, Value, quoted

Normaliser: TypeAlias = Callable[[Node, Problems], Node]


def fields(node: Node, problems: Problems, table: Mapping[str, Normaliser]) -> Node:
    """A mapping whose values went through the normalisers of its keys.

    A key without a value was not written, as in Compose.
    """
    if not node.is_mapping:
        return node
    entries = {
        name: table[name](child, problems) if name in table else child
        for name, child in node.items.items()
        if child.value is not None
    }
    return node.with_value(entries)


def nested(table: Mapping[str, Normaliser]) -> Normaliser:
    """A normaliser for a mapping with fields of its own."""
    return lambda node, problems: fields(node, problems, table)


def each(one: Normaliser) -> Normaliser:
    """A normaliser for every element of a list, or every value of a mapping."""

    def every(node: Node, problems: Problems) -> Node:
        if node.is_mapping:
            return node.with_value({k: one(v, problems) for k, v in node.items.items()})
        if node.is_list:
            return node.with_value(tuple(one(v, problems) for v in node.elements))
        return node

    return every


def made(node: Node, **entries: Value) -> Node:
    """A mapping that a short form stands for."""
    return node.with_value({name: node.with_value(value) for name, value in entries.items()})


def text(node: Node, _problems: Problems) -> Node:
    """A scalar as text: numbers as they were written, nothing as the empty text."""
    if isinstance(node.value, str) or not node.is_scalar:
        return node
    return node.with_value("" if node.value is None else node.text)


def text_map(node: Node, problems: Problems) -> Node:
    """``{KEY: value}`` or ``[KEY=value]`` → a mapping of texts."""
    return each(text)(_paired(node, problems, "="), problems)


def hosts_map(node: Node, problems: Problems) -> Node:
    """``extra_hosts``: ``[name=address]`` or ``[name:address]`` → a mapping."""
    return each(text)(_paired(node, problems, "=:"), problems)


def environment(variables: Variables) -> Normaliser:
    """``environment``: a key without a value takes it from the variables at hand."""

    def normalise(node: Node, problems: Problems) -> Node:
        listed = _paired(node, problems, "=")
        if not listed.is_mapping:
            return listed
        entries = {}
        for name, child in listed.items.items():
            value = variables.get(name) if child.value is None else None
            if child.value is None and value is None:
                problems.warn(f"{child.where}: {name} is not set in the environment; left out")
            else:
                entries[name] = text(child if value is None else child.with_value(value), problems)
        return listed.with_value(entries)

    return normalise


def _paired(node: Node, problems: Problems, separators: str) -> Node:
    """A list of ``KEY=value`` → a mapping; a bare ``KEY`` has no value."""
    if not node.is_list:
        return node
    entries: dict[str, Node] = {}
    keys: dict[str, Node] = {}
    for child in node.elements:
        if not isinstance(child.value, str):
            problems.error(child, f"{child.shown} is no KEY=value")
            continue
        separator = next((s for s in separators if s in child.value), separators[0])
        name, found, value = child.value.partition(separator)
        if name in keys:
            problems.error(
                child, f"{quoted(name)} stands twice", why=f"first at {keys[name].where}"
            )
        entries[name], keys[name] = child.with_value(value.strip() if found else None), child
    return Node(entries, node.file, node.line, node.column, node.text, keys)


def texts(node: Node, problems: Problems) -> Node:
    """One text or a list of them → a list of texts."""
    if node.is_list:
        return each(text)(node, problems)
    return node.with_value((text(node, problems),)) if node.is_scalar else node


def words(node: Node, problems: Problems) -> Node:
    """A command: text is split as a shell would split it, no shell runs."""
    if not isinstance(node.value, str):
        return each(text)(node, problems)
    try:
        split = shlex.split(node.value)
    except ValueError as error:
        problems.error(node, f"{node.shown} cannot be split into words", why=str(error).lower())
        split = []
    return node.with_value(tuple(node.with_value(word) for word in split))


def entry(node: Node, _problems: Problems) -> Node:
    """A named entry without anything in it: all defaults."""
    return node.with_value({}) if node.value is None else node
