"""What a host's package manager offers for the engine that is installed there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from provision.model.actions import Run
from provision.model.platform import Work

Relation: TypeAlias = Literal["same", "newer", "older", "none"]


@dataclass(frozen=True, slots=True)
class Offer:
    """The version that an upgrade would bring.

    Attributes:
        installed, offered: versions as the package manager writes them; "" where there is none.
        relation: what the offered one is, seen from the installed one; ``none`` is offered.
        problem: why it could not be told; "" where it could.
    """

    installed: str = ""
    offered: str = ""
    relation: Relation = "none"
    problem: str = ""


@runtime_checkable
class Upgrades(Protocol):
    """An operating system on which an installed engine can be brought to another version."""

    def offers(self, package: str, version: str) -> Run:
        """Ask, with fresh lists, for *package* in the newest version that matches *version*."""
        ...

    def read_offer(self, said: str) -> Offer:
        """What the answer to `offers` says."""
        ...

    def upgrade(self, package: str, version: str, cluster: str, held: Sequence[str]) -> Work:
        """Bring *package* and what belongs to it to exactly *version*; the engine runs it then.

        Packages that were *held* back are held back again.
        """
        ...
