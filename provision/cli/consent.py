"""Nothing is changed without a yes: given beforehand, or at the terminal, the plan in view."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.cli.invocation import Invocation
from provision.errors import UsageError

if TYPE_CHECKING:
    from provision.model.actions import Plan
    from provision.model.inventory import Inventory


def require_consent(invocation: Invocation, verb: str) -> None:
    """Refuse before anything is touched where nobody can be asked.

    Raises:
        UsageError: no ``--yes``, and no terminal to ask at.
    """
    if not invocation.flags.yes and not invocation.terminal.asks:
        raise UsageError(
            f"{verb} changes hosts and there is no terminal to ask at",
            hint=f"look at `swarmlay plan`, then run `swarmlay {verb} --yes`",
        )


@dataclass(slots=True)
class Consent:
    """Shows the plan and asks.

    Attributes:
        deed: what the question says will be done (``Apply``).
        shown: the plan was put on the screen.
    """

    invocation: Invocation
    inventory: "Inventory"
    deed: str
    shown: bool = False

    def __call__(self, plan: "Plan") -> bool:
        """Whether the plan may be carried out."""
        console = self.invocation.console
        console.expect(plan)
        with console.paused():
            self._show(plan)
            return self.invocation.flags.yes or self._ask(plan)

    def _show(self, plan: "Plan") -> None:
        flags = self.invocation.flags
        if flags.output == "text":
            self.shown = True
            if not (flags.quiet and flags.yes):
                self.invocation.show(plan)
        elif not flags.yes:
            sys.stderr.write(_as_text(plan, self.invocation))

    def _ask(self, plan: "Plan") -> bool:
        hosts = dict.fromkeys(a.host for a in plan.actions if a.host in _names(self.inventory))
        where = f"cluster {self.inventory.cluster} ({', '.join(hosts) or 'no host'})"
        sys.stderr.write(f"\n{self.deed} these {len(plan.actions)} actions to {where}? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _names(inventory: "Inventory") -> set[str]:
    return {host.name for host in inventory.hosts}


def _as_text(plan: "Plan", invocation: Invocation) -> str:
    from provision.renderers.base import Screen
    from provision.renderers.terminal import RENDERER

    return RENDERER.render(plan, Screen(invocation.terminal.width))
