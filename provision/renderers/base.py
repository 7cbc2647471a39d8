"""What a renderer is: a pure function from a report to text.

It never looks at clock, terminal or environment.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from provision.errors import SwarmlayError
from provision.model.actions import Plan
from provision.model.findings import CheckReport
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.model.report import DownReport, StatusReport, UpReport


@dataclass(frozen=True, slots=True)
class HostsReport:
    """The end of ``hosts list``: the machines as the inventory names them."""

    inventory: Inventory


@dataclass(frozen=True, slots=True)
class FactsReport:
    """The end of ``hosts facts``: what was observed of each host."""

    cluster: str
    observed: ObservedState


Report: TypeAlias = (
    Plan | UpReport | DownReport | CheckReport | StatusReport | HostsReport | FactsReport
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
