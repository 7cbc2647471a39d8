"""Sizes and names that keep the code readable."""

import ast
from pathlib import Path

from tests.architecture.source import Function, functions, modules, shown, tree

MODULE_LINES = 400
FUNCTION_LINES = 45
LONGER_FUNCTIONS = {
    "provision/lab/host_init.py:root_script": "the text of one shell script",
    "provision/lab/stand_ins.py:workshop_script": "the text of one shell script",
}
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
VAGUE = ("util", "helper", "common")


def test_modules_are_short() -> None:
    """A module that grows past 400 lines becomes two."""
    lines = {shown(path): path.read_text(encoding="utf-8").count("\n") for path in modules()}

    assert {name: n for name, n in lines.items() if n > MODULE_LINES} == {}


def test_functions_are_short() -> None:
    """A function fits on a screen."""
    lines = {f"{shown(path)}:{f.name}": _lines(f) for path in modules() for f in functions(path)}
    long = {name: n for name, n in lines.items() if n > FUNCTION_LINES}

    assert {name: n for name, n in long.items() if name not in LONGER_FUNCTIONS} == {}


def _lines(function: Function) -> int:
    """Lines of docstring and code, without the signature: many keywords are no complexity."""
    return (function.end_lineno or 0) - function.body[0].lineno + 1


def test_functions_are_mostly_tiny() -> None:
    """The median function has eight lines or fewer."""
    lines = sorted(_lines(f) for path in modules() for f in functions(path))

    assert lines[len(lines) // 2] <= 8


def test_modules_are_named_for_a_concept() -> None:
    """Nothing is called util, helper or common."""
    names = [shown(path).lower() for path in modules()]

    assert [name for name in names if any(word in name for word in VAGUE)] == []


def test_only_the_command_line_prints() -> None:
    """What other parts have to say they return, or tell as an Event."""
    prints = [
        f"{shown(path)}:{node.lineno}"
        for path in modules()
        if "cli" not in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "input"}
    ]

    assert prints == []


def test_modules_hold_no_mutable_state() -> None:
    """A constant may be a table; a name in lower case, or one declared global, is state."""
    assert [found for path in modules() for found in _state(path)] == []


def _state(path: Path) -> list[str]:
    assigned = [node for node in tree(path).body if isinstance(node, ast.Assign | ast.AnnAssign)]
    lines = [
        node.lineno
        for node in assigned
        if isinstance(node.value, MUTABLE) and not all(map(_constant, _targets(node)))
    ]
    lines += [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Global)]
    return [f"{shown(path)}:{line}" for line in lines]


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _constant(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and (target.id.isupper() or target.id == "__all__")


def test_public_things_say_what_they_are() -> None:
    """Every public module, class and function has a docstring."""
    silent = [
        f"{shown(path)}:{name}"
        for path in modules()
        for name, node in _public(path)
        if ast.get_docstring(node) is None
    ]

    assert silent == []


def _public(path: Path) -> list[tuple[str, ast.Module | Function | ast.ClassDef]]:
    named = [n for n in tree(path).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    shown_ones = [(n.name, n) for n in named if not n.name.startswith("_")]
    return [("", tree(path)), *shown_ones]
