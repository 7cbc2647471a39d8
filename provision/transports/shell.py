"""What a way to a host must be able to do; every kind of step is built on it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from provision.model.probes import Answer
from provision.transports.channels import GAVE_UP, Heard


class Shell(Protocol):
    """Runs commands on one host."""

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        ...

    def execute(
        self,
        words: Sequence[str],
        stdin: Iterable[bytes] = (),
        *,
        sudo: bool,
        timeout: float,
        repeatable: bool,
        doing: str = "",
        listen: Callable[[bytes], None] | None = None,
    ) -> Answer:
        """Run *words* and hear them out.

        Args:
            words: argv.
            stdin: may be read more than once.
            sudo: run as root.
            timeout: seconds until it is given up (exit code 124).
            repeatable: after a lost connection it may be run again on a new one.
            doing: what it is, for an error; *words* where it is left out.
            listen: told of stdout as it comes.
        """
        ...


def answer(heard: Heard) -> Answer:
    """An `Answer` of what was heard; bytes that are no text are shown, not fatal."""
    stderr = heard.stderr.decode(errors="replace")
    if heard.exit_code == GAVE_UP:
        stderr += "\ngiven up: it did not end in time"
    return Answer(heard.exit_code, heard.stdout.decode(errors="replace"), stderr.strip("\n"))
