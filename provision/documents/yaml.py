"""YAML events → nodes, with every bound that a hostile or broken file needs.

Built from the parser's events and not from its objects: nothing is ever constructed by tag, an
alias shares the node it names, and size and depth are counted as if every alias were written out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml as pyyaml

from provision.documents import syntax
from provision.documents.scalars import typed
from provision.errors import DocumentError
from provision.model.tree import Node, Scalar, quoted

MOST_NODES: Final = 100_000
DEEPEST: Final = 100
BYTES: Final = 4 * 1024 * 1024

_LOADER: Final[Any] = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
_CORE: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = {
    f"{_CORE}str": (str,),
    f"{_CORE}int": (int,),
    f"{_CORE}float": (float, int),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}
_COLLECTION_TAGS: Final = (None, "!", f"{_CORE}map", f"{_CORE}seq")
_MERGE: Final = "<<"
# What YAML does not allow unescaped, and halves of characters that UTF-8 cannot carry.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def parse(text: str | bytes, *, file: str) -> Node:
    """The tree of one YAML document.

    Args:
        text: the document; bytes are UTF-8, with or without a byte order mark.
        file: its name in errors.

    Raises:
        DocumentError: it is not YAML, or more than a document of ours may be.
    """
    content = _decoded(text, file)
    try:
        root = _Builder(file).build(pyyaml.parse(content, Loader=_LOADER))
    except pyyaml.YAMLError as error:
        raise syntax.explained(error, content, file) from None
    if root is None:
        raise DocumentError("the file is empty", where=f"{file}:1:1")
    return root


def _decoded(text: str | bytes, file: str) -> str:
    if len(text) > BYTES:
        raise DocumentError(
            f"the file is larger than {BYTES // 1024 // 1024} MiB", where=f"{file}:1:1"
        )
    content = text if isinstance(text, str) else _utf8(text, file)
    content = content.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(content)
    if bad:
        where = syntax.place(file, content, bad.start())
        raise DocumentError(f"the file holds the character {bad.group()!r}: not text", where=where)
    return content


def _utf8(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8", "replace")
        where = syntax.place(file, good, len(good))
        raise DocumentError(
            f"the file is not UTF-8 text: byte 0x{data[error.start]:02x}",
            where=where,
            hint="save it as UTF-8",
        ) from None


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    start: Any
    children: list[Node] = field(default_factory=list)
    size: int = 1
    height: int = 1


class _Builder:
    """Nodes from events, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.root: Node | None = None
        self.documents = 0
        self.values = 0

    def build(self, events: Iterator[Any]) -> Node | None:
        for event in events:
            _HANDLERS.get(type(event), _Builder.ignore)(self, event)
        return self.root

    def ignore(self, event: Any) -> None:
        """Stream and document ends say nothing."""

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise self.error(event, "the file holds several documents", hint="remove the '---'")

    def scalar(self, event: Any) -> None:
        text: str = event.value
        if "\0" in text:
            raise self.error(event, "a value holds a NUL character")
        node = self.node(event, self.typed(event, text), text)
        self.count(event, 1)
        if self.open or text or event.style or event.tag:
            self.add(event, node, 1, 0)

    def typed(self, event: Any, text: str) -> Scalar:
        tag = event.tag
        if tag is None:
            return typed(text) if event.implicit[0] else text
        if tag in ("!", f"{_CORE}str"):
            return text
        if tag not in _SCALAR_TAGS:
            raise self.unknown_tag(event)
        value = typed(text)
        if not isinstance(value, _SCALAR_TAGS[tag]):
            raise self.error(event, f"{quoted(text)} is no {tag.removeprefix(_CORE)}")
        return value

    def begin(self, event: Any) -> None:
        if event.tag not in _COLLECTION_TAGS:
            raise self.unknown_tag(event)
        self.open.append(_Open(event))
        self.check_depth(event, 0)
        self.count(event, 1)

    def end(self, event: Any) -> None:
        done = self.open.pop()
        node = (self.sequence if isinstance(event, pyyaml.SequenceEndEvent) else self.mapping)(done)
        self.add(done.start, node, done.size, done.height)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise self.error(
                event,
                f"the alias *{event.anchor} names no finished anchor",
                why="an anchor must stand before its alias and must not hold it",
            )
        node, size, height = self.anchors[event.anchor]
        self.count(event, size)
        self.add(event, node, size, height, anchored=False)

    def count(self, event: Any, values: int) -> None:
        self.values += values
        if self.values > MOST_NODES:
            raise self.error(event, f"the document has more than {MOST_NODES} values")

    def add(self, event: Any, node: Node, size: int, height: int, *, anchored: bool = True) -> None:
        if anchored and event.anchor:
            self.anchors[event.anchor] = (node, size, height)
        if not self.open:
            self.root = node
            return
        self.check_depth(event, height)
        into = self.open[-1]
        into.children.append(node)
        into.size += size
        into.height = max(into.height, height + 1)

    def check_depth(self, event: Any, height: int) -> None:
        if len(self.open) + height > DEEPEST:
            raise self.error(event, f"the document is nested deeper than {DEEPEST} levels")

    def sequence(self, done: _Open) -> Node:
        return self.node(done.start, tuple(done.children))

    def mapping(self, done: _Open) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        merges: list[Node] = []
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            if key.value == _MERGE:
                merges.append(value)
                continue
            name = self.name(key)
            if name in keys:
                raise self.duplicate(key, keys[name], name)
            entries[name], keys[name] = value, key
        for merge in merges:
            self.merge(merge, entries, keys)
        return self.node(done.start, entries, keys=keys)

    def name(self, key: Node) -> str:
        if not key.is_scalar or key.value is None:
            raise DocumentError(f"{key.shown} cannot be a key", where=key.where)
        return key.value if isinstance(key.value, str) else key.text

    def duplicate(self, key: Node, first: Node, name: str) -> DocumentError:
        return DocumentError(
            f"the key {quoted(name)} stands twice",
            where=key.where,
            why=f"first at {first.where}",
            hint="keep one of the two",
        )

    def merge(self, node: Node, entries: dict[str, Node], keys: dict[str, Node]) -> None:
        for source in node.elements if node.is_list else (node,):
            if not source.is_mapping:
                raise DocumentError("'<<' merges mappings only", where=source.where)
            for name, value in source.items.items():
                entries.setdefault(name, value)
                keys.setdefault(name, source.key(name))

    def node(self, event: Any, value: Any, text: str = "", keys: Any = None) -> Node:
        mark = event.start_mark
        return Node(value, self.file, mark.line + 1, mark.column + 1, text, keys or {})

    def error(self, event: Any, what: str, *, why: str = "", hint: str = "") -> DocumentError:
        mark = event.start_mark
        where = f"{self.file}:{mark.line + 1}:{mark.column + 1}"
        return DocumentError(what, where=where, why=why, hint=hint)

    def unknown_tag(self, event: Any) -> DocumentError:
        return self.error(
            event,
            f"the tag {quoted(event.tag)} is not understood",
            why="only YAML's own plain types are read, nothing is ever constructed",
            hint="remove the tag",
        )


_HANDLERS: Final = {
    pyyaml.DocumentStartEvent: _Builder.document,
    pyyaml.ScalarEvent: _Builder.scalar,
    pyyaml.AliasEvent: _Builder.alias,
    pyyaml.SequenceStartEvent: _Builder.begin,
    pyyaml.MappingStartEvent: _Builder.begin,
    pyyaml.SequenceEndEvent: _Builder.end,
    pyyaml.MappingEndEvent: _Builder.end,
}
