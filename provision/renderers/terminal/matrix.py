"""A check as tables: hosts × hosts for what lies between, hosts × probes for what lies on one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from provision.model.findings import Cell, CheckReport, State
from provision.renderers.base import Screen
from provision.renderers.terminal.problems import problem_lines, unavailable_lines
from provision.renderers.terminal.text import (
    Line,
    Span,
    Words,
    bold,
    dim,
    green,
    line,
    red,
    span_cells,
    table,
    yellow,
)

_PAINT: dict[State, Callable[[str], Span]] = {
    State.OK: green,
    State.FAILED: red,
    State.UNKNOWN: yellow,
    State.UNAVAILABLE: dim,
}
_SYMBOL = {State.OK: "✓", State.FAILED: "✗", State.UNKNOWN: "?", State.UNAVAILABLE: "–"}
_GRAVEST = (State.FAILED, State.UNKNOWN, State.OK, State.UNAVAILABLE)
_Key: TypeAlias = tuple[str, str]
_Meetings: TypeAlias = Mapping[_Key, Sequence[Cell]]
_CLUSTER = ("", "cluster", "swarm")
_IN_FULL = {"expect": "expected by the playbooks"}
_ALWAYS_DRAWN = frozenset({"overlay"})


def check_lines(report: CheckReport, screen: Screen) -> list[Line]:
    """A table per layer and subject, then what is wrong, what is unavailable, and a sum."""
    lines = [line(bold("Check"), f" of cluster {report.cluster}"), line("")]
    asked = [c for c in report.cells if c.state is not State.UNAVAILABLE]
    for layer, cells in _by(asked, lambda cell: cell.layer).items():
        lines += _layer(layer, cells, screen)
    lines += _legend(report.cells)
    lines += problem_lines(report.cells, screen)
    lines += unavailable_lines(report.cells, screen)
    return _squeezed([*lines, line(""), _sum(report)])


def _squeezed(lines: Sequence[Line]) -> list[Line]:
    """Never two empty lines together."""
    pairs = zip([(), *lines], lines, strict=False)
    return [now for before, now in pairs if span_cells(now) or span_cells(before)]


def _layer(layer: str, cells: Sequence[Cell], screen: Screen) -> list[Line]:
    """A layer of which all is well is a line; what a person came for is always drawn."""
    subjects = _by(cells, lambda cell: "" if cell.subject == cell.source else cell.subject)
    drawn = layer in _ALWAYS_DRAWN or screen.verbose or any(c.state is not State.OK for c in cells)
    if not drawn:
        return [_title(layer, cells)]
    return [row for name, own in subjects.items() for row in _subject(layer, name, own, screen)]


def _by(cells: Sequence[Cell], key: Callable[[Cell], str]) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def _subject(layer: str, name: str, cells: Sequence[Cell], screen: Screen) -> list[Line]:
    title = _title(f"{layer} {name}".strip(), cells)
    if all(c.state is State.OK for c in cells) and layer not in _ALWAYS_DRAWN:
        return [title]
    between = [c for c in cells if c.source != c.target]
    alone = [c for c in cells if c.source == c.target]
    return [line(""), title, *_pairs(between, screen), *_hosts(alone, screen), line("")]


def _title(name: str, cells: Sequence[Cell]) -> Line:
    between = [c for c in cells if c.source != c.target]
    alone = [c for c in cells if c.source == c.target]
    name = _IN_FULL.get(name, name)
    return line(_mark(cells), bold(name), dim(f"  {_in_words(between, alone)}"))


def _mark(cells: Sequence[Cell]) -> Span:
    state = _gravest(cells)
    return _PAINT[state](f"{_SYMBOL[state]} ")


def _gravest(cells: Sequence[Cell]) -> State:
    states = {c.state for c in cells}
    return next(state for state in _GRAVEST if state in states)


def _in_words(between: Sequence[Cell], alone: Sequence[Cell]) -> str:
    cluster = [c for c in alone if c.source in _CLUSTER]
    hosts = [c for c in alone if c.source not in _CLUSTER]
    words = [f"cluster: {_probes(cluster)}"] if cluster else []
    words += [_counted("pairs", between)] if between else []
    return "; ".join([*words, _counted("hosts", hosts)] if hosts else words)


def _counted(noun: str, cells: Sequence[Cell]) -> str:
    every = {(c.source, c.target) for c in cells}
    bad = {(c.source, c.target) for c in cells if c.state is not State.OK}
    return f"{len(every) - len(bad)} of {len(every)} {noun}: {_probes(cells)}"


def _probes(cells: Sequence[Cell]) -> str:
    return ", ".join(dict.fromkeys(c.probe for c in cells))


def _pairs(cells: Sequence[Cell], screen: Screen) -> list[Line]:
    """The matrix with times; without them, or with numbers for names, where it would not fit."""
    if not cells:
        return []
    sources = list(dict.fromkeys(c.source for c in cells))
    targets = list(dict.fromkeys(c.target for c in cells))
    targets = sorted(targets, key=lambda t: sources.index(t) if t in sources else len(sources))
    drawn = (_matrix(cells, sources, targets, detail=d, numbers=n)
             for d, n in ((True, False), (False, False), (True, True), (False, True)))  # fmt: skip
    rows: list[Line] = []
    for rows in drawn:
        if max(map(span_cells, rows)) <= screen.width:
            break
    return rows


def _matrix(
    cells: Sequence[Cell],
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    detail: bool,
    numbers: bool,
) -> list[Line]:
    number = {name: str(n) for n, name in enumerate(dict.fromkeys([*sources, *targets]), 1)}
    meetings = _together(cells, lambda cell: (cell.source, cell.target))
    head: list[Words] = [dim("from ↓  to →")]
    head += [dim(number[target] if numbers else target) for target in targets]
    rows = [head]
    for source in sources:
        name = f"{number[source]} {source}" if numbers else source
        rows.append([name, *(_meeting(meetings, source, t, detail=detail) for t in targets)])
    return table(rows, indent=4)


def _together(cells: Sequence[Cell], key: Callable[[Cell], _Key]) -> _Meetings:
    found: dict[_Key, list[Cell]] = {}
    for cell in cells:
        found.setdefault(key(cell), []).append(cell)
    return found


def _meeting(meetings: _Meetings, row: str, column: str, *, detail: bool) -> Span:
    cells = meetings.get((row, column))
    if not cells:
        return dim("·" if row == column else " ")
    state = _gravest(cells)
    text = f"{_SYMBOL[state]} {_detail(cells, state)}" if detail else _SYMBOL[state]
    return _PAINT[state](text.strip())


def _detail(cells: Sequence[Cell], state: State) -> str:
    if state is not State.OK:
        return _probes([c for c in cells if c.state is state])
    times = [c.ms for c in cells if c.ms is not None and c.probe == "ping"] or [
        c.ms for c in cells if c.ms is not None
    ]
    return _milliseconds(min(times)) if times else ""


def _milliseconds(ms: float) -> str:
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:.0f} ms"  # noqa: PLR2004 - two digits are enough


def _hosts(cells: Sequence[Cell], screen: Screen) -> list[Line]:
    if not cells:
        return []
    hosts = list(dict.fromkeys(c.source for c in cells))
    probes = list(dict.fromkeys(c.probe for c in cells))
    meetings = _together(cells, lambda cell: (cell.source, cell.probe))
    rows: list[list[Words]] = [[dim("host"), *map(dim, probes)]]
    rows += [
        [h or "cluster", *(_meeting(meetings, h, p, detail=False) for p in probes)] for h in hosts
    ]
    drawn = table(rows, indent=4)
    if max(map(span_cells, drawn)) <= screen.width:
        return drawn
    return [
        line("    ", host, "  ", *_tally([c for c in cells if c.source == host])) for host in hosts
    ]


def _tally(cells: Sequence[Cell]) -> list[Span]:
    bad = [c for c in cells if c.state is not State.OK]
    return [_PAINT[c.state](f"{_SYMBOL[c.state]} {c.probe}  ") for c in bad] or [green("✓")]


def _legend(cells: Sequence[Cell]) -> list[Line]:
    """What the signs mean, once there is more than ticks to see."""
    words = {
        State.FAILED: "✗ fails",
        State.UNKNOWN: "? could not be asked",
    }
    seen = [text for state, text in words.items() if any(c.state is state for c in cells)]
    return [line(""), line(dim("    ✓ answers   " + "   ".join(seen)))] if seen else []


def _sum(report: CheckReport) -> Line:
    count = {state: sum(c.state is state for c in report.cells) for state in State}
    apart = f", {count[State.UNAVAILABLE]} unavailable here" if count[State.UNAVAILABLE] else ""
    if report.exit_code == 0:
        return line(
            green("✓ "), bold("All that could be asked is well: "), f"{count[State.OK]} ok{apart}."
        )
    parts = [f"{count[State.FAILED]} failed"] if count[State.FAILED] else []
    parts += [f"{count[State.UNKNOWN]} could not be asked"] if count[State.UNKNOWN] else []
    parts += [f"not reached: {', '.join(report.unreachable)}"] if report.unreachable else []
    words = "; ".join(parts)
    return line(red("✗ "), bold("Not well: "), f"{words} ({count[State.OK]} ok{apart}).")
