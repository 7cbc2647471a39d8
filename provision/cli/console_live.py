"""The live console: one line a stage with spinner, count and time, as ``kind`` has it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from time import monotonic
from typing import TextIO

from rich.console import Console as Screen
from rich.live import Live
from rich.text import Text

from provision.cli.console import seconds
from provision.cli.progress import Board, Stage
from provision.model.actions import Plan
from provision.model.results import Event, Outcome, Started
from provision.renderers.terminal.text import Line, cyan, dim, green, line, red, yellow

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PER_SECOND = 8


class LiveConsole:
    """Open stages move at the bottom; a stage that is over stays above as one line."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        color: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._screen = Screen(file=stream, no_color=not color, highlight=False, force_terminal=True)
        self._verbose = verbose
        self._clock = clock
        self._board = Board()
        self._lock = RLock()
        self._live: Live | None = None

    def event(self, event: Event) -> None:
        """Redraw for what happened."""
        with self._lock:
            self._start()
            if isinstance(event, Started):
                self._commands(event.action)
            ended = self._board.take(event, self._clock())
            if ended is not None:
                self._print(_ended(ended))

    def expect(self, plan: Plan) -> None:
        """Learn how many actions each stage has."""
        self._board.expect(plan)

    def notice(self, text: str) -> None:
        """Put a line above what moves."""
        with self._lock:
            self._print(line(dim(f" · {text}")))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the moving lines off the screen for a while."""
        self.close()
        yield

    def close(self) -> None:
        """Take the moving lines off the screen; the next event brings them back."""
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _start(self) -> None:
        if self._live is None:
            self._live = Live(
                console=self._screen,
                get_renderable=self._moving,
                transient=True,
                refresh_per_second=_PER_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _moving(self) -> Text:
        now = self._clock()
        rows = [_text(_moving(stage, now), self._screen.width) for stage in self._board.open]
        return Text("\n").join(rows)

    def _commands(self, action_id: str) -> None:
        action = self._board.action(action_id)
        if action is not None and self._verbose:
            self._print(line(dim(f"   {action.host}: "), action.subject))
            for command in action.commands:
                self._print(line("     ", cyan(f"$ {command}")))

    def _print(self, row: Line) -> None:
        self._screen.print(_text(row, None), soft_wrap=True)


def _moving(stage: Stage, now: float) -> Line:
    frame = _FRAMES[int(now * _PER_SECOND) % len(_FRAMES)]
    took = int(now - stage.started)
    time = dim(f"  {took} s" if took else "")
    return line(
        cyan(f" {frame} "), stage.title, dim(f"  {stage.counts}"), time, dim(f"  {stage.text}")
    )


def _ended(stage: Stage) -> Line:
    took = seconds(stage.seconds or 0.0)
    if not stage.failed:
        return line(
            green(" ✓ "), stage.title, dim(f"  {stage.counts}" if stage.counts else ""), took
        )
    failures = [r for r in stage.failed if r.outcome is Outcome.FAILED]
    if not failures:
        return line(yellow(" – "), stage.title, dim("  skipped"))
    first = failures[0]
    cause = (
        f"  {len(failures)} of {stage.total} failed; {first.host}: {first.cause.split(chr(10))[0]}"
    )
    return line(red(" ✗ "), stage.title, cause, took)


_STYLES = {"green": "green", "red": "bold red", "yellow": "yellow", "cyan": "cyan", "dim": "dim"}


def _text(row: Line, width: int | None) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for span in row:
        text.append(span.text, _STYLES.get(span.style, ""))
    if width is not None:
        text.truncate(width - 1, overflow="ellipsis")
    return text
