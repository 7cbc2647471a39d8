"""Text for a terminal: styled spans, wrapping and tables.

Nothing raw from data ever gets through `show`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, TypeAlias
from unicodedata import category, east_asian_width

Style: TypeAlias = Literal["", "bold", "dim", "green", "red", "yellow", "cyan"]

_SGR = {"bold": "1", "dim": "2", "green": "32", "red": "1;31", "yellow": "33", "cyan": "36"}
_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # OSC, DCS, PM, APC, SOS: titles, clipboard
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
)


def clean(text: str) -> str:
    r"""*text* without terminal sequences; other control characters become visible (``\x07``).

    Newlines stay, tabs become spaces.
    """
    if text.isprintable():
        return text
    return "".join(_visible(c) for c in _SEQUENCES.sub("", text).replace("\r\n", "\n").expandtabs())


def _visible(char: str) -> str:
    if char == "\n" or char.isprintable():
        return char
    return " " if category(char) == "Zs" else char.encode("unicode_escape").decode()


@dataclass(frozen=True, slots=True)
class Span:
    """Some characters of one style, on one line."""

    text: str
    style: Style = ""


Line: TypeAlias = tuple[Span, ...]
Words: TypeAlias = str | Span | Sequence[Span]


def bold(text: str) -> Span:
    """What the eye should find first."""
    return Span(text, "bold")


def dim(text: str) -> Span:
    """What may be skipped."""
    return Span(text, "dim")


def green(text: str) -> Span:
    """Good."""
    return Span(text, "green")


def red(text: str) -> Span:
    """Wrong."""
    return Span(text, "red")


def yellow(text: str) -> Span:
    """To be looked at."""
    return Span(text, "yellow")


def cyan(text: str) -> Span:
    """To be typed."""
    return Span(text, "cyan")


def line(*words: Words) -> Line:
    """One line of these words; newlines in them become spaces."""
    return tuple(_flat(span) for word in words for span in _spans(word))


def _spans(words: Words) -> Sequence[Span]:
    if isinstance(words, str):
        return (Span(words),)
    return (words,) if isinstance(words, Span) else words


def _flat(span: Span) -> Span:
    return Span(clean(span.text).replace("\n", " "), span.style)


def cells(text: str) -> int:
    """How many columns *text* takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def _columns(char: str) -> int:
    if category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def span_cells(row: Iterable[Span]) -> int:
    """How many columns a line takes."""
    return sum(cells(span.text) for span in row)


def wrap(words: Words, width: int, *, indent: int = 0, hang: int | None = None) -> list[Line]:
    """*words* broken at spaces into lines of at most *width* columns.

    Args:
        words: what to say; newlines are kept.
        width: columns of the whole screen.
        indent: columns left free before the first line.
        hang: columns left free before the others (default: as *indent*).
    """
    lead, rest = indent, indent if hang is None else hang
    lines: list[Line] = []
    for paragraph in _paragraphs(_spans(words)):
        for row in _fill(paragraph, max(width - lead, 20), max(width - rest, 20)):
            lines.append((Span(" " * lead), *row) if lead else row)
            lead = rest
    return lines


def _paragraphs(spans: Sequence[Span]) -> list[list[Span]]:
    paragraphs: list[list[Span]] = [[]]
    for span in spans:
        first, *others = clean(span.text).rstrip("\n").split("\n")
        paragraphs[-1].append(Span(first, span.style))
        paragraphs.extend([Span(other, span.style)] for other in others)
    return paragraphs


def _fill(spans: Sequence[Span], first: int, others: int) -> list[Line]:
    rows: list[list[Span]] = [[]]
    room = first
    for token in _tokens(spans):
        if cells(token.text.rstrip()) > room and rows[-1]:
            rows.append([])
            room = others
            token = Span(token.text.lstrip(), token.style)  # noqa: PLW2901 - the same token, at a line's start
        rows[-1].append(token)
        room -= cells(token.text)
    return [tuple(row) for row in rows]


def _tokens(spans: Sequence[Span]) -> list[Span]:
    return [
        Span(word, span.style)
        for span in spans
        for word in re.findall(r"\s*\S+\s*", span.text) or [span.text]
    ]


def table(
    rows: Sequence[Sequence[Words]], *, indent: int = 0, gap: int = 2, width: int = 0
) -> list[Line]:
    """*rows* in columns as wide as their widest cell; with *width* the last column wraps."""
    heads = [[line(cell) for cell in row[:-1]] for row in rows]
    widths = [max(c) for c in zip_longest(*([*map(span_cells, h)] for h in heads), fillvalue=0)]
    starts = [_start(head, widths, indent, gap) for head in heads]
    return [done for start, row in zip(starts, rows, strict=True)
            for done in _finish(start, row[-1], width, indent)]  # fmt: skip


def _start(head: Sequence[Line], widths: Sequence[int], indent: int, gap: int) -> list[Span]:
    spans = [Span(" " * indent)] if indent else []
    for cell, columns in zip(head, widths, strict=False):
        spans += [*cell, Span(" " * (columns - span_cells(cell) + gap))]
    return spans


def _finish(start: list[Span], last: Words, width: int, indent: int) -> list[Line]:
    if not width:
        return [(*start, *line(last))]
    at = span_cells(start)
    if at + span_cells(line(last)) > width and width - at < width // 3:  # too narrow to read
        return [tuple(start), *wrap(last, width, indent=indent + 4)]
    first, *others = wrap(last, width - at) or [()]
    return [(*start, *first), *((Span(" " * at), *other) for other in others)]


def show(lines: Iterable[Line], *, color: bool) -> str:
    """Lines as text; data is cleaned here once more, so nothing can slip through."""
    return "".join(f"{_paint(row, color=color)}\n" for row in lines)


def _paint(row: Line, *, color: bool) -> str:
    spans = [_flat(span) for span in row]
    if not color:
        return "".join(span.text for span in spans).rstrip()
    return "".join(
        f"\x1b[{_SGR[span.style]}m{span.text}\x1b[0m" if span.style and span.text else span.text
        for span in spans
    ).rstrip()
