"""The only place that reads the process's environment and terminal; others are handed a value."""

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from provision.api import Environment

_OBJECTS = 1_000_000  # imports make many objects and no garbage: collecting them is CPU for nothing


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the process is attached to.

    Attributes:
        asks: somebody can be asked (stdin and stderr are a terminal).
        out, err: whether stdout and stderr are a terminal.
        width: columns.
        color: colours are not refused (``NO_COLOR``, ``TERM=dumb``).
    """

    asks: bool
    out: bool
    err: bool
    width: int
    color: bool


def prepare() -> None:
    """Make imports quick and interruption orderly; called once, before heavy imports."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # saves a scan of all packages
    os.environ.setdefault("TYPER_USE_RICH", "0")  # plain help; rich only where there is a live line
    gc.set_threshold(_OBJECTS)
    _spare_mock()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup wants to go on
            signal.signal(number, _interrupt)


class TimeIsUp(KeyboardInterrupt):
    """The run's own time is up: unwinds like Ctrl-C, past everything that handles errors."""


def give_up_after(seconds: float) -> None:
    """Have `TimeIsUp` raised in the main thread after *seconds*."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise TimeIsUp

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _spare_mock() -> None:
    """Invoke imports unittest.mock, and with it asyncio, for a test double nobody here uses.

    That is a tenth of the CPU of a run that changes nothing; so it gets an empty one.
    """
    if "unittest.mock" not in sys.modules:
        empty = ModuleType("unittest.mock")
        setattr(empty, "Mock", object)  # noqa: B010 - a module's attribute, set from outside
        sys.modules["unittest.mock"] = empty


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A polite kill is Ctrl-C: the lock is let go on the way out."""
    raise KeyboardInterrupt


def terminal() -> Terminal:
    """What this process is attached to now."""
    dumb = os.environ.get("TERM") == "dumb"
    return Terminal(
        asks=_is_terminal(sys.stdin) and _is_terminal(sys.stderr),
        out=_is_terminal(sys.stdout),
        err=_is_terminal(sys.stderr) and not dumb,
        width=min(shutil.get_terminal_size((100, 24)).columns, 120),
        color=not os.environ.get("NO_COLOR") and not dumb,
    )


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def here(ask_password: Callable[[str], str] | None, notice: Callable[[str], None]) -> "Environment":
    """The process's environment as the package's functions want it."""
    from provision.api import Environment

    return replace(Environment.here(), ask_password=ask_password, notice=notice)
