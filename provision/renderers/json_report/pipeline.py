"""Plans, results, checks and errors as JSON data."""

from provision.errors import DocumentError, SwarmlayError
from provision.model.actions import Action, Plan
from provision.model.findings import Cell, CheckReport, State
from provision.model.report import DownReport, UpReport
from provision.model.results import Result
from provision.renderers.json_report.plain import plain
from provision.renderers.json_report.shapes import (
    SCHEMA,
    ActionShape,
    CellShape,
    ChangeShape,
    CheckShape,
    CountShape,
    ErrorFields,
    ErrorShape,
    PlanShape,
    ResultShape,
)


def plan_data(plan: Plan) -> PlanShape:
    """The plan, actions in reading order."""
    return {
        "schema": SCHEMA,
        "cluster": plan.cluster,
        "complete": plan.complete,
        "converged": plan.converged,
        "actions": [_action(action) for action in plan.actions],
        "blocked": [
            {"host": b.host, "reason": b.reason, "hint": b.hint, "exit_code": b.exit_code}
            for b in plan.blocked
        ],
        "notes": list(plan.notes),
        "addresses": [{"host": a.host, "address": a.address, "why": a.why} for a in plan.addresses],
    }


def _action(action: Action) -> ActionShape:
    return {
        "id": action.id,
        "host": action.host,
        "resource": action.resource,
        "subject": action.subject,
        "change": action.change.value,
        "why": action.why,
        "before": plain(action.before),
        "after": plain(action.after_),
        "commands": list(action.commands),
        "restarts": list(action.restarts),
    }


def up_data(report: UpReport) -> ChangeShape:
    """The plan, results, second plan and check."""
    return {
        **plan_data(report.plan),
        "results": [_result(result) for result in report.results],
        "second_plan": plan_data(report.second) if report.second is not None else None,
        "check": check_data(report.check) if report.check is not None else None,
        "residue": [],
        "checked": [],
        "exit_code": report.exit_code,
    }


def down_data(report: DownReport) -> ChangeShape:
    """The plan, results and residue."""
    return {
        **plan_data(report.plan),
        "results": [_result(result) for result in report.results],
        "second_plan": None,
        "check": None,
        "residue": [{"host": r.host, "what": r.what, "remedy": r.remedy} for r in report.residue],
        "checked": list(report.checked),
        "exit_code": report.exit_code,
    }


def _result(result: Result) -> ResultShape:
    return {
        "action": result.action,
        "host": result.host,
        "outcome": result.outcome.value,
        "cause": result.cause,
        "hint": result.hint,
        "seconds": round(result.seconds, 3),
    }


def check_data(report: CheckReport) -> CheckShape:
    """Cells in the check's order, and how many of each state a layer has."""
    return {
        "schema": SCHEMA,
        "cluster": report.cluster,
        "ok": report.exit_code == 0,
        "unreachable": list(report.unreachable),
        "cells": [_cell(cell) for cell in report.cells],
        "summary": {layer: _count(report, layer) for layer in report.summary()},
    }


def _count(report: CheckReport, layer: str) -> CountShape:
    states = [cell.state for cell in report.cells if cell.layer == layer]
    return {
        "ok": states.count(State.OK),
        "failed": states.count(State.FAILED),
        "unknown": states.count(State.UNKNOWN),
        "unavailable": states.count(State.UNAVAILABLE),
    }


def _cell(cell: Cell) -> CellShape:
    return {
        "layer": cell.layer,
        "subject": cell.subject,
        "probe": cell.probe,
        "from": cell.source,
        "to": cell.target,
        "state": cell.state.value,
        "expected": cell.expected,
        "found": cell.found,
        "reason": cell.reason,
        "hint": cell.hint,
        "command": cell.command,
        "ms": cell.ms,
    }


def error_data(error: SwarmlayError) -> ErrorShape:
    """An error in place of a report."""
    return {"schema": SCHEMA, "error": _fields(error)}


def _fields(error: SwarmlayError) -> ErrorFields:
    others = error.others if isinstance(error, DocumentError) else ()
    return {
        "what": error.what,
        "where": error.where,
        "why": error.why,
        "hint": error.hint,
        "exit_code": error.exit_code,
        "others": [_fields(other) for other in others],
    }
