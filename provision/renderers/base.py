"""What a renderer is: a pure function from a report to text.

It never looks at clock, terminal or environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from provision.errors import HostError, SwarmlayError
from provision.model.actions import Plan
from provision.model.findings import CheckReport
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.model.probes import Answer
from provision.model.report import DownReport, StatusReport, UpReport, worst


@dataclass(frozen=True, slots=True)
class HostsReport:
    """The end of ``hosts list``: the machines as the inventory names them."""

    inventory: Inventory


@dataclass(frozen=True, slots=True)
class FactsReport:
    """The end of ``hosts facts``: what was observed of each host."""

    cluster: str
    observed: ObservedState


@dataclass(frozen=True, slots=True)
class ExecReport:
    """The end of ``hosts exec``: what each host said, or why it could not be asked."""

    cluster: str
    answers: Mapping[str, Answer | HostError]

    @property
    def exit_code(self) -> int:
        """3 when a host could not be reached, 1 when a command failed, else 0."""
        return worst(*(_code(answer) for answer in self.answers.values()))


def _code(answer: Answer | HostError) -> int:
    return answer.exit_code if isinstance(answer, HostError) else int(not answer.ok)


Report: TypeAlias = (
    Plan
    | UpReport
    | DownReport
    | CheckReport
    | StatusReport
    | HostsReport
    | FactsReport
    | ExecReport
)


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text is shown, handed in by the command line.

    Attributes:
        width: columns.
        color: whether colours are wanted.
        verbose: show what is otherwise cut short.
        brief: the plan was shown already; show only what came of it.
    """

    width: int = 80
    color: bool = False
    verbose: bool = False
    brief: bool = False


class Renderer(Protocol):
    """One way to show a report.

    Attributes:
        name: what ``-o`` calls it.
    """

    @property
    def name(self) -> str:
        """What ``-o`` calls it."""
        ...

    def render(self, report: Report, screen: Screen) -> str:
        """The report as text, ending in a newline."""
        ...

    def render_error(self, error: SwarmlayError, screen: Screen) -> str:
        """An error as text, ending in a newline."""
        ...
