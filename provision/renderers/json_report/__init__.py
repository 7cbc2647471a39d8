"""Reports as JSON for programs: stable shapes and order, control characters escaped."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provision.errors import SwarmlayError
from provision.model.actions import Plan
from provision.model.findings import CheckReport
from provision.model.report import DownReport, StatusReport, UpReport
from provision.renderers.base import ExecReport, FactsReport, HostsReport, Report, Screen
from provision.renderers.json_report.machines import exec_data, facts_data, hosts_data, status_data
from provision.renderers.json_report.pipeline import (
    check_data,
    down_data,
    error_data,
    plan_data,
    up_data,
)

_DATA: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (Plan, plan_data),
    (UpReport, up_data),
    (DownReport, down_data),
    (CheckReport, check_data),
    (StatusReport, status_data),
    (HostsReport, hosts_data),
    (FactsReport, facts_data),
    (ExecReport, exec_data),
)


@dataclass(frozen=True, slots=True)
class JsonRenderer:
    """``-o json``."""

    name: str = "json"

    def render(self, report: Report, screen: Screen) -> str:  # noqa: ARG002 - programs have no screen
        """The report as one JSON document."""
        data = next(data for kind, data in _DATA if isinstance(report, kind))
        return _text(data(report))

    def render_error(self, error: SwarmlayError, screen: Screen) -> str:  # noqa: ARG002 - as above
        """The error as one JSON document."""
        return _text(error_data(error))


def _text(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


RENDERER = JsonRenderer()
