"""No packet filter is in force: nothing to open, nothing to close."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from provision.model.actions import Step
from provision.model.facts import Fact, Known
from provision.model.observed import FirewallState, Rule


class Nothing:
    """The firewall of a host that has none."""

    name = "none"
    script: ClassVar[str] = ""

    def recognise(self, _reading: Mapping[str, str]) -> Fact[FirewallState]:
        """The last resort: all others said they are not in force."""
        return Known(FirewallState(self.name, detail="nothing filters what comes in"))

    def open(
        self, _state: FirewallState, _cluster: str, _rules: Sequence[Rule]
    ) -> tuple[Step, ...]:
        """Everything is open."""
        return ()

    def close(
        self, _state: FirewallState, _cluster: str, _rules: Sequence[Rule]
    ) -> tuple[Step, ...]:
        """There are no rules."""
        return ()

    def commands(
        self, _state: FirewallState, _cluster: str, _rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """Nobody types anything, to open or to *close*."""
        del close
        return ()
