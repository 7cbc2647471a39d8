"""A simulated host's files."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a step wrote, or that was there before."""

    content: bytes
    mode: int = 0o644
