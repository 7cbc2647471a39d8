"""Where the lab keeps things; handed in by the command line, never looked up here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.errors import UsageError


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders the lab may write to.

    Attributes:
        state: one folder a lab below it; the user's own (XDG state).
        cache: root file systems and images, shared by all labs of the user (XDG cache).
        machine: what all labs of this machine share, whoever made them (root's, on tmpfs).
        owner: the user and group that keys and state are given to when root works for a user.
    """

    state: Path
    cache: Path
    machine: Path = Path("/run/swarmlay")
    owner: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for path in (self.state, self.cache):
            if any(character in str(path) for character in ":,\\\n"):
                raise UsageError(
                    "the lab cannot live in this folder",
                    where=str(path),
                    why="overlayfs cannot take ':', ',' or a backslash in a path",
                    hint="set XDG_STATE_HOME and XDG_CACHE_HOME to plain paths",
                )

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], home: Path, owner: tuple[int, int] | None = None
    ) -> "Paths":
        """The XDG folders of one user."""
        state = _xdg(environment, "XDG_STATE_HOME", home / ".local" / "state")
        cache = _xdg(environment, "XDG_CACHE_HOME", home / ".cache")
        return cls(state / "swarmlay" / "lab", cache / "swarmlay", owner=owner)

    def lab(self, name: str) -> Path:
        """Everything one lab keeps."""
        return self.state / name

    def host(self, lab: str, host: str) -> Path:
        """Everything one host keeps."""
        return self.state / lab / "hosts" / host

    def give(self, path: Path) -> None:
        """Hand *path* to the user for whom root works."""
        if self.owner is not None:
            os.chown(path, *self.owner)

    def make(self, path: Path) -> Path:
        """Create *path* and the missing folders above it, owned by the user."""
        if not path.is_dir():
            self.make(path.parent)
            path.mkdir(exist_ok=True)
            self.give(path)
        return path


def _xdg(environment: Mapping[str, str], variable: str, default: Path) -> Path:
    """An XDG folder; the specification says relative values are ignored."""
    given = Path(environment.get(variable, ""))
    return given if given.is_absolute() else default
