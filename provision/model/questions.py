"""What is asked between hosts: from where, of whom, and the cell that the answer fills."""

from dataclasses import dataclass, replace

from provision.model.findings import Cell, State

ON_HOST = "host"
"""The place of a question that the host itself asks, from no container."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container on a network of a host: a place from which and to which packets go.

    Attributes:
        key: names it in the conversation with its host.
        also: its addresses on other networks; its name may resolve to one of them.
        port: where the probe in its network namespace echoes (0: not there yet).
        problem: why nothing can be asked from it.
    """

    host: str
    network: str
    key: str
    container: str
    name: str
    address: str
    also: tuple[str, ...] = ()
    port: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, asked on the host ``cell.source``.

    Attributes:
        place: an endpoint's key, or `ON_HOST`.
        words: kind, target and arguments as the probe reads them.
        cell: what is reported if nobody answers.
    """

    place: str
    words: tuple[str, ...]
    cell: Cell

    def answered(self, ms: float, found: str) -> Cell:
        """The cell when it went well."""
        return replace(self.cell, state=State.OK, found=found, ms=ms, reason="")

    def refused(self, why: str, reason: str = "") -> Cell:
        """The cell when it did not."""
        return replace(self.cell, state=State.FAILED, found=why, reason=reason or why)
