"""Nothing raw from data reaches a terminal, and lines are as long as they should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.renderers.terminal.text import Span, bold, cells, clean, line, red, show, table, wrap


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;aGk=\x1b\\after", "after"),
        ("bell\x07", "bell\\x07"),
        ("\x9b31mC1", "\\x9b31mC1"),
        ("abc\u202edef", "abc\\u202edef"),
        ("a\tb", "a       b"),
        ("one\r\ntwo", "one\ntwo"),
        ("over\rwritten", "over\\rwritten"),
        ("스웜", "스웜"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_become_visible_or_go(raw: str, seen: str) -> None:
    """Terminal sequences are dropped, other control characters shown as escapes."""
    assert clean(raw) == seen


@given(st.text(), st.booleans())
def test_nothing_raw_is_ever_shown(text: str, color: bool) -> None:
    """Whatever a span holds, the only escapes in the output are our own colours."""
    shown = show([(Span(text, "red"),), *wrap(text, 40)], color=color)

    ours = shown.replace("\x1b[1;31m", "").replace("\x1b[0m", "") if color else shown
    assert all(char == "\n" or char.isprintable() or char == " " for char in ours)


def test_colours_only_where_wanted() -> None:
    """Without colours the text is all there is."""
    row = line(red("✗ "), bold("worker-1"))

    assert show([row], color=False) == "✗ worker-1\n"
    assert show([row], color=True) == "\x1b[1;31m✗ \x1b[0m\x1b[1mworker-1\x1b[0m\n"


@given(st.lists(st.text("abc 스웜", min_size=1, max_size=12), max_size=30))
def test_wrapped_lines_fit(words: list[str]) -> None:
    """No line is wider than the screen as long as the words are not."""
    lines = show(wrap(" ".join(words), 40, indent=2, hang=4), color=False).splitlines()

    assert all(cells(row) <= 40 for row in lines)


def test_wrapping_loses_no_word() -> None:
    """The words come out in order, however narrow the screen."""
    text = "a swarm whose ports are closed looks healthy and carries nothing at all"

    assert show(wrap(text, 24, indent=2), color=False).split() == text.split()


def test_tables_align_wide_characters() -> None:
    """Columns are counted in cells, not in characters."""
    rows = show(table([("스웜", "x"), ("abc", "y")]), color=False).splitlines()

    assert rows == ["스웜  x", "abc   y"]


def test_the_last_column_wraps_under_itself() -> None:
    """A long last cell stays in its column."""
    rows = show(table([("host", "one two three four five six")], width=24), color=False)

    assert rows == "host  one two three four\n      five six\n"
