"""What a playbook expects, judged against what engines say and what gets through."""

from collections.abc import Mapping
from typing import Any

from provision.checks.expectations.states import STATES
from provision.checks.expectations.traffic import KINDS as TRAFFIC
from provision.checks.expectations.traffic import Attempt, Outcome, attempts, judge
from provision.checks.expectations.world import World
from provision.model.desired import Expectation
from provision.model.findings import Cell, State

LAYER = "expect"
WITHIN = 60.0
EVALUATED = frozenset((*TRAFFIC, *STATES))

__all__ = [
    "EVALUATED",
    "LAYER",
    "TRAFFIC",
    "Attempt",
    "Outcome",
    "World",
    "attempts",
    "judge",
    "state",
    "within",
]


def within(expectation: Expectation) -> float:
    """How long it may take to come true, in seconds."""
    return float(expectation.arguments.get("within", WITHIN))


def state(expectation: Expectation, world: World) -> Cell:
    """The cell of an expectation about what there is."""
    wanted: Mapping[str, Any] = expectation.arguments
    name = str(wanted.get("name", wanted.get("on", "")))
    judge_of = STATES.get(expectation.kind)
    if judge_of is None:
        reason = f"{expectation.kind} is not evaluated by this version of swarmlay"
        return _cell(expectation, name, State.UNKNOWN, reason)
    wrong = "; ".join(judge_of(wanted, world))
    return _cell(expectation, name, State.FAILED if wrong else State.OK, wrong)


def _cell(expectation: Expectation, name: str, found: State, reason: str) -> Cell:
    asked = {k: v for k, v in expectation.arguments.items() if k not in ("name", "within")}
    expected = ", ".join(f"{key} {value}" for key, value in asked.items()) or "is there"
    return Cell(
        LAYER,
        expectation.where,
        expectation.kind,
        name,
        name,
        found,
        expected=expected,
        found=reason or "as expected",
        reason=f"{expectation.kind} {name}: {reason}" if reason else "",
    )
