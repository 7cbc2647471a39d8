"""A command that is talked with for a while, line by line: the cluster lock's holder."""

import contextlib
import threading
import time

import paramiko
from paramiko.channel import Channel

from provision.errors import HostUnreachable
from provision.transports.failures import lost
from provision.transports.privilege import Prepared

_LONGEST_LINE = 64 * 1024


class ChannelPipe:
    """A long-lived command on a channel; implements `provision.model.session.Pipe`."""

    def __init__(self, channel: Channel, prepared: Prepared, where: str) -> None:
        self._channel = channel
        self._where = where
        self._buffer = b""
        self._reading = threading.Lock()
        try:
            channel.exec_command(prepared.command)
            if prepared.preamble:
                channel.sendall(prepared.preamble)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise lost(where, str(error)) from error

    @property
    def closed(self) -> bool:
        """Whether the command or the connection has ended."""
        return bool(self._channel.closed or self._channel.eof_received)

    def send(self, text: str) -> None:
        """Write to the command's stdin."""
        try:
            self._channel.sendall(text.encode())
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise lost(self._where, str(error)) from error

    def readline(self, timeout: float) -> str | None:
        """The next line without its end; None after *timeout* seconds.

        Raises:
            EOFError: the command closed its stdout, or the connection is gone.
        """
        deadline = time.monotonic() + timeout
        with self._reading:
            while b"\n" not in self._buffer:
                piece = self._receive(deadline - time.monotonic())
                if piece is None:
                    return None
                if not piece:
                    return self._rest()
                self._buffer += piece
                if len(self._buffer) > _LONGEST_LINE:
                    raise HostUnreachable("The host sends a line without end", where=self._where)
            line, _, self._buffer = self._buffer.partition(b"\n")
            return line.decode(errors="replace")

    def _rest(self) -> str:
        """A last line without an end, once."""
        rest, self._buffer = self._buffer, b""
        if not rest:
            raise EOFError(f"{self._where}: the command has ended")
        return rest.decode(errors="replace")

    def complaint(self) -> str:
        """What the command has said on stderr so far."""
        said = b""
        with contextlib.suppress(OSError, EOFError):
            while self._channel.recv_stderr_ready():
                said += self._channel.recv_stderr(_LONGEST_LINE)
        return said.decode(errors="replace")

    def close(self) -> None:
        """Hang up: the command reads the end of its stdin."""
        with contextlib.suppress(Exception):
            self._channel.close()

    def _receive(self, timeout: float) -> bytes | None:
        """What has come; nothing at the end; None when time is up."""
        self._channel.settimeout(max(timeout, 0.0))
        try:
            return self._channel.recv(_LONGEST_LINE)
        except TimeoutError:
            return None
        except (OSError, EOFError):
            return b""
