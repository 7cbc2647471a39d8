"""A question for a host and how to read its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provision.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said: to a probe, or to a step.

    ``value`` holds what a `Docker` step returned (JSON data); it is None for commands.
    """

    exit_code: int
    stdout: str = ""
    stderr: str = ""
    value: Any = None

    @property
    def ok(self) -> bool:
        """Whether the command ended with 0."""
        return self.exit_code == 0


@dataclass(frozen=True, slots=True)
class Probe:
    """A read-only POSIX sh script and its pure parser.

    Scripts of all probes of a host are sent as one, run as root, each in a subshell of its own
    with a deadline; a missing answer is `Unknown`.
    """

    name: str
    script: str
    parse: Callable[[Answer], Fact[Any]]
