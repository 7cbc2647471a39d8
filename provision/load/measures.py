"""Durations and sizes as Compose writes them: ``1m30s``, ``512m``."""

import re
from typing import Final

from provision.load.problems import Problems
from provision.model.tree import Node, Value

LONGEST: Final = 40
"""Characters; no honest measure is longer."""

_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
}
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?", re.IGNORECASE)
_OCTAL: Final = re.compile(r"(?:0o|0)?([0-7]{1,5})")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?|\.\d+")


def duration(node: Node, problems: Problems) -> Node:
    """``1m30s`` → seconds. A bare number is refused: of what?"""
    seconds = seconds_of(node.value) if isinstance(node.value, str) else None
    if seconds is None:
        problems.error(
            node,
            f"{node.shown} is no duration",
            hint='write a number with its unit, such as "10s", "1m30s" or "500ms"',
        )
        return node.with_value(0.0)
    return node.with_value(seconds)


def seconds(node: Node, problems: Problems) -> Node:
    """A number of seconds, or a duration."""
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return node.with_value(float(node.value))
    if node.filled and _match(_NUMBER, node.value):
        return node.with_value(float(str(node.value)))
    return duration(node, problems)


def seconds_of(text: str) -> float | None:
    """The seconds of ``1m30s``; None where it is no duration."""
    if text == "0":
        return 0.0
    if len(text) > LONGEST or not text:
        return None
    rest, total = text, 0.0
    while part := _DURATION.match(rest):
        total += float(part[1]) * _SECONDS[part[2]]
        rest = rest[part.end() :]
    return None if rest else total


def size(node: Node, problems: Problems) -> Node:
    """``512m`` → bytes."""
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 0:
        return node
    found = _match(_SIZE, node.value)
    if found is None:
        problems.error(
            node,
            f"{node.shown} is no size",
            hint='write bytes, or a number with a unit: "512m", "1gb"',
        )
        return node.with_value(0)
    power = " kmgtp".index(found[2].lower()) if found[2] not in ("", "b", "B") else 0
    return node.with_value(int(float(found[1]) * 1024**power))


def cores(node: Node, problems: Problems) -> Node:
    """``"0.5"`` or ``0.5`` → cores."""
    if (
        isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
        and node.value >= 0
    ):
        return node.with_value(float(node.value))
    if _match(_NUMBER, node.value):
        return node.with_value(float(str(node.value)))
    problems.error(node, f"{node.shown} is no number of cores", hint='write "0.5" or 2')
    return node.with_value(0.0)


def octal(node: Node, problems: Problems) -> Node:
    """A file's mode: ``0440``, ``0o440`` or ``"440"``; a bare 440 could be meant either way."""
    written = node.value if isinstance(node.value, str) else node.text
    found = _match(_OCTAL, written)
    plain = isinstance(node.value, int) and not written.startswith("0")
    if found is None or plain or isinstance(node.value, bool):
        hint = 'write it in octal, such as 0440 or "440"'
        problems.error(node, f"{node.shown} is no file mode", hint=hint)
        return node.with_value(0o444)
    return node.with_value(int(found[1], 8))


def _match(pattern: re.Pattern[str], value: Value) -> re.Match[str] | None:
    return pattern.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST else None
