"""What happened to each action."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Outcome(StrEnum):
    """How an action ended."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """How one action ended; ``cause`` and ``exit_code`` matter when it failed."""

    action: str
    host: str
    outcome: Outcome
    cause: str = ""
    hint: str = ""
    seconds: float = 0.0
    exit_code: int = 1


@dataclass(frozen=True, slots=True)
class Started:
    """An action begins."""

    action: str
    host: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A wait says what it waits for (``3/5 tasks running``)."""

    action: str
    host: str
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """An action ended."""

    result: Result


@dataclass(frozen=True, slots=True)
class Phase:
    """A stage of the pipeline begins or ends (``seconds`` is None while it runs)."""

    name: str
    text: str
    seconds: float | None = None


Event: TypeAlias = Started | Progress | Finished | Phase
