"""The ways to an engine's socket over an open SSH connection; the one that works is remembered.

The server opens the socket for us; or `docker system dial-stdio` does, where the server must not;
or that as root, where the user may not (someone just added to the docker group still may not).
"""

import threading
from collections.abc import Callable
from typing import IO, Literal, TypeAlias

import paramiko

from provision.transports.channels import open_session, open_streamlocal
from provision.transports.docker_api import EngineUnavailable
from provision.transports.privilege import Privilege
from provision.transports.streams import ChannelStream

_DIAL = ("docker", "system", "dial-stdio")
_CONNECT_FAILED = 2
_OPEN_TIMEOUT = 15.0
_NOISE = 100  # lines

Way: TypeAlias = Literal["socket", "dial", "sudo dial"]


class EngineWays:
    """Opens streams to the engine of one host.

    Args:
        transport: gives the live connection.
        privilege: how root is reached.
        where: the host's name.
    """

    def __init__(
        self,
        transport: Callable[[], paramiko.Transport],
        privilege: Privilege,
        where: str,
        socket: str,
    ) -> None:
        self._transport = transport
        self._privilege = privilege
        self._where = where
        self._socket = socket
        self._known: Way | None = None
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Try all ways again: the engine was installed, or it was restarted."""
        self._known = None

    def open(self, timeout: float) -> ChannelStream:
        """A stream to the engine."""
        with self._lock:
            if self._known is not None:
                try:
                    return self._opened(self._known, timeout)
                except (_SilentError, paramiko.SSHException):
                    self._known = None
            return self._first_that_works(timeout)

    def _first_that_works(self, timeout: float) -> ChannelStream:
        reasons: list[str] = []
        ways: list[Way] = ["socket"]
        while ways:
            way = ways.pop(0)
            try:
                stream = self._opened(way, timeout)
            except paramiko.ChannelException as error:
                reasons.append(f"{self._socket}: {error.text or error}")
                ways += self._others(error.code)
            except (_SilentError, paramiko.SSHException) as error:
                reasons.append(f"{way}: {error}")
            else:
                self._known = way
                return stream
        raise EngineUnavailable(
            "The Docker engine cannot be reached",
            where=self._where,
            why="; ".join(reasons),
            hint="Is Docker installed and running there (`systemctl status docker`)?",
        )

    def _others(self, code: int) -> list[Way]:
        """What is left when the server did not open the socket, the likeliest first.

        When it could not, the user may most likely not open it; but OpenSSH says the same where
        its configuration forbids it.
        """
        as_root: list[Way] = ["sudo dial"] if self._privilege.needed else []
        return [*as_root, "dial"] if code == _CONNECT_FAILED else ["dial", *as_root]

    def _opened(self, way: Way, timeout: float) -> ChannelStream:
        """A stream that works: a command's end of it is tried, since it opens in any case."""
        stream = self._open(way)
        if way != "socket":
            _prove(stream, timeout)
        return stream

    def _open(self, way: Way) -> ChannelStream:
        transport = self._transport()
        if way == "socket":
            return ChannelStream(open_streamlocal(transport, self._socket, _OPEN_TIMEOUT))
        prepared = self._privilege.prepare(_DIAL, sudo=way == "sudo dial")
        channel = open_session(transport, self._where)
        channel.settimeout(_OPEN_TIMEOUT)
        channel.exec_command(prepared.command)
        channel.sendall(prepared.preamble)
        return ChannelStream(channel)


class _SilentError(Exception):
    """Nothing answers at the other end."""


def _answer(reader: IO[bytes]) -> bytes:
    """The engine's first line; what a login says before (a greeting, a profile) is passed over."""
    for _ in range(_NOISE):
        line = reader.readline()
        if not line or line.startswith(b"HTTP/"):
            return line
    return b""


def _prove(stream: ChannelStream, timeout: float) -> None:
    """Get one answer through the stream, so that a way that does not work is not remembered."""
    stream.settimeout(timeout)
    try:
        stream.sendall(b"HEAD /_ping HTTP/1.1\r\nHost: engine\r\n\r\n")
        with stream.makefile() as reader:
            answered = _answer(reader)
            while reader.readline().strip():
                pass
    except (OSError, EOFError) as error:
        stream.close()
        raise _SilentError(str(error)) from error
    if not answered.startswith(b"HTTP/"):
        said = stream.complaint()
        stream.close()
        raise _SilentError(said.splitlines()[0] if said else "no answer")
