"""The package's own source, as the architecture tests look at it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import provision

PACKAGE = Path(provision.__file__).parent
ROOT = PACKAGE.parent


@cache
def modules() -> tuple[Path, ...]:
    """Every file of the package."""
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path) -> str:
    """A path as a person names it."""
    return str(path.relative_to(ROOT))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, methods and inner ones as well."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))
