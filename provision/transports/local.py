"""This machine as a host: the same contract without SSH."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from provision.errors import HostUnreachable
from provision.model.actions import Docker, DockerOperation, Ref, Step
from provision.model.connection import Sudo
from provision.model.probes import Answer
from provision.transports.channels import GAVE_UP, OUTPUT_LIMIT, Heard, OutputTooLong
from provision.transports.failures import lost
from provision.transports.long_steps import DIRECTORY, LongSteps
from provision.transports.privilege import Privilege, privilege, with_preamble
from provision.transports.shell import answer
from provision.transports.steps import Performer

if TYPE_CHECKING:
    from provision.transports.docker_api import Engine

_SOCKET = "/var/run/docker.sock"
_PIECE = 64 * 1024
_LINGER = 1.0


class LocalTransport:
    """Reaches this machine under the names given; implements `model.session.Transport`."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        sudo: Sudo = Sudo(),  # noqa: B008 - frozen
        ask_password: Callable[[str], str] | None = None,
        docker_socket: str = _SOCKET,
        unit_directory: str = DIRECTORY,
    ) -> None:
        self._environment = dict(environment)
        self._sudo = sudo
        self._ask = ask_password
        self._docker_socket = docker_socket
        self._long_steps = LongSteps(uuid.uuid4().hex, unit_directory)

    def connect(self, host: str) -> "LocalSession":
        """Open a session; this machine is always there."""
        user = "root" if os.geteuid() == 0 else self._environment.get("USER", "")
        become = privilege(self._sudo, user, self._environment, self._ask, host)
        return LocalSession(host, become, self._docker_socket, self._long_steps)


class LocalSession:
    """A way to this machine; implements `provision.model.session.Session`."""

    def __init__(
        self, host: str, privilege: Privilege, docker_socket: str, long_steps: LongSteps
    ) -> None:
        self._host = host
        self._privilege = privilege
        self._docker_socket = docker_socket
        self._performer = Performer(self, self._engine_door, long_steps)
        self._the_engine: Engine | None = None
        self._engine_made = threading.Lock()
        self._closed = False

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """Run a read-only POSIX sh script and return all of its output."""
        stdin = (script.encode(),)
        return self.execute(("sh", "-s"), stdin, sudo=sudo, timeout=timeout, repeatable=True)

    def do(
        self,
        step: Step,
        values: Mapping[Ref, str],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Answer:
        """Carry out one step."""
        return self._performer.perform(step, values, progress)

    def docker(self, operation: DockerOperation, arguments: Mapping[str, Any]) -> Any:
        """Ask the engine; JSON data comes back."""
        return self._engine_door(operation, arguments, timeout=Docker(operation).timeout)

    def open(self, words: Sequence[str], *, sudo: bool = True) -> "ProcessPipe":
        """Start a command that is talked with line by line."""
        prepared = self._privilege.prepare(words, sudo=sudo)
        return ProcessPipe(_started(prepared.words), prepared.preamble, self.host)

    def close(self) -> None:
        """End the session; closing twice is fine."""
        self._closed = True
        if self._the_engine is not None:
            self._the_engine.close()

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
        """Run a command; see `provision.transports.shell.Shell`."""
        del repeatable, doing
        if self._closed:
            raise lost(self.host, "the session was closed")
        prepared = self._privilege.prepare(words, sudo=sudo)
        whole = with_preamble(prepared.preamble, stdin)
        heard = _hear(prepared.words, whole, timeout, where=self.host, listen=listen)
        self._privilege.judge(heard, sudo=sudo, where=self.host)
        return answer(heard)

    def _engine_door(
        self,
        operation: DockerOperation,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        progress: Callable[[str], None] | None = None,
    ) -> Any:
        from provision.transports.docker_operations import operate  # noqa: PLC0415 - 60 ms

        return operate(self._engine(), operation, arguments, timeout, progress)

    def _engine(self) -> "Engine":
        from provision.transports.docker_api import Engine  # noqa: PLC0415

        with self._engine_made:
            if self._the_engine is None:
                self._the_engine = Engine(self._dial, self.host)
            return self._the_engine

    def _dial(self, timeout: float) -> Any:
        from provision.transports.docker_api import EngineUnavailable  # noqa: PLC0415
        from provision.transports.streams import SocketStream  # noqa: PLC0415

        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(timeout)
        try:
            raw.connect(self._docker_socket)
        except OSError as error:
            raw.close()
            raise EngineUnavailable(
                "The Docker engine cannot be reached",
                where=self.host,
                why=f"{self._docker_socket}: {error.strerror or error}",
                hint="Is Docker installed and running, and may this user use it?",
            ) from error
        return SocketStream(raw)


def _started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, so that it can be ended with all it has started."""
    return subprocess.Popen(  # noqa: S603 - words, no shell
        list(words),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _hear(
    words: Sequence[str],
    stdin: Iterable[bytes],
    timeout: float,
    *,
    where: str,
    listen: Callable[[bytes], None] | None,
) -> Heard:
    deadline = time.monotonic() + timeout
    process = _started(words)
    out, err = _Collector(process.stdout, listen), _Collector(process.stderr)
    threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True).start()
    while process.poll() is None and time.monotonic() < deadline:
        if len(out.data) + len(err.data) > OUTPUT_LIMIT:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(0.2, max(0.0, deadline - time.monotonic())))
    ended = process.poll()
    if ended is None:
        _end(process)
    out.thread.join(_LINGER)  # a background child may hold the streams
    err.thread.join(_LINGER)
    if len(out.data) + len(err.data) > OUTPUT_LIMIT:
        raise OutputTooLong("The command printed too much; it was cut off", where=where)
    code = GAVE_UP if ended is None else ended
    return Heard(code if code >= 0 else 128 - code, bytes(out.data), bytes(err.data))


class _Collector:
    """Reads a stream in a thread of its own, up to a limit."""

    def __init__(
        self, stream: IO[bytes] | None, listen: Callable[[bytes], None] | None = None
    ) -> None:
        self.data = bytearray()
        self._listen = listen
        self._stream = stream
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        if self._stream is None:
            return
        with self._stream as stream:
            while piece := os.read(stream.fileno(), _PIECE):
                self.data += piece
                if self._listen is not None:
                    self._listen(piece)
                if len(self.data) > OUTPUT_LIMIT:
                    return


def _feed(stream: IO[bytes] | None, pieces: Iterable[bytes]) -> None:
    if stream is None:
        return
    with contextlib.suppress(OSError):
        for piece in pieces:
            stream.write(piece)
    with contextlib.suppress(OSError):
        stream.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LINGER)


class ProcessPipe:
    """A long-lived local command; implements `provision.model.session.Pipe`."""

    def __init__(self, process: subprocess.Popen[bytes], preamble: bytes, where: str) -> None:
        self._process = process
        self._where = where
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._errors = _Collector(process.stderr)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if preamble:
            self.send(preamble.decode())

    @property
    def closed(self) -> bool:
        """Whether the command has ended."""
        return self._process.poll() is not None

    def send(self, text: str) -> None:
        """Write to its stdin."""
        stdin = self._process.stdin
        if stdin is None:
            return
        try:
            stdin.write(text.encode())
            stdin.flush()
        except (OSError, ValueError) as error:
            raise HostUnreachable(
                "The command has ended", where=self._where, why=str(error)
            ) from error

    def readline(self, timeout: float) -> str | None:
        """Its next line; None after *timeout* seconds."""
        try:
            line = self._lines.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)
            raise EOFError(f"{self._where}: the command has ended")
        return line

    def complaint(self) -> str:
        """What it has said on stderr so far."""
        return bytes(self._errors.data).decode(errors="replace")

    def close(self) -> None:
        """Let it read the end of its stdin, and end it if it does not end by itself."""
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LINGER)
        if self._process.poll() is None:
            _end(self._process)
        self._reader.join(_LINGER)
        self._errors.thread.join(_LINGER)

    def _read(self) -> None:
        if self._process.stdout is not None:
            with self._process.stdout as stream:
                for line in stream:
                    self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)
