"""``env_file`` and ``label_file``: their lines become entries that ``environment`` wins over."""

import re
from collections.abc import Iterator
from typing import Final

from provision.load.interpolation import Variables, interpolated
from provision.load.named_files import Files, Unreadable, content, entries, of
from provision.load.problems import Problems
from provision.load.shapes import Normaliser
from provision.model.tree import Node

_LINE: Final = re.compile(
    r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*(?P<rest>=.*)?", re.DOTALL
)
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', re.DOTALL)
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?", re.DOTALL)
_COMMENT: Final = re.compile(r"\s#.*")
_ESCAPE: Final = re.compile(r'\\([nrt"\\$])')
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}
_RAW: Final = "raw"


def with_files(node: Node, variables: Variables, files: Files, problems: Problems) -> Node:
    """A service or container whose files are read in, under what is written beside them."""
    if not node.is_mapping:
        return node
    for key, into in (("env_file", "environment"), ("label_file", "labels")):
        written = node.items.get(key)
        node = node.without(key) if written is not None else node
        if written is None or written.value is None:
            continue
        found = dict(_read(written, variables, files, problems))
        node = node.with_value({**node.items, into: _beneath(node, into, found, written)})
    return node


def _beneath(node: Node, into: str, found: dict[str, Node], place: Node) -> Node:
    """What stands there over what the files say; both may be a list of ``KEY=value``."""
    there = node.items.get(into)
    if there is None or there.value is None:
        return place.with_value(found)
    if there.is_list:
        names = {str(e.value).partition("=")[0] for e in there.elements}
        more = [
            v.with_value(f"{n}={v.value}") if v.value is not None else v.with_value(n)
            for n, v in found.items()
            if n not in names
        ]
        return there.with_value((*more, *there.elements))
    return there.with_value({**found, **there.items}) if there.is_mapping else there


def _read(
    written: Node, variables: Variables, files: Files, problems: Problems
) -> Iterator[tuple[str, Node]]:
    raw = {
        id(one.items["path"])
        for one in written.elements
        if "path" in one.items and "format" in one.items and one.items["format"].value == _RAW
    }
    for node, required in entries(written):
        wanted = of(node)
        if wanted is not None and not required and isinstance(files.get(wanted), Unreadable):
            continue
        data = content(node, files, problems)
        if data is None:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            problems.error(node, f"the file {node.part} is no text", hint="write it in UTF-8")
            continue
        yield from _lines(node, text, variables, problems, raw=id(node) in raw)


def _lines(
    node: Node, text: str, variables: Variables, problems: Problems, *, raw: bool
) -> Iterator[tuple[str, Node]]:
    for number, line in _logical(text, raw=raw):
        found = _LINE.fullmatch(line)
        place = Node(None, str(node.value), number, 1, "(a line of this file)", filled=True)
        if found is None:
            problems.error(place, "this line is no NAME=value")
            continue
        value = found["rest"]
        if value is None:
            yield found["name"], place
        else:
            word = value[1:] if raw else None
            yield (
                found["name"],
                place.with_value(word)
                if raw
                else _value(place, value[1:].strip(), variables, problems),
            )


def _logical(text: str, *, raw: bool) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without comments; a quoted value may go over several."""
    pending, first = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if pending else number
        pending = f"{pending}\n{line}" if pending else line.strip() if not raw else line
        if raw or not _open(pending):
            yield first, pending
            pending = ""
    if pending:
        yield first, pending


def _open(line: str) -> bool:
    """Whether a quote was begun and not ended."""
    value = line.partition("=")[2].strip()
    if value[:1] == '"':
        return _DOUBLE.fullmatch(value) is None and not re.match(r'"(?:[^"\\]|\\.)*"', value)
    return value[:1] == "'" and value.count("'") < 2  # noqa: PLR2004 - a pair


def _value(place: Node, text: str, variables: Variables, problems: Problems) -> Node:
    """The value of a line: quotes taken off, variables filled in except between single quotes."""
    single, double = _SINGLE.fullmatch(text), _DOUBLE.fullmatch(text)
    if single:
        return place.with_value(single[1])
    plain = double[1] if double else _COMMENT.sub("", f" {text}").strip()
    filled = interpolated(place.with_value(_protected(plain)), variables, problems)
    if double:
        return filled.with_value(_ESCAPE.sub(_unescaped, str(filled.value)))
    return filled


def _protected(text: str) -> str:
    r"""``\$`` is a dollar sign, not a variable."""
    return text.replace("\\$", "$$")


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[1], found[1])


def reading(variables: Variables, files: Files, after: Normaliser) -> Normaliser:
    """A normaliser that reads a service's or container's files in before *after* looks at it."""

    def normalise(node: Node, problems: Problems) -> Node:
        return after(with_files(node, variables, files, problems), problems)

    return normalise
