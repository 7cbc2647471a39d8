"""A document as a tree that remembers where each key and value stands.

What `documents` reads and `load` understands; it knows nothing of YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | tuple[Node, ...] | Mapping[str, Node]"

SHOWN = 60
"""How many characters of a wrong value an error quotes."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place.

    Attributes:
        value: a scalar, a tuple of nodes, or a mapping of nodes.
        text: a scalar as it was written (``0o14``, ``1.10``), for fields that want text and for
            errors; for what a short form was turned into, the short form.
        keys: for a mapping: each key's own place.
        filled: interpolation put something into it, so it may be re-typed where a number is wanted.
    """

    value: Value
    file: str
    line: int
    column: int
    text: str = ""
    keys: "Mapping[str, Node]" = field(default_factory=dict)
    filled: bool = False

    @property
    def where(self) -> str:
        """file:line:column, as editors and compilers write it."""
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def items(self) -> "Mapping[str, Node]":
        """The entries of a mapping; none for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def elements(self) -> "tuple[Node, ...]":
        """The elements of a list; none for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.value, Mapping)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.value, tuple)

    @property
    def is_scalar(self) -> bool:
        """Whether it is neither a mapping nor a list."""
        return not isinstance(self.value, (Mapping, tuple))

    @property
    def shown(self) -> str:
        """The value for an error, quoted and cut: as written, never what a variable held."""
        if isinstance(self.value, Mapping):
            return "a mapping"
        if isinstance(self.value, tuple):
            return "a list"
        return quoted(self.text) if self.text or self.value is not None else "nothing"

    @property
    def part(self) -> str:
        """What a piece of a short form is, for an error; the whole where a variable is in it."""
        return self.shown if self.filled else quoted(str(self.value))

    def key(self, name: str) -> "Node":
        """The place of the key *name*; the mapping's own where the key was not written."""
        return self.keys.get(name, self)

    def with_value(self, value: Value) -> "Node":
        """The same place and words with another value (a short form made long)."""
        if isinstance(value, Mapping):
            return Node(value, self.file, self.line, self.column, self.text, self.keys, self.filled)
        return Node(value, self.file, self.line, self.column, self.text, filled=self.filled)

    def without(self, *names: str) -> "Node":
        """A mapping without some of its keys."""
        return self.with_value({k: v for k, v in self.items.items() if k not in names})

    def plain(self) -> Any:
        """The bare data."""
        if isinstance(self.value, Mapping):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


def quoted(text: str) -> str:
    """Text for an error message: one line, control characters escaped, cut when long."""
    cut = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return repr(cut)
