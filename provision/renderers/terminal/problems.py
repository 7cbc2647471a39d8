"""What a check found wrong or unavailable: each cause once, with the pairs it concerns."""

from collections.abc import Sequence

from provision.model.findings import Cell, State
from provision.renderers.base import Screen
from provision.renderers.terminal.plan import heading
from provision.renderers.terminal.text import Line, bold, cyan, dim, red, wrap, yellow

_PAIRS_SHOWN = 6


def problem_lines(cells: Sequence[Cell], screen: Screen) -> list[Line]:
    """Failed and unknown cells, those of one cause together."""
    lines: list[Line] = []
    for same in _by_cause([c for c in cells if c.state in (State.FAILED, State.UNKNOWN)]):
        lines += _problem(same, screen)
    return [*heading("What is wrong"), *lines] if lines else []


def _by_cause(cells: Sequence[Cell]) -> list[list[Cell]]:
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        key = (cell.layer, cell.subject, cell.state, _reason(cell), cell.hint)
        groups.setdefault(key, []).append(cell)
    return list(groups.values())


def _reason(cell: Cell) -> str:
    if cell.reason:
        return cell.reason
    return (
        f"expected {cell.expected}, found {cell.found or 'nothing'}"
        if cell.expected
        else cell.found
    )


def _problem(same: Sequence[Cell], screen: Screen) -> list[Line]:
    first = same[0]
    mark = red("  ✗ ") if first.state is State.FAILED else yellow("  ? ")
    probes = ", ".join(dict.fromkeys(cell.probe for cell in same))
    what = bold(" ".join(filter(None, (first.layer, first.subject, probes))))
    lines = wrap((mark, what, dim(f"  {_pairs(same, screen)}")), screen.width, hang=6)
    if reason := _reason(first):
        lines += wrap(reason, screen.width, indent=6)
    if first.hint:
        lines += wrap(f"→ {first.hint}", screen.width, indent=6, hang=8)
    if first.command:
        lines += wrap(cyan(f"$ {first.command}"), screen.width, indent=6, hang=8)
    return lines


def _pairs(same: Sequence[Cell], screen: Screen) -> str:
    targets: dict[str, dict[str, None]] = {}
    for cell in same:
        targets.setdefault(cell.source, {})[cell.target] = None
    sources: dict[tuple[str, ...], list[str]] = {}
    for source, found in targets.items():
        sources.setdefault(tuple(found), []).append(source)
    names = [_pair(", ".join(froms), ", ".join(tos)) for tos, froms in sources.items()]
    shown = names if screen.verbose else names[:_PAIRS_SHOWN]
    rest = len(names) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more (-v shows them)" if rest else "")


def _pair(sources: str, targets: str) -> str:
    return sources if sources == targets else f"{sources} → {targets}"


def unavailable_lines(cells: Sequence[Cell], screen: Screen) -> list[Line]:
    """What kernel or engine cannot do here: each cause once, with layers and hosts it concerns."""
    causes: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.state is State.UNAVAILABLE:
            causes.setdefault(_reason(cell) or "no reason known", []).append(cell)
    lines: list[Line] = []
    for cause, same in causes.items():
        lines += _cause(cause, same, screen)
    return [*heading("Unavailable here"), *lines] if lines else []


def _cause(cause: str, same: Sequence[Cell], screen: Screen) -> list[Line]:
    layers = ", ".join(dict.fromkeys(_name(c) for c in same))
    hosts = ", ".join(dict.fromkeys(c.source for c in same if c.source))
    lines = wrap((dim("  – "), bold(cause)), screen.width, hang=6)
    where = f", from {hosts}" if hosts else ""
    lines += wrap(dim(f"not checked for this: {layers}{where}"), screen.width, indent=6)
    hint = next((c.hint for c in same if c.hint), "")
    return lines + (wrap(f"→ {hint}", screen.width, indent=6, hang=8) if hint else [])


def _name(cell: Cell) -> str:
    return cell.subject if cell.subject.startswith(cell.layer) else f"{cell.layer} {cell.subject}"
