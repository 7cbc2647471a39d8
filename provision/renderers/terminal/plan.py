"""A plan as a person reads it: what would change where, why, and what one would type for it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from provision.model.actions import Action, Change, Plan
from provision.renderers.base import Screen
from provision.renderers.terminal.text import (
    Line,
    Span,
    bold,
    cyan,
    dim,
    green,
    line,
    red,
    span_cells,
    table,
    wrap,
    yellow,
)

_PAINT = {Change.CREATE: green, Change.UPDATE: yellow, Change.DELETE: red, Change.CHECK: cyan}
_VERB = {
    Change.CREATE: "to create",
    Change.UPDATE: "to update",
    Change.DELETE: "to remove",
    Change.CHECK: "to check",
}
_COMMANDS_SHOWN = 4
_GAP = 2


def plan_lines(plan: Plan, screen: Screen) -> list[Line]:
    """The whole plan: addresses, actions, what is blocked, notes and a sum."""
    lines = [line(bold("Plan"), f" for cluster {plan.cluster}")]
    lines += _addresses(plan, screen)
    lines += _actions(plan.actions, screen)
    lines += blocked_lines(plan, screen)
    lines += _notes(plan.notes, screen)
    return [*lines, line(""), plan_sum(plan)]


def plan_sum(plan: Plan) -> Line:
    """The last line: how much there is to do."""
    if plan.converged:
        return line(green("✓ "), "Nothing to change: what is observed is what is wanted.")
    counts = Counter(action.change for action in plan.actions)
    parts = [f"{counts[change]} {verb}" for change, verb in _VERB.items() if counts[change]]
    hosts = [host_name(b.host) for b in plan.blocked]
    blocked = [f"blocked: {', '.join(dict.fromkeys(hosts))}"] if hosts else []
    return line(
        bold("Plan: "), ", ".join(parts) or "no change", *[yellow(f" · {b}") for b in blocked]
    )


def _addresses(plan: Plan, screen: Screen) -> list[Line]:
    if not plan.addresses or not (plan.actions or screen.verbose):
        return []
    reasons = {a.why for a in plan.addresses}
    lines = heading("Addresses the nodes advertise")
    if len(reasons) == 1:
        lines += table([(a.host, a.address) for a in plan.addresses], indent=2)
        return [*lines, *wrap(dim(f"why: {reasons.pop()}"), screen.width, indent=2, hang=4)]
    rows = [(a.host, a.address, dim(a.why)) for a in plan.addresses]
    return [*lines, *table(rows, indent=2, width=screen.width)]


def heading(title: str) -> list[Line]:
    """An empty line and a title."""
    return [line(""), line(bold(title))]


def host_name(host: str) -> str:
    """How a host is named to the reader; some things concern all of them."""
    return {"": "cluster", "*": "all hosts"}.get(host, host)


def _actions(actions: Sequence[Action], screen: Screen) -> list[Line]:
    lines: list[Line] = []
    for resource, members in groupby(_by_resource(actions), key=lambda action: action.resource):
        lines += heading(resource.capitalize())
        for same in _alike(list(members)):
            lines += _entry(same, screen)
    return lines


def _by_resource(actions: Sequence[Action]) -> list[Action]:
    order = {name: at for at, name in enumerate(dict.fromkeys(a.resource for a in actions))}
    return sorted(actions, key=lambda action: order[action.resource])


def _alike(actions: Sequence[Action]) -> list[list[Action]]:
    """Actions that read the same on several hosts, together."""
    groups: dict[str, list[Action]] = {}
    for action in actions:
        key = repr((action.subject, action.change, action.why, action.before, action.after_,
                    action.commands, action.restarts))  # fmt: skip
        groups.setdefault(key, []).append(action)
    return list(groups.values())


def _entry(same: Sequence[Action], screen: Screen) -> list[Line]:
    action = same[0]
    paint = _PAINT[action.change]
    hosts = ", ".join(dict.fromkeys(host_name(a.host) for a in same))
    lines = _head(line(paint(f"  {action.change.sign} "), action.subject), hosts, screen.width)
    if action.why:
        lines += wrap(dim(action.why), screen.width, indent=6)
    lines += [row for text in differences(action.before, action.after_)
              for row in wrap(text, screen.width, indent=6, hang=8)]  # fmt: skip
    if action.restarts:
        text = f"stops meanwhile: {', '.join(action.restarts)}; needs --allow-restart"
        lines += wrap((red("! "), Span(text, "red")), screen.width, indent=6, hang=8)
    return lines + command_lines(action.commands, screen)


def _head(left: Line, right: str, width: int) -> list[Line]:
    room = width - span_cells(left) - len(right)
    if room < _GAP:
        return [left, *wrap(dim(f"on {right}"), width, indent=6)]
    return [line(left, " " * room, dim(right))]


def command_lines(commands: Sequence[str], screen: Screen) -> list[Line]:
    """What one would type; long lists are cut short unless the screen is verbose."""
    shown = commands if screen.verbose else commands[:_COMMANDS_SHOWN]
    lines = [row for c in shown for row in wrap(cyan(f"$ {c}"), screen.width, indent=6, hang=10)]
    rest = len(commands) - len(shown)
    return [*lines, line(dim(f"      … {rest} more (-v shows them)"))] if rest else lines


def differences(before: Any, after: Any) -> list[str]:
    """``replicas: 3 → 5`` for what differs; nothing where only one side is known."""
    if before is None or after is None:
        return []
    old, new = dict(_leaves(before)), dict(_leaves(after))
    keys = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    return [f"{f'{k}: ' if k else ''}{_short(old.get(k))} → {_short(new.get(k))}" for k in keys]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below *value* by its dotted name."""
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(inner, f"{name}.{key}" if name else str(key))


def _short(value: Any) -> str:
    if value is None:
        return "(none)"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 100 else f"{text[:99]}…"  # noqa: PLR2004 - what an eye takes in


def blocked_lines(plan: Plan, screen: Screen) -> list[Line]:
    """Hosts that were left out, why, and what to do."""
    if not plan.blocked:
        return []
    lines = heading("Blocked")
    for blocked in plan.blocked:
        host = bold(host_name(blocked.host))
        words = (yellow("  ! "), host, Span(f"  {blocked.reason}"))
        lines += wrap(words, screen.width, hang=6)
        if blocked.hint:
            lines += wrap(f"→ {blocked.hint}", screen.width, indent=6, hang=8)
    return lines


def _notes(notes: Sequence[str], screen: Screen) -> list[Line]:
    rows = [row for note in notes for row in wrap(f"· {note}", screen.width, indent=2, hang=4)]
    return [*heading("Notes"), *rows] if rows else []
