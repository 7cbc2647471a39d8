"""Entries of ``expect`` → expectations."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from provision.load import measures, naming
from provision.load.problems import Problems
from provision.load.shapes import texts
from provision.model.desired import Expectation
from provision.model.expectations import KINDS, WITHIN, Argument
from provision.model.tree import Node, quoted


def expectations(node: Node, problems: Problems) -> tuple[Expectation, ...]:
    """All entries of an ``expect`` list."""
    if not node.is_list:
        problems.error(
            node, f"expect must be a list, not {node.shown}", hint="begin entries with '-'"
        )
        return ()
    found = (_expectation(child, problems) for child in node.elements)
    return tuple(one for one in found if one is not None)


def _expectation(node: Node, problems: Problems) -> Expectation | None:
    """``ping: {from: a, to: b}``, with ``within:`` inside or beside it."""
    kinds = [name for name in node.items if name != "within"]
    if len(kinds) != 1:
        problems.error(
            node,
            f"an expectation is one kind with its arguments, not {node.shown}",
            hint="write '- ping: {from: a, to: b}'",
        )
        return None
    kind = kinds[0]
    if kind not in KINDS:
        what = f"unknown kind of expectation {quoted(kind)}"
        problems.error(node.key(kind), what, hint=naming.nearest(kind, KINDS))
        return None
    given = node.items[kind]
    if not given.is_mapping:
        problems.error(given, f"{kind} takes a mapping of arguments, not {given.shown}")
        return None
    beside = {name: child for name, child in node.items.items() if name == "within"}
    arguments = _arguments(kind, given, {**given.items, **beside}, problems)
    return Expectation(kind, arguments, node.key(kind).where)


def _arguments(
    kind: str, node: Node, written: Mapping[str, Node], problems: Problems
) -> dict[str, Any]:
    table = {**KINDS[kind], "within": WITHIN}
    for name in [n for n, argument in table.items() if argument.required and n not in written]:
        problems.error(node, f"{kind} lacks the argument {name!r}", hint=table[name].means)
    arguments = {}
    for name, child in written.items():
        if name in table:
            arguments[name] = _argument(f"{kind}.{name}", table[name], child, problems)
        else:
            what = f"unknown argument {quoted(name)} of {kind}"
            problems.error(node.key(name), what, hint=naming.nearest(name, table))
    return arguments


def _argument(name: str, argument: Argument, node: Node, problems: Problems) -> Any:
    value = _READERS[argument.type](node, problems)
    if value is None:
        problems.error(
            node, f"{name} must be a {argument.type}, not {node.shown}", hint=argument.means
        )
    elif argument.choices and value not in argument.choices:
        expected = ", ".join(argument.choices)
        problems.error(
            node,
            f"{name} must be one of {expected}, not {node.shown}",
            hint=naming.nearest(str(value), argument.choices),
        )
    return value


def _text(node: Node, _problems: Problems) -> str | None:
    if node.value is None or not node.is_scalar or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, str) else node.text


def _number(node: Node, _problems: Problems) -> int | None:
    if node.filled and isinstance(node.value, str) and node.value.isdecimal():
        return int(node.value[:9])
    return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else None


def _port(node: Node, problems: Problems) -> int | None:
    number = _number(node, problems)
    return number if number is not None and naming.is_port(str(number)) else None


def _flag(node: Node, _problems: Problems) -> bool | None:
    if node.filled and node.value in ("true", "false"):
        return node.value == "true"
    return node.value if isinstance(node.value, bool) else None


def _texts(node: Node, problems: Problems) -> list[Any] | None:
    plain = texts(node, problems).plain()
    return plain if isinstance(plain, list) else None


def _duration(node: Node, problems: Problems) -> Any:
    return measures.seconds(node, problems).value


_READERS: Final[Mapping[str, Callable[[Node, Problems], Any]]] = {
    "text": _text,
    "number": _number,
    "port": _port,
    "flag": _flag,
    "texts": _texts,
    "duration": _duration,
}
