"""Interpolation is Compose's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.documents import parse
from provision.errors import DocumentError
from provision.load.interpolation import Variables, interpolated
from provision.load.problems import Problems
from provision.model.tree import Node

SET = {"SET": "value", "EMPTY": "", "OWN": "environment"}


def filled(text: str, own: dict[str, str] | None = None) -> tuple[object, tuple[str, ...]]:
    """The text after interpolation, and the warnings."""
    problems = Problems()
    node = interpolated(Node(text, "f", 1, 1, text), Variables(own or {}, SET), problems)
    problems.stop_if_any()
    return node.value, problems.warnings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a${SET}b$SET.c", "avaluebvalue.c"),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("}{", "}{"),
        ("${SET:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NO:-d}", "d"),
        ("${NO-d}", "d"),
        ("${NO:-}", ""),
        ("${NO:-${SET}}", "value"),
        ("${NO:-${ALSO_NO:-a}b}c", "abc"),
        ("${NO:-a:b-c?d+e}", "a:b-c?d+e"),
        ("${NO:-$$}", "$"),
        ("${SET:?m}", "value"),
        ("${EMPTY?m}", ""),
        ("${SET:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${EMPTY+r}", "r"),
        ("${NO+r}", ""),
        ("${SET:-${NO:?never}}", "value"),
        ("${NO:+${NO}}", ""),
    ],
)
def test_forms(text: str, value: str) -> None:
    """Each of Compose's forms, nested ones included; a word that is not used asks for nothing."""
    assert filled(text) == (value, ())


def test_unset_is_empty_with_a_warning() -> None:
    """An unset variable is an empty text, said once with its place."""
    assert filled("a${NO}b$NO") == (
        "ab",
        ("f:1:1: the variable NO is not set; an empty text is used",),
    )


def test_own_variables_come_first() -> None:
    """The inventory's vars win over the environment."""
    assert filled("$OWN", {"OWN": "vars"}) == ("vars", ())


def test_values_are_not_read_again() -> None:
    """What a variable holds is data: a dollar sign in it stays one."""
    assert filled("$A", {"A": "$SET ${"}) == ("$SET ${", ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${NO:?say why}", "the variable NO is required and not set: 'say why'"),
        ("${NO?}", "the variable NO is required and not set"),
        ("${EMPTY:?}", "the variable EMPTY is required and not set"),
        ("${NO:-${ALSO_NO:?x}}", "the variable ALSO_NO is required and not set: 'x'"),
        *((bad, "is no valid interpolation") for bad in ("$", "${", "${}", "$1", "${1}", "a$ b")),
        *((bad, "is no valid interpolation") for bad in ("${SET", "${SET!x}", "${NO:-${SET}")),
        ("${A:-" * 60 + "}" * 60, "is no valid interpolation"),
    ],
)
def test_errors(text: str, says: str) -> None:
    """A demanded variable and a malformed text are errors with a place."""
    with pytest.raises(DocumentError) as caught:
        filled(text)

    assert caught.value.where == "f:1:1"
    assert says in caught.value.what


def test_keys_stay() -> None:
    """Only values are interpolated."""
    tree = parse("$SET: [$SET]", file="f")

    assert interpolated(tree, Variables({}, SET), Problems()).plain() == {"$SET": ["value"]}


@given(st.text())
def test_anything(text: str) -> None:
    """Whatever the text: a value, or a DocumentError; a text without a dollar sign is itself."""
    try:
        value, _ = filled(text)
    except DocumentError:
        assert "$" in text
    else:
        assert value == text or "$" in text


@given(st.text())
def test_doubled_dollars_are_text(text: str) -> None:
    """A text whose dollar signs are doubled comes back as it was."""
    assert filled(text.replace("$", "$$")) == (text, ())


@given(st.lists(st.sampled_from(["$", "{", "}", ":-", "?", "+", "-", "SET", "NO", "x", "$$"])))
def test_anything_like_a_template(pieces: list[str]) -> None:
    """Whatever looks like a template: a value or a DocumentError."""
    try:
        value, _ = filled("".join(pieces))
    except DocumentError:
        return
    assert isinstance(value, str)
