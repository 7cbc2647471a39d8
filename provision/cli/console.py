"""Progress for a person: live on a terminal, plain lines elsewhere, nothing when quiet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from time import monotonic
from typing import Protocol, TextIO

from provision.cli.progress import Board
from provision.model.actions import Plan
from provision.model.results import Event, Finished, Outcome, Phase, Progress, Result, Started
from provision.renderers.terminal.text import Line, Span, cyan, dim, green, line, red, show, yellow


class Console(Protocol):
    """Takes events from any thread and shows them on stderr."""

    def event(self, event: Event) -> None:
        """Show what happened."""
        ...

    def expect(self, plan: Plan) -> None:
        """Learn what is going to happen."""
        ...

    def notice(self, text: str) -> None:
        """Say something the person should see (a host key that was recorded)."""
        ...

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the screen to somebody else for a while."""
        ...

    def close(self) -> None:
        """Leave the screen as it should stay."""
        ...


class SilentConsole:
    """``-q``."""

    def event(self, event: Event) -> None:
        """Show nothing."""

    def expect(self, plan: Plan) -> None:
        """Learn nothing."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """There is nothing to pause."""
        yield

    def close(self) -> None:
        """There is nothing to end."""


class PlainConsole:
    """One line a thing that happened, for pipes, files and CI."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        color: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._color = color
        self._clock = clock
        self._board = Board()
        self._said: dict[str, str] = {}
        self._lock = RLock()

    def event(self, event: Event) -> None:
        """Write a line for what happened, if it is worth one."""
        with self._lock:
            self._board.take(event, self._clock())
            self._write(self._lines(event))

    def expect(self, plan: Plan) -> None:
        """Learn the actions' names."""
        self._board.expect(plan)

    def notice(self, text: str) -> None:
        """Write it as a line."""
        with self._lock:
            self._write([line(dim("· "), text)])

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Lines stay where they are; nobody is in the way."""
        yield

    def close(self) -> None:
        """Everything is written already."""

    def _lines(self, event: Event) -> list[Line]:
        match event:
            case Phase(name=name, text=text, seconds=None):
                return [line(dim("· "), f"{name}: {text}")]
            case Started(action=action):
                return self._commands(action)
            case Progress(action=action, host=host, text=text):
                return self._progress(action, host, text)
            case Finished(result=Result(outcome=Outcome.SKIPPED)) if not self._verbose:
                return []  # the report names them, under what failed
            case Finished(result=result):
                return [self._finished(result)]
            case _:
                return []

    def _commands(self, action_id: str) -> list[Line]:
        action = self._board.action(action_id)
        if action is None or not self._verbose:
            return []
        head = line(dim("· "), f"{action.host}: {action.subject}")
        return [head, *(line("    ", cyan(f"$ {c}")) for c in action.commands)]

    def _progress(self, action_id: str, host: str, text: str) -> list[Line]:
        if self._said.get(action_id) == text:
            return []
        self._said[action_id] = text
        action = self._board.action(action_id)
        subject = f"{action.subject}: " if action else ""
        return [line(dim(f"  {host}: {subject}{text}"))]

    def _finished(self, result: Result) -> Line:
        action = self._board.action(result.action)
        subject = action.subject if action else result.action
        return outcome_line(result, subject)

    def _write(self, lines: list[Line]) -> None:
        if lines:
            self._stream.write(show(lines, color=self._color))
            self._stream.flush()


def outcome_line(result: Result, subject: str) -> Line:
    """How one action ended."""
    signs = {
        Outcome.CHANGED: green("✓ "),
        Outcome.UNCHANGED: green("✓ "),
        Outcome.FAILED: red("✗ "),
        Outcome.SKIPPED: yellow("– "),
    }
    cause = [Span(f": {result.cause.splitlines()[0]}")] if result.cause else []
    return line(signs[result.outcome], f"{result.host}: {subject}", *cause, seconds(result.seconds))


def seconds(value: float) -> Span:
    """How long it took, where that is worth a word."""
    return dim(f"  {value:.1f} s" if value >= 0.05 else "")  # noqa: PLR2004 - would show as 0.0
