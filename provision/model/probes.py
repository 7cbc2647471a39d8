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

    Scripts of all probes of a host are sent as one, run as root, each in a shell of its own
    with a deadline in seconds; a missing answer is `Unknown`.

    Attributes:
        gives: the `HostFacts` fields it answers, when more than the one called *name*: the value
            that *parse* knows is then a mapping from field to fact.
    """

    name: str
    script: str
    parse: Callable[[Answer], Fact[Any]]
    gives: tuple[str, ...] = ()
    deadline: int = 20  # a host that emulates its processor takes 5 s for what is 0.1 s elsewhere


def sections(text: str) -> dict[str, str]:
    """What a script printed under each of its ``@@ title`` lines."""
    found: dict[str, str] = {}
    for part in f"\n{text}".split("\n@@ ")[1:]:
        title, _, body = part.partition("\n")
        found[title.strip()] = body
    return found


def excerpt(text: str, limit: int = 160) -> str:
    """The first line of a host's words, safe to show: no control characters, no endless text."""
    line = next((found for found in text.splitlines() if found.strip()), "")
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line.strip())
    return shown if len(shown) <= limit else f"{shown[:limit]}…"
