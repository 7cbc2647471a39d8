"""The door to a host, as a protocol; transports implement it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from provision.model.actions import DockerOperation, Ref, Step
from provision.model.probes import Answer


class Pipe(Protocol):
    """A command that runs on the host while we talk with it, line by line.

    It ends when the pipe is closed or the connection is lost: its stdin then reads end-of-file.
    """

    def send(self, text: str) -> None:
        """Write to its stdin; raises `provision.errors.HostUnreachable` when it is gone."""
        ...

    def readline(self, timeout: float) -> str | None:
        """The next line of its stdout without the newline; None after *timeout* seconds.

        Raises:
            EOFError: it closed its stdout.
        """
        ...

    @property
    def closed(self) -> bool:
        """Whether the command has ended or the connection is gone."""
        ...

    def close(self) -> None:
        """End it; closing twice is fine."""
        ...


class Session(Protocol):
    """An open way to one host: one SSH connection, however much is asked over it.

    Methods may be called from several threads. A lost connection raises
    `provision.errors.HostUnreachable`; a command's real answer is returned, never raised.
    """

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        ...

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """Run a read-only POSIX sh script (sent on stdin) and return all of its output."""
        ...

    def do(
        self,
        step: Step,
        values: Mapping[Ref, str],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Answer:
        """Carry out one step with *values* bound in place of its refs."""
        ...

    def docker(self, operation: DockerOperation, arguments: Mapping[str, Any]) -> Any:
        """Ask the host's engine (one of the reads of `DockerOperation`); JSON data comes back."""
        ...

    def open(self, words: Sequence[str], *, sudo: bool = True) -> Pipe:
        """Start a command and keep a pipe to it (the lock's holder, listeners)."""
        ...

    def close(self) -> None:
        """End the session; closing twice is fine."""
        ...


class Transport(Protocol):
    """A way to hosts."""

    def connect(self, host: str) -> Session:
        """Open a session, or raise a `provision.errors.HostError`."""
        ...
