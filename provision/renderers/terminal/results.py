"""What came of a plan: the ends of ``up`` and ``down``."""

from collections import Counter
from collections.abc import Sequence

from provision.model.actions import Plan
from provision.model.report import DownReport, Residue, UpReport
from provision.model.results import Outcome, Result
from provision.renderers.base import Screen
from provision.renderers.terminal.matrix import check_lines
from provision.renderers.terminal.plan import (
    blocked_lines,
    heading,
    host_name,
    plan_lines,
    plan_sum,
)
from provision.renderers.terminal.text import (
    Line,
    Span,
    bold,
    dim,
    green,
    line,
    red,
    table,
    wrap,
    yellow,
)


def up_lines(report: UpReport, screen: Screen) -> list[Line]:
    """The plan (unless shown before), what came of it, the second plan and the check."""
    lines = _plan(report.plan, screen)
    lines += result_lines(report.plan, report.results, screen)
    lines += _second(report.second, screen)
    if report.check is not None:
        lines += [line(""), *check_lines(report.check, screen)]
    return lines


def down_lines(report: DownReport, screen: Screen) -> list[Line]:
    """The plan (unless shown before), what came of it, and what is left on which host."""
    lines = _plan(report.plan, screen)
    lines += result_lines(report.plan, report.results, screen)
    return lines + _residue(report, screen)


def _plan(plan: Plan, screen: Screen) -> list[Line]:
    return [] if screen.brief else plan_lines(plan, screen)


def result_lines(plan: Plan, results: Sequence[Result], screen: Screen) -> list[Line]:
    """A sum, and one paragraph for each thing that did not succeed."""
    if not results:
        return []
    subjects = {action.id: action.subject for action in plan.actions}
    lines: list[Line] = []
    for result in results:
        if result.outcome is Outcome.FAILED:
            lines += _failure(result, subjects.get(result.action, result.action), screen)
    lines += _skipped(results, subjects, screen)
    failed = blocked_lines(plan, screen) if screen.brief else []
    return [*(heading("Not done") if lines else []), *lines, *failed, line(""), _sum(results)]


def _failure(result: Result, subject: str, screen: Screen) -> list[Line]:
    head = line(
        red("  ✗ "), bold(host_name(result.host)), f"  {subject}", dim(_seconds(result.seconds))
    )
    lines = [head, *wrap(result.cause, screen.width, indent=6)] if result.cause else [head]
    return lines + (wrap(f"→ {result.hint}", screen.width, indent=6, hang=8) if result.hint else [])


def _skipped(results: Sequence[Result], subjects: dict[str, str], screen: Screen) -> list[Line]:
    """One row a host; the chain of needs is in the JSON, here it would bury what failed."""
    groups: dict[str, list[str]] = {}
    for result in results:
        if result.outcome is Outcome.SKIPPED:
            names = groups.setdefault(host_name(result.host), [])
            names.append(subjects.get(result.action, result.action))
    rows: list[Line] = []
    for host, names in groups.items():
        words = (dim("  – "), bold(host), dim(f"  skipped, needs it: {', '.join(names)}"))
        rows += wrap(words, screen.width, hang=6)
    return rows


def _seconds(seconds: float) -> str:
    return f"  {seconds:.1f} s" if seconds >= 0.05 else ""  # noqa: PLR2004 - would show as 0.0


def _sum(results: Sequence[Result]) -> Line:
    counts = Counter(result.outcome for result in results)
    words = ", ".join(
        f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome]
    )
    good = not counts[Outcome.FAILED] and not counts[Outcome.SKIPPED]
    return line(
        green("✓ ") if good else red("✗ "), bold("Done: " if good else "Not all done: "), words
    )


def _second(second: Plan | None, screen: Screen) -> list[Line]:
    if second is None:
        return []
    if second.converged:
        return [line(green("✓ "), bold("Second plan: "), "empty, nothing to change.")]
    head = line(yellow("! "), bold("Observed again, this is still to be changed:"))
    rows = [(f"  {a.change.sign} {a.subject}", dim(f"{a.host}  {a.why}")) for a in second.actions]
    return [
        line(""),
        head,
        *table(rows, width=screen.width),
        *blocked_lines(second, screen),
        plan_sum(second),
    ]


def _residue(report: DownReport, screen: Screen) -> list[Line]:
    if not report.checked and not report.residue:
        return []
    hosts = dict.fromkeys([*report.checked, *(r.host for r in report.residue)])
    left = {host: [r for r in report.residue if r.host == host] for host in hosts}
    lines = heading("What is left")
    for host, found in left.items():
        lines += _left(host, found, screen)
    return [*lines, line(""), _residue_sum(report)]


def _left(host: str, found: Sequence[Residue], screen: Screen) -> list[Line]:
    if not found:
        return [line(green("  ✓ "), bold(host), "  nothing")]
    lines: list[Line] = []
    for residue in found:
        words = (red("  ✗ "), bold(host), Span(f"  {residue.what}"))
        lines += wrap(words, screen.width, hang=6)
        lines += (
            wrap(f"→ {residue.remedy}", screen.width, indent=6, hang=8) if residue.remedy else []
        )
    return lines


def _residue_sum(report: DownReport) -> Line:
    if not report.residue:
        return line(
            green("✓ "),
            f"Nothing of cluster {report.plan.cluster} is left on {_hosts(report.checked)}.",
        )
    return line(
        red("✗ "),
        f"Something is left on {_hosts(tuple(dict.fromkeys(r.host for r in report.residue)))}.",
    )


def _hosts(names: Sequence[str]) -> str:
    return "1 host" if len(names) == 1 else f"{len(names)} hosts"
