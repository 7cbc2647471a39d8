"""Pydantic's errors → what a person can act on: the place, the wrong value, what was expected."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from provision.load import naming
from provision.load.problems import Problems
from provision.model.document import PATTERNS, Document
from provision.model.tree import Node, Scalar, quoted

D = TypeVar("D", bound=Document)

_EXPECTED: Final[Mapping[str, str]] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "none_required": "nothing",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_RETYPED: Final = ("int_type", "float_type", "bool_type")
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}
_SECRETIVE: Final = ("password", "proxy")
_ABOUT_KEYS: Final = ("missing", "extra_forbidden")
_LONGEST_NUMBER: Final = 20
_LONGEST_PATH: Final = 80


def validated(model: type[D], node: Node, problems: Problems) -> D | None:
    """The model made of a tree; None, and the problems noted, where it does not fit.

    Text that interpolation filled in is read as a number or a boolean where the field wants one.
    """
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True)
    retyped = node
    for one in found:
        if one["type"] in _RETYPED:
            retyped = _with_retyped(retyped, tuple(one["loc"]), one["type"])
    if retyped is not node:
        return validated(model, retyped, problems)
    _report(model, node, [dict(one) for one in found], problems)
    return None


def _with_retyped(node: Node, loc: tuple[int | str, ...], wanted: str) -> Node:
    """The tree with the filled-in text at *loc* read as what is wanted there, if it can be."""
    if not loc:
        value = _retyped(node, wanted)
        return node if value is None else node.with_value(value)
    step, rest = loc[0], loc[1:]
    child = _child(node, step)
    if child is None:
        return _with_retyped(node, rest, wanted)  # the name of a union's member
    changed = _with_retyped(child, rest, wanted)
    if changed is child:
        return node
    if node.is_mapping:
        return node.with_value({**node.items, str(step): changed})
    return node.with_value(tuple(changed if e is child else e for e in node.elements))


def _retyped(node: Node, wanted: str) -> Scalar:
    text = node.value
    if not node.filled or not isinstance(text, str) or len(text) > _LONGEST_NUMBER:
        return None
    if wanted == "bool_type":
        return _BOOLEANS.get(text.lower())
    try:
        return int(text) if wanted == "int_type" else float(text)
    except ValueError:
        return None


def _child(node: Node, step: int | str) -> Node | None:
    if isinstance(step, int):
        return node.elements[step] if step < len(node.elements) else None
    return node.items.get(step)


def _report(
    model: type[Document], root: Node, found: Sequence[Mapping[str, Any]], problems: Problems
) -> None:
    """Note each error once; a union's members speak with one voice."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    nodes: dict[str, Node] = {}
    for one in found:
        loc = one["loc"][:-1] if one["type"] in _ABOUT_KEYS else one["loc"]
        path, node = _at(root, loc)
        groups.setdefault(path, []).append(one)
        nodes[path] = node
    for path, group in groups.items():
        if not (all(one["type"] in _EXPECTED for one in group) and _deeper(path, groups)):
            _say(model, path, nodes[path], group, problems)


def _deeper(path: str, others: Iterable[str]) -> bool:
    """Whether errors inside say better what is wrong than those of a union about the whole."""
    return any(other.startswith((f"{path}.", f"{path}[")) for other in others)


def _at(root: Node, loc: Iterable[int | str]) -> tuple[str, Node]:
    """What a location is called, and its node; steps that lead nowhere name members of unions."""
    node, path = root, ""
    for step in loc:
        child = _child(node, step)
        if child is not None:
            node, path = child, path + (f"[{step}]" if isinstance(step, int) else f".{step}")
    return _shortened(path.removeprefix(".")) or "the document", node


def _shortened(path: str) -> str:
    return path if len(path) <= _LONGEST_PATH else path[: _LONGEST_PATH - 1] + "…"


def _say(
    model: type[Document],
    path: str,
    node: Node,
    group: Sequence[Mapping[str, Any]],
    problems: Problems,
) -> None:
    rest = [one for one in group if one["type"] not in _ABOUT_KEYS]
    for one in group:
        if one["type"] == "extra_forbidden":
            _say_unknown(model, path, node, one["loc"], problems)
        elif one["type"] == "missing":
            name = quoted(str(one["loc"][-1]))
            problems.error(node, f"{path} lacks the key {name}", hint=f"write {name}")
    if len(rest) == len(group):
        expected = " or ".join(dict.fromkeys(_expectation(one) for one in rest))
        problems.error(
            node,
            f"{path} must be {expected}{_instead(path, node)}",
            hint=_advice(node, rest),
        )


def _instead(path: str, node: Node) -> str:
    """What was written instead - but not where it may be the password itself."""
    return "" if any(word in path for word in _SECRETIVE) else f", not {node.shown}"


def _say_unknown(
    model: type[Document], path: str, node: Node, loc: Sequence[int | str], problems: Problems
) -> None:
    name = str(loc[-1])
    fields = (m.model_fields for m in _models_at(model, loc[:-1]))
    problems.error(
        node.key(name),
        f"unknown key {quoted(name)} in {path}",
        hint=naming.nearest(name, {key for each in fields for key in each}),
    )


def _expectation(one: Mapping[str, Any]) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind == "string_pattern_mismatch":
        return PATTERNS[context["pattern"]]
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"{words} {context[key]}"
    return _EXPECTED.get(kind, str(one["msg"]).lower())


def _advice(node: Node, group: Sequence[Mapping[str, Any]]) -> str:
    kinds = {one["type"] for one in group}
    if kinds & {"literal_error"} and isinstance(node.value, str):
        allowed = str(group[0].get("ctx", {}).get("expected", ""))
        return naming.nearest(
            node.value, allowed.replace(" or ", ", ").replace("'", "").split(", ")
        )
    if "bool_type" in kinds and isinstance(node.value, str):
        return "write true or false: in YAML 1.2 yes, no, on and off are texts"
    if kinds == {"string_type"} and node.is_scalar and node.value is not None:
        return f'quote it: "{node.text}"' if len(node.text) <= _LONGEST_NUMBER else "quote it"
    return ""


def _models_at(model: type[Document], loc: Sequence[int | str]) -> list[type[Document]]:
    """The models that may stand at a location."""
    here: list[Any] = [model]
    for step in loc:
        here = [inner for one in here for inner in _steps(one, step)] or here
    return [
        m for one in here for m in _flat(one) if isinstance(m, type) and issubclass(m, Document)
    ]


def _steps(annotation: Any, step: int | str) -> list[Any]:
    """What *step* leads to from a value of this annotation."""
    found: list[Any] = []
    for one in _flat(annotation):
        if get_origin(one) is dict and isinstance(step, str):
            found.append(get_args(one)[1])
        elif get_origin(one) is list and isinstance(step, int):
            found.append(get_args(one)[0])
        elif isinstance(one, type) and issubclass(one, Document) and step in one.model_fields:
            found.append(one.model_fields[str(step)].annotation)
    return found


def _flat(annotation: Any) -> tuple[Any, ...]:
    """A union's members."""
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return get_args(annotation)
    return (annotation,)
