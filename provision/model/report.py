"""What a verb has to say at its end; renderers turn it into text or JSON."""

from dataclasses import dataclass

from provision.model.actions import Plan
from provision.model.findings import CheckReport
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.model.results import Outcome, Result

EXIT_ORDER = (130, 2, 4, 3, 1, 5, 6)
"""Where several exit codes hold, the first of these is returned."""


def worst(*codes: int) -> int:
    """The exit code that wins (DESIGN: 130, 2, 4, 3, 1, 5, 6), or 0."""
    return next((code for code in EXIT_ORDER if code in codes), 0)


@dataclass(frozen=True, slots=True)
class Residue:
    """Something left on a host after `down`, and how to remove it."""

    host: str
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class UpReport:
    """The end of ``up``.

    Attributes:
        second: the plan made after applying (empty = converged); None when nothing was applied or
            something failed.
        check: None with ``--no-check``.
        expectations: cells of the playbooks' ``expect``.
    """

    plan: Plan
    results: tuple[Result, ...] = ()
    second: Plan | None = None
    check: CheckReport | None = None

    @property
    def exit_code(self) -> int:
        """By the table of exit codes."""
        codes = [r.exit_code for r in self.results if r.outcome is Outcome.FAILED]
        codes += [b.exit_code for b in self.plan.blocked]
        if self.second is not None and not self.second.converged:
            codes.append(1)
        if self.check is not None:
            codes.append(self.check.exit_code)
        return worst(*codes)


@dataclass(frozen=True, slots=True)
class DownReport:
    """The end of ``down``; ``checked`` are the hosts that were searched for residue."""

    plan: Plan
    results: tuple[Result, ...] = ()
    residue: tuple[Residue, ...] = ()
    checked: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """By the table of exit codes; residue counts as 1."""
        codes = [r.exit_code for r in self.results if r.outcome is Outcome.FAILED]
        codes += [b.exit_code for b in self.plan.blocked]
        codes += [1] if self.residue else []
        return worst(*codes)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Hosts, nodes, networks, services and tasks at a glance."""

    inventory: Inventory
    observed: ObservedState
