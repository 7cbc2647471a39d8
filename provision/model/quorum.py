"""More than half of the managers must reach one another: counted before a step that takes one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from provision.model.observed import NodeFact


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many managers there are, and how many of them can be reached."""

    managers: int
    reachable: int

    @classmethod
    def of(cls, nodes: Iterable[NodeFact]) -> Self:
        """The quorum as observed."""
        managers = [n for n in nodes if counts(n)]
        return cls(len(managers), sum(map(votes, managers)))

    @property
    def needed(self) -> int:
        """How many must be reachable."""
        return self.managers // 2 + 1

    @property
    def kept(self) -> bool:
        """Whether the swarm can decide anything."""
        return self.reachable >= self.needed

    def with_one(self) -> "Quorum":
        """One more manager that works."""
        return Quorum(self.managers + 1, self.reachable + 1)

    def without(self, node: NodeFact) -> "Quorum":
        """One manager fewer."""
        return Quorum(self.managers - 1, self.reachable - votes(node))

    def words(self) -> str:
        """The numbers, for a refusal."""
        if self.managers == 0:
            return "no manager would be left, 1 is needed"
        return (
            f"of {self.managers} managers that are left {self.reachable} can be reached, "
            f"{self.needed} are needed"
        )


def counts(node: NodeFact) -> bool:
    """Whether the managers count it: a join that failed leaves a manager they know nothing of."""
    return node.role == "manager" and node.reachability != ""


def votes(node: NodeFact) -> bool:
    """Whether a manager can be reached by the others."""
    return node.state == "ready" and node.reachability == "reachable"
