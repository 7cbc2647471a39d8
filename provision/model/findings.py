"""What checks found: one cell per layer, subject, probe and ordered pair."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a cell came out.

    ``unknown``: could not be asked, never green. ``unavailable``: kernel or engine lack it.
    """

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that was checked.

    Attributes:
        layer: ``host underlay control gossip overlay service ingress isolation``.
        subject: what is checked (a network's, service's or port's name).
        probe: ``ping``, ``tcp``, ``name``, ``mtu``, ``tcp/2377``, ``udp/4789`` …
        source, target: hosts (JSON: ``from``, ``to``); equal for a check of one host.
        expected, found: in words. reason: why it is not ok, with who blocks where that is known.
        ms: round-trip time in milliseconds.
        command: what a person would type to see it.
    """

    layer: str
    subject: str
    probe: str
    source: str
    target: str
    state: State
    expected: str = ""
    found: str = ""
    reason: str = ""
    ms: float | None = None
    command: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All cells of one check, in a stable order.

    ``unreachable`` are hosts that could not be asked (exit 3).
    """

    cluster: str
    cells: tuple[Cell, ...]
    unreachable: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """No cell failed and none is unknown."""
        return all(c.state in (State.OK, State.UNAVAILABLE) for c in self.cells)

    @property
    def exit_code(self) -> int:
        """0, 3 when a host could not be reached, else 5."""
        if self.ok and not self.unreachable:
            return 0
        return 3 if self.unreachable else 5

    def summary(self) -> Mapping[str, Mapping[str, int]]:
        """How many cells of each layer are in each state."""
        layers = dict.fromkeys(c.layer for c in self.cells)
        counts = Counter((c.layer, c.state.value) for c in self.cells)
        return {la: {s.value: counts[la, s.value] for s in State} for la in layers}
