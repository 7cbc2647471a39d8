"""TCP sockets that do not hold small packets back; nothing here knows SSH."""

import contextlib
import socket
import sys

_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", 12 if sys.platform == "linux" else None)
_USER_TIMEOUT: int | None = getattr(
    socket, "TCP_USER_TIMEOUT", 18 if sys.platform == "linux" else None
)
_UNACKNOWLEDGED_MS = 12_000


class PromptSocket:
    """A TCP socket without the 40 ms stalls of Nagle's algorithm and delayed acknowledgement.

    paramiko never sets TCP_NODELAY, and Linux forgets TCP_QUICKACK after each use: together they
    cost four stalls before the first command has run. So the option is set again after every
    `recv`. Everything else is the socket's own.
    """

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _USER_TIMEOUT is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, _UNACKNOWLEDGED_MS)

    def recv(self, size: int) -> bytes:
        """Receive, and ask for the next acknowledgement to be sent at once."""
        data = self._raw.recv(size)
        if _QUICK_ACK is not None:
            with contextlib.suppress(OSError):
                self._raw.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        return data

    def send(self, data: bytes) -> int:
        """Send what fits."""
        return self._raw.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """Limit how long `recv` and `send` block."""
        self._raw.settimeout(seconds)

    def gettimeout(self) -> float | None:
        """The limit in force."""
        return self._raw.gettimeout()

    def getpeername(self) -> tuple[str, int]:
        """Who is at the other end."""
        name = self._raw.getpeername()
        return name[0], name[1]

    def fileno(self) -> int:
        """The descriptor."""
        return self._raw.fileno()

    @property
    def _closed(self) -> bool:
        """Asked by paramiko when the program ends."""
        return self._raw.fileno() < 0

    def close(self) -> None:
        """Close the socket."""
        self._raw.close()


def dial(address: str, port: int, timeout: float) -> PromptSocket:
    """Open a TCP connection; *address* is a name or a literal and never anything else."""
    bare = address.removeprefix("[").removesuffix("]")
    return PromptSocket(socket.create_connection((bare, port), timeout))
