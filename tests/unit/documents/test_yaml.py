"""Documents: YAML 1.2's core schema, places, merges."""

import json
import math
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.documents import parse
from provision.errors import DocumentError
from provision.model.tree import Node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, word) for word in ("on", "off", "yes", "no", "y", "N", "On", "tRUE")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, None) for word in ("null", "Null", "NULL", "~", "")),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        ("012", 12),
        ("0o14", 12),
        ("0x1f", 31),
        ("-7", -7),
        ("+7", 7),
        ("0b1", "0b1"),
        ("1.10", 1.1),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("28.*", "28.*"),
        ("2024-01-01", "2024-01-01"),
        ("10.0.0.1", "10.0.0.1"),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int 1", 1),
        ("! 1", "1"),
        ("9" * 50, "9" * 50),
    ],
)
def test_scalars(text: str, value: object) -> None:
    """A plain scalar is what YAML 1.2's core schema says, and nothing else."""
    found = parse(f"a: {text}\n", file="f").items["a"]

    assert (found.value, type(found.value)) == (value, type(value))


def test_what_was_written_is_kept() -> None:
    """A scalar keeps its words: a version 1.10 is not 1.1."""
    assert parse("a: 1.10", file="f").items["a"].text == "1.10"


def test_places() -> None:
    """Keys and values know file, line and column; columns count characters, not bytes."""
    tree = parse("ä: {b: 1}\nc:\n  - d\n  - e: f\n", file="dir/f.yml")

    assert tree.key("ä").where == "dir/f.yml:1:1"
    assert tree.items["ä"].items["b"].where == "dir/f.yml:1:8"
    assert tree.items["c"].elements[1].key("e").where == "dir/f.yml:4:5"


def test_byte_order_mark() -> None:
    """A byte order mark is no part of the first key."""
    assert parse(b"\xef\xbb\xbfa: 1", file="f").plain() == {"a": 1}


def test_alias_and_merge() -> None:
    """Anchors and '<<' work as Compose users know them: what is written wins, then the first."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], a: 9}\nw: *x\n"

    assert parse(text, file="f").plain()["z"] == {"a": 9, "b": 1, "c": 2}
    assert parse(text, file="f").plain()["w"] == {"a": 1, "b": 1}


def test_merged_keys_keep_their_place() -> None:
    """An error in what was merged is shown where it was written."""
    tree = parse("x: &x {a: 1}\ny:\n  <<: *x\n", file="f")

    assert tree.items["y"].key("a").where == "f:1:8"


def test_keys_are_text() -> None:
    """A number or a boolean as a key is the text that was written."""
    assert parse("1: a\ntrue: b\n1.10: c\n", file="f").plain() == {
        "1": "a",
        "true": "b",
        "1.10": "c",
    }


LEAVES = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text()
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda k: k != "<<"), inner),
    max_leaves=20,
)


@given(DATA)
def test_json_is_read_as_it_is(data: object) -> None:
    """Every JSON document is read as what it says, or refused with a place."""
    try:
        found = parse(json.dumps(data), file="f")
    except DocumentError as error:
        assert error.where.startswith("f:1:")  # noqa: PT017 - both ways are right
    else:
        assert found.plain() == data


@given(st.text() | st.binary())
@example("? - a\n: b")
@example("&a [*a]")
@example("%YAML 9.9\n--- a")
@example("%TAG ! tag:x,2000:\n--- !a b")
@example("'\\ud800'")
@example("[" * 3000)
@example("- " * 3000)
@example("{a: " * 3000)
@example("!<")
@example("a: !<tag:yaml.org,2002:float> 1_0")
def test_anything(data: str | bytes) -> None:
    """Whatever the bytes are: a tree, or a DocumentError with a place."""
    _tree_or_error(data)


@given(st.lists(st.sampled_from([*"{}[],:-?&*!|>'\"%@`# \n\tab1", "<<: ", "&a ", "*a "])))
def test_anything_like_yaml(pieces: list[str]) -> None:
    """Whatever looks like YAML: a tree, or a DocumentError with a place."""
    _tree_or_error("".join(pieces))


def _tree_or_error(data: str | bytes) -> None:
    try:
        tree = parse(data, file="f")
    except DocumentError as error:
        file, line, column = error.where.split(":")
        assert (file, int(line) > 0, int(column) > 0) == ("f", True, True)
    else:
        assert all(node.line > 0 and node.column > 0 for node in _nodes(tree))


def _nodes(node: Node) -> list[Node]:
    children = [*node.items.values(), *node.elements]
    return [node, *chain.from_iterable(_nodes(child) for child in children)]
