"""YAML 1.2's core schema: which plain scalars are null, booleans and numbers.

``on``, ``yes``, ``22:22`` and ``1_000`` are text, ``012`` is twelve: what YAML 1.1 made of them has
burnt enough people who wrote port mappings.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from provision.model.tree import Scalar

LONGEST_NUMBER: Final = 40
"""Digits beyond which a number is taken for text: no field of ours wants it."""

_WORDS: Final[Mapping[str, Scalar]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{s + w: float(s + "inf") for s in ("", "+", "-") for w in (".inf", ".Inf", ".INF")},
}
_NUMBERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...]] = (
    (re.compile(r"[-+]?[0-9]+"), lambda text: int(text, 10)),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 0)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)
_FIRST: Final = frozenset("+-.0123456789")


def typed(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or len(text) > LONGEST_NUMBER:
        return text
    for pattern, make in _NUMBERS:
        if pattern.fullmatch(text):
            return make(text)
    return text
