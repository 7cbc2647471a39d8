"""What we know of a host, and what we do not."""

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A value read from the host; known-to-be-absent is ``Known(None)``."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Unknown:
    """The probe did not answer; never read this as absent."""

    reason: str


Fact: TypeAlias = Known[T] | Unknown


def known_or(fact: Fact[T], default: T) -> T:
    """The value, or *default* where only a picture (never a decision) depends on it."""
    return fact.value if isinstance(fact, Known) else default
