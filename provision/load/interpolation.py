"""Compose's interpolation: ``$NAME ${NAME} ${NAME:-default} ${NAME:?message} ${NAME:+other} $$``.

Values only, never keys; what a variable holds is not looked at again; a default may hold variables.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provision.load.problems import Problems
from provision.model.tree import Node, quoted

DEEPEST: Final = 50

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR: Final = re.compile(r":?[-?+]")
_STEP: Final = re.compile(r"\$|\}")


class _Malformed(Exception):
    """The text is no template."""


class _Demanded(Exception):
    """A variable that the document demands is not there."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What interpolation looks up: the inventory's ``vars`` first, then the environment."""

    own: Mapping[str, str]
    environment: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """The variable's value, None where it is not set."""
        return self.own.get(name, self.environment.get(name))


def interpolated(node: Node, variables: Variables, problems: Problems) -> Node:
    """The tree with every variable filled in."""
    if node.is_mapping:
        return node.with_value(
            {key: interpolated(child, variables, problems) for key, child in node.items.items()}
        )
    if node.is_list:
        return node.with_value(
            tuple(interpolated(child, variables, problems) for child in node.elements)
        )
    if isinstance(node.value, str) and "$" in node.value:
        return _scalar(node, node.value, variables, problems)
    return node


def _scalar(node: Node, text: str, variables: Variables, problems: Problems) -> Node:
    template = _Template(text, variables)
    try:
        value, _ = template.fill(0, 0)
    except _Malformed:
        problems.error(
            node,
            f"{node.shown} is no valid interpolation",
            hint="write $NAME or ${NAME}; a literal dollar sign is $$",
        )
        return node
    except _Demanded as demanded:
        problems.error(
            node, str(demanded), hint="set it in the environment or in the inventory's vars"
        )
        return node
    for name in template.unset:
        warning = f"{node.where}: the variable {name} is not set; an empty text is used"
        problems.warn(warning, once=f"${name}")
    return Node(value, node.file, node.line, node.column, node.text, filled=True)


class _Template:
    """One text with variables in it."""

    def __init__(self, text: str, variables: Variables) -> None:
        self.text = text
        self.variables = variables
        self.unset: list[str] = []

    def fill(self, at: int, depth: int) -> tuple[str, int]:
        """The text from *at* on, filled in, up to its end or (inside braces) to its ``}``."""
        if depth > DEEPEST:
            raise _Malformed
        out: list[str] = []
        while found := _STEP.search(self.text, at):
            out.append(self.text[at : found.start()])
            at = found.end()
            if found.group() == "$":
                value, at = self.variable(at, depth)
                out.append(value)
            elif depth:
                return "".join(out), at
            else:
                out.append("}")
        if depth:
            raise _Malformed
        return "".join(out) + self.text[at:], len(self.text)

    def variable(self, at: int, depth: int) -> tuple[str, int]:
        """What stands for the ``$…`` that begins before *at*, and where it ends."""
        if self.text.startswith("$", at):
            return "$", at + 1
        braced = self.text.startswith("{", at)
        name = _NAME.match(self.text, at + braced)
        if name is None:
            raise _Malformed
        if not braced:
            return self.plain(name.group()), name.end()
        return self.braced(name.group(), name.end(), depth)

    def braced(self, name: str, at: int, depth: int) -> tuple[str, int]:
        if self.text.startswith("}", at):
            return self.plain(name), at + 1
        operator = _OPERATOR.match(self.text, at)
        if operator is None:
            raise _Malformed
        noted, demanded = list(self.unset), None
        try:
            word, end = self.fill(operator.end(), depth + 1)
        except _Demanded as inner:  # matters only where the word is used
            demanded, word, end = inner, "", self.skip(operator.end())
        value, used = self.choose(name, operator.group(), word)
        if not used:
            self.unset = noted
        elif demanded:
            raise demanded
        return value, end

    def skip(self, at: int) -> int:
        """Where the word that begins at *at* ends."""
        depth = 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.text[at], 0)
            at += 1
        return at

    def choose(self, name: str, operator: str, word: str) -> tuple[str, bool]:
        """The value of ``${name<operator>word}`` and whether *word* was used."""
        value = self.variables.get(name)
        there = bool(value) if operator[0] == ":" else value is not None
        if operator[-1] == "+":
            return (word, True) if there else ("", False)
        if there:
            return value or "", False
        if operator[-1] == "?":
            message = f": {quoted(word)}" if word else ""
            raise _Demanded(f"the variable {name} is required and not set{message}")
        return word, True

    def plain(self, name: str) -> str:
        value = self.variables.get(name)
        if value is None:
            self.unset.append(name)
        return value or ""
