"""Reports as text for people: calm at 80 columns, plain where there are no colours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provision.errors import SwarmlayError
from provision.model.actions import Plan
from provision.model.findings import CheckReport
from provision.model.report import DownReport, StatusReport, UpReport
from provision.renderers.base import ExecReport, FactsReport, HostsReport, Report, Screen
from provision.renderers.terminal.failure import error_lines
from provision.renderers.terminal.hosts import exec_lines, facts_lines, hosts_lines
from provision.renderers.terminal.matrix import check_lines
from provision.renderers.terminal.plan import plan_lines
from provision.renderers.terminal.results import down_lines, up_lines
from provision.renderers.terminal.status import status_lines
from provision.renderers.terminal.text import Line, show

_LINES: tuple[tuple[type, Callable[[Any, Screen], list[Line]]], ...] = (
    (Plan, plan_lines),
    (UpReport, up_lines),
    (DownReport, down_lines),
    (CheckReport, check_lines),
    (StatusReport, status_lines),
    (HostsReport, hosts_lines),
    (FactsReport, facts_lines),
    (ExecReport, exec_lines),
)


@dataclass(frozen=True, slots=True)
class TerminalRenderer:
    """``-o text``."""

    name: str = "text"

    def render(self, report: Report, screen: Screen) -> str:
        """The report for a screen of this width."""
        draw = next(draw for kind, draw in _LINES if isinstance(report, kind))
        return show(draw(report, screen), color=screen.color)

    def render_error(self, error: SwarmlayError, screen: Screen) -> str:
        """What, where, why, and what to do."""
        return show(error_lines(error, screen), color=screen.color)


RENDERER = TerminalRenderer()
