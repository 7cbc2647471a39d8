"""Byte streams that HTTP can run over: a channel of the SSH connection, or a local socket."""

import contextlib
import io
import select
import socket
from typing import IO, Protocol

from paramiko.channel import Channel


class Stream(Protocol):
    """As much of a socket as http.client uses."""

    @property
    def ended(self) -> bool:
        """Whether the other side has hung up, as far as is known without asking."""
        ...

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        ...

    def makefile(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """A reader."""
        ...

    def settimeout(self, seconds: float | None) -> None:
        """Limit each read and write."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class ChannelStream:
    """A channel as a stream."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def ended(self) -> bool:
        """Whether the host closed it."""
        return bool(self._channel.closed or self._channel.eof_received)

    def complaint(self) -> str:
        """What the command behind the channel said on stderr."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.settimeout(2)
            return self._channel.recv_stderr(4096).decode(errors="replace").strip()
        return ""

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        self._channel.sendall(data)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """A reader; paramiko's own one reads byte by byte in Python."""
        del mode, buffering
        return io.BufferedReader(_Reader(self._channel), 64 * 1024)

    def settimeout(self, seconds: float | None) -> None:
        """Limit each read and write."""
        self._channel.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        """End a direction."""
        del how
        self._channel.shutdown_write()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


class _Reader(io.RawIOBase):
    """The receiving side of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._channel.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class SocketStream:
    """A connected local socket as a stream."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    @property
    def ended(self) -> bool:
        """Whether the other side hung up: nothing is expected, so being readable means that."""
        return bool(select.select([self._raw], [], [], 0)[0])

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        self._raw.sendall(data)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """A reader."""
        del mode, buffering
        return self._raw.makefile("rb")

    def settimeout(self, seconds: float | None) -> None:
        """Limit each read and write."""
        self._raw.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        """End a direction."""
        self._raw.shutdown(how)

    def close(self) -> None:
        """Close the socket."""
        self._raw.close()
