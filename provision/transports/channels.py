"""One command over one channel: stdin in, output out, both bounded in size and time."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paramiko
from paramiko.channel import Channel
from paramiko.common import cMSG_CHANNEL_OPEN

from provision.errors import AuthenticationFailed, HostError, HostUnreachable
from provision.transports.failures import OutcomeUnknown, lost

OUTPUT_LIMIT = 16 * 1024 * 1024
GAVE_UP = 124  # what timeout(1) answers
KILLED = 137
_OPEN_TIMEOUT = 15.0
_FULL_FOR = 10.0
_FULL_PAUSE = 0.1
_AT_ONCE = 512 * 1024
_LINGER = 1.0
_WRONG_USER = b"Please login as the user"


class OutputTooLong(HostUnreachable):
    """A host that does not stop talking."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back from a command."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def open_session(transport: paramiko.Transport, where: str) -> Channel:
    """A channel for a command; nothing has been asked of the host when this fails.

    A server that has no place left (MaxSessions) is asked again for a while.
    """
    deadline = time.monotonic() + _FULL_FOR
    while True:
        try:
            return _session(transport, where)
        except paramiko.ChannelException as error:
            if time.monotonic() > deadline:
                raise lost(where, f"the server opens no more sessions: {error}") from error
        time.sleep(_FULL_PAUSE)


def _session(transport: paramiko.Transport, where: str) -> Channel:
    try:
        return transport.open_session(timeout=_OPEN_TIMEOUT)
    except paramiko.ChannelException:
        raise
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise lost(where, f"no channel could be opened: {error}") from error


def execute(
    channel: Channel,
    command: str,
    stdin: Iterable[bytes],
    *,
    where: str,
    timeout: float,
    listen: Callable[[bytes], None] | None = None,
) -> Heard:
    """Run *command* and hear it out; *listen* is told of its stdout as it comes.

    Raises:
        OutcomeUnknown: the connection broke on the way.
    """
    listener = _Listener(channel, where, time.monotonic() + timeout, listen)
    try:
        channel.settimeout(timeout)
        channel.exec_command(command)
        with _feeding(channel, stdin):
            return listener.hear()
    except HostError:
        raise  # some of ours are an OSError, too
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise OutcomeUnknown("The connection was lost", where=where, why=str(error)) from error
    finally:
        channel.close()


class _Bell(threading.Event):
    """Rings when data comes; paramiko's buffers may ring it but not silence it.

    Two buffers share it, and each would clear it when itself is empty.
    """

    def clear(self) -> None:
        """Left to `silence`."""

    def silence(self) -> None:
        """Wait for the next ring."""
        super().clear()


@dataclass(slots=True)
class _Listener:
    """Collects both streams of a channel until the command has ended."""

    channel: Channel
    where: str
    deadline: float
    listen: Callable[[bytes], None] | None = None
    _out: bytearray = field(default_factory=bytearray)
    _err: bytearray = field(default_factory=bytearray)
    _bell: _Bell = field(default_factory=_Bell)

    def hear(self) -> Heard:
        """Listen to the end, or to the deadline."""
        self.channel.in_buffer.set_event(self._bell)
        self.channel.in_stderr_buffer.set_event(self._bell)
        quiet_since = time.monotonic()
        while True:
            self._bell.silence()
            ended = self.channel.eof_received or self.channel.closed
            if self._drain():
                quiet_since = time.monotonic()
                continue
            if ended:
                return self._end()
            now = time.monotonic()
            if self.channel.exit_status_ready() and now - quiet_since > _LINGER:
                return self._end()  # a background child still holds the streams
            if now > self.deadline:
                return self._heard(GAVE_UP)
            self._bell.wait(min(_LINGER, self.deadline - now + 0.01))

    def _drain(self) -> bool:
        """Take what has come; says whether there was anything."""
        before = len(self._out) + len(self._err)
        while self.channel.recv_ready():
            piece = self.channel.recv(_AT_ONCE)
            self._out += piece
            if self.listen is not None:
                self.listen(piece)
        while self.channel.recv_stderr_ready():
            self._err += self.channel.recv_stderr(_AT_ONCE)
        if len(self._out) + len(self._err) > OUTPUT_LIMIT:
            raise OutputTooLong(
                f"The host sent more than {OUTPUT_LIMIT // 1024**2} MiB; it was cut off",
                where=self.where,
                hint="Does a start-up file of the login shell (.bashrc) print without end?",
            )
        if before == 0 and self._out.lstrip().startswith(_WRONG_USER):
            raise _wrong_user(self.where, bytes(self._out))
        return len(self._out) + len(self._err) > before

    def _end(self) -> Heard:
        self.channel.status_event.wait(max(0.0, min(self.deadline - time.monotonic(), 5.0)))
        code = self.channel.exit_status
        if code >= 0:
            return self._heard(code)
        transport = self.channel.get_transport()
        if not transport.is_active():
            raise OutcomeUnknown("The connection was lost", where=self.where)
        return self._heard(KILLED)  # ended by a signal: the server sends no exit status

    def _heard(self, code: int) -> Heard:
        return Heard(code, bytes(self._out), bytes(self._err))


def _wrong_user(where: str, text: bytes) -> AuthenticationFailed:
    said = text.decode(errors="replace").strip().splitlines()[0]
    return AuthenticationFailed(
        "The host lets this user in only to say that it is the wrong one",
        where=where,
        why=said,
        hint="Set `user` in the inventory to the one it names.",
    )


@contextlib.contextmanager
def _feeding(channel: Channel, stdin: Iterable[bytes]) -> Iterator[None]:
    """Send *stdin*; what is long is sent beside the listening, or both sides could wait."""
    pieces = iter(stdin)
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) > _AT_ONCE:
            break
    else:
        _send(channel, [bytes(head)])
        yield
        return
    whole = itertools.chain([bytes(head)], pieces)
    feeder = threading.Thread(target=_send, args=(channel, whole), daemon=True)
    feeder.start()
    yield
    feeder.join(_LINGER)


def _send(channel: Channel, pieces: Iterable[bytes]) -> None:
    """Send and close stdin; a command that ended without reading it all is no error."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        for piece in pieces:
            if piece:
                channel.sendall(piece)
        channel.shutdown_write()


def open_streamlocal(transport: paramiko.Transport, path: str, timeout: float) -> Channel:
    """A channel to a Unix socket on the host (OpenSSH's direct-streamlocal).

    paramiko's `open_channel` cannot encode this request (paramiko #544), so the message is put
    together here, on attributes that are the same in paramiko 4 and 5.

    Raises:
        paramiko.ChannelException: the server does not want to, or the socket cannot be opened.
    """
    server: Any = transport
    opened = threading.Event()
    with server.lock:
        window = server._sanitize_window_size(None)  # noqa: SLF001
        packet = server._sanitize_packet_size(None)  # noqa: SLF001
        number = server._next_channel()  # noqa: SLF001
        channel = Channel(number)
        server._channels.put(number, channel)  # noqa: SLF001
        server.channel_events[number] = opened
        server.channels_seen[number] = True
        unfinished: Any = channel
        unfinished._set_transport(transport)  # noqa: SLF001
        unfinished._set_window(window, packet)  # noqa: SLF001
    server._send_user_message(_streamlocal_request(number, window, packet, path))  # noqa: SLF001
    if not opened.wait(timeout):
        raise paramiko.SSHException("timed out opening a channel")
    if server._channels.get(number) is None:  # noqa: SLF001
        raise transport.get_exception() or paramiko.SSHException("the channel was refused")
    return channel


def _streamlocal_request(number: int, window: int, packet: int, path: str) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_OPEN)
    message.add_string("direct-streamlocal@openssh.com")
    message.add_int(number)
    message.add_int(window)
    message.add_int(packet)
    message.add_string(path)
    message.add_string("")  # reserved
    message.add_int(0)  # reserved
    return message
