"""One run of the command: its flags, its terminal, its console, and how reports leave it."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provision.cli.environment import Terminal, TimeIsUp, give_up_after, here, terminal
from provision.errors import SwarmlayError, UsageError

if TYPE_CHECKING:
    from provision.api import ClusterSession, Environment, Options
    from provision.cli.console import Console
    from provision.cli.flags import Flags
    from provision.model.inventory import Inventory
    from provision.renderers.base import Report

_WHILE = 60.0
_LATER = ("html", "junit")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a verb works with; verbs return their exit code."""

    flags: "Flags"
    terminal: Terminal
    console: "Console"

    def end_gracefully(self) -> None:
        """Leave it to the run itself to begin nothing new when time is up, and report.

        What is under way then has a while to end; only after that it is broken off.
        """
        if self.flags.timeout:
            give_up_after(self.flags.timeout + _WHILE)

    def environment(self) -> "Environment":
        """The process's environment; a password is asked for at the terminal, if there is one."""
        asking = self._ask_password if self.terminal.asks else None
        return here(asking, self.console.notice)

    def _ask_password(self, question: str) -> str:
        from getpass import getpass

        with self.console.paused():
            return getpass(f"{question}: ", stream=sys.stderr)

    def open_inventory(self) -> "Inventory":
        """The inventory that the flags, the environment or the folder name."""
        from provision import api

        return api.open_inventory(self.flags.inventory, env=self.environment())

    def options(self, **more: Any) -> "Options":
        """The flags, and *more* of the verb's own, as the package's options."""
        from provision import api

        flags = self.flags
        return api.Options(
            parallel=flags.parallel, limit=flags.limit, timeout=flags.timeout, **more
        )

    def connect(self, inventory: "Inventory", **more: Any) -> "ClusterSession":
        """A session with the cluster, whose events go to the console."""
        from provision import api

        options = self.options(**more)
        return api.connect(
            inventory, env=self.environment(), options=options, on_event=self.console.event
        )

    def show(self, report: "Report", *, brief: bool = False) -> None:
        """Write a report to stdout in the format asked for."""
        from provision.renderers import RENDERERS
        from provision.renderers.base import Screen

        self.console.close()
        flags = self.flags
        color = self.terminal.color and self.terminal.out and not flags.no_color
        screen = Screen(self.terminal.width, color, verbose=flags.verbose, brief=brief)
        renderer = next(r for r in RENDERERS if r.name == flags.output)
        write(renderer.render(report, screen))


def write(text: str) -> None:
    """Write to stdout; a reader that went away (``| head``) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # what is still buffered must not fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def invoke(flags: "Flags", verb: Callable[[Invocation], int]) -> int:
    """Run *verb* with a console that is closed whatever happens."""
    require_output(flags.output)
    if flags.log_file:
        _log_to(flags.log_file, verbose=flags.verbose)
    if flags.timeout:
        give_up_after(flags.timeout)
    seen = terminal()
    console = make_console(flags, seen)
    try:
        return verb(Invocation(flags, seen, console))
    except TimeIsUp as late:
        raise SwarmlayError(
            f"not done within {flags.timeout:g} s (--timeout)",
            hint="what was done stays; run the same again to go on",
        ) from late
    finally:
        console.close()


def require_output(name: str) -> None:
    """Refuse what there is no renderer for.

    Raises:
        UsageError: no such output.
    """
    from provision.renderers import RENDERERS

    names = [renderer.name for renderer in RENDERERS]
    if name in names:
        return
    why = "it comes with a later release" if name in _LATER else ""
    raise UsageError(f"there is no output {name!r}", why=why, hint=f"choose {' or '.join(names)}")


def make_console(flags: "Flags", seen: Terminal) -> "Console":
    """The console for this terminal and these flags."""
    from provision.cli.console import PlainConsole, SilentConsole

    if flags.quiet:
        return SilentConsole()
    color = seen.color and seen.err and not flags.no_color
    if not seen.err:
        return PlainConsole(sys.stderr, verbose=flags.verbose, color=color)
    from provision.cli.console_live import LiveConsole

    return LiveConsole(sys.stderr, verbose=flags.verbose, color=color)


def _log_to(path: str, *, verbose: bool) -> None:
    import logging

    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write the log file {path}", why=error.strerror or "") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    logging.getLogger("paramiko").setLevel(logging.WARNING)
