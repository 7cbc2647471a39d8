"""One host's session over SSH: what is asked and done goes through its single connection."""

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paramiko

from provision.errors import ActionFailed, HostUnreachable
from provision.model.actions import Docker, DockerOperation, Ref, Step
from provision.model.connection import SshTarget
from provision.model.probes import Answer
from provision.transports.channels import Heard, execute, open_session
from provision.transports.connecting import Connection, Opener
from provision.transports.failures import NotYetReachable, OutcomeUnknown, lost, outcome_unknown
from provision.transports.long_steps import LongSteps
from provision.transports.pipes import ChannelPipe
from provision.transports.privilege import Prepared, Privilege, with_preamble
from provision.transports.routes import Route
from provision.transports.shell import answer
from provision.transports.steps import Performer

if TYPE_CHECKING:
    from provision.transports.docker_api import Engine

_COMMANDS_AT_ONCE = 5  # sshd allows ten sessions a connection; pipes and the engine need some
_RECONNECT_WAIT = 10.0
DOCKER_SOCKET = "/var/run/docker.sock"
_SCRIPT = ("sh", "-s")
_VARIABLE = re.compile(r"^([A-Za-z_]\w*)=.*", re.DOTALL)

log = logging.getLogger(__name__)


class SshSession:
    """An open way to one host; implements `provision.model.session.Session`."""

    def __init__(
        self,
        target: SshTarget,
        *,
        route: Route,
        opener: Opener,
        privilege: Privilege,
        long_steps: LongSteps,
        docker_socket: str,
    ) -> None:
        self._target = target
        self._route = route
        self._opener = opener
        self._privilege = privilege
        self._performer = Performer(self, self._engine_door, long_steps)
        self._docker_socket = docker_socket
        self._connection: Connection | None = None
        self._closed = threading.Event()
        self._connecting = threading.Lock()
        self._slots = threading.BoundedSemaphore(_COMMANDS_AT_ONCE)
        self._the_engine: Engine | None = None
        self._engine_made = threading.Lock()

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._target.name

    def connect(self, wait: float) -> Connection:
        """The live connection, opened anew where it was lost."""
        with self._connecting:
            self._refuse_if_closed()
            if self._connection is None or not self._connection.alive:
                if self._connection is not None:
                    self._connection.close()
                self._connection = self._opener.open(self._route, wait=wait, given_up=self._closed)
            self._refuse_if_closed()
            return self._connection

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            if self._connection is not None:
                self._connection.close()
            raise lost(self.host, "the session was closed")

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """Run a read-only POSIX sh script and return all of its output."""
        stdin = (script.encode(),)
        return self.execute(_SCRIPT, stdin, sudo=sudo, timeout=timeout, repeatable=True)

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

    def open(self, words: Sequence[str], *, sudo: bool = True) -> ChannelPipe:
        """Start a command that is talked with line by line."""
        prepared = self._privilege.prepare(words, sudo=sudo)
        transport = self._transport()
        return ChannelPipe(open_session(transport, self.host), prepared, self.host)

    def close(self) -> None:
        """End the session, also under those who wait in it; closing twice is fine."""
        self._closed.set()
        if self._connection is not None:
            self._connection.close()
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
        doing = doing or _short(words)
        log.debug("host=%s command=%s", self.host, doing)
        asked = _Asked(self._privilege.prepare(words, sudo=sudo), stdin, timeout, listen)
        try:
            heard = self._hear(asked)
        except NotYetReachable:  # the connection was lost while idle: nothing was asked
            heard = self._hear_again(asked, doing)
        except OutcomeUnknown as error:
            if not repeatable:
                raise outcome_unknown(self.host, doing) from error
            heard = self._hear_again(asked, doing)
        self._privilege.judge(heard, sudo=sudo, where=self.host)
        return answer(heard)

    def _hear(self, asked: "_Asked") -> Heard:
        whole = with_preamble(asked.prepared.preamble, asked.stdin)
        with self._slots:
            return execute(
                open_session(self._transport(), self.host),
                asked.prepared.command,
                whole,
                where=self.host,
                timeout=asked.timeout,
                listen=asked.listen,
            )

    def _hear_again(self, asked: "_Asked", doing: str) -> Heard:
        try:
            return self._hear(asked)
        except OutcomeUnknown as error:
            raise outcome_unknown(self.host, doing) from error

    def _transport(self) -> paramiko.Transport:
        return self.connect(max(self._target.wait, _RECONNECT_WAIT)).transport

    def _engine_door(
        self,
        operation: DockerOperation,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        progress: Callable[[str], None] | None = None,
    ) -> Any:
        """Carry out one operation on the engine."""
        from provision.transports.docker_operations import CHANGES, operate  # noqa: PLC0415 - 60 ms

        changes = operation in CHANGES
        for again in (not changes, False):
            connection = self.connect(max(self._target.wait, _RECONNECT_WAIT))
            try:
                return operate(self._engine(), operation, arguments, timeout, progress)
            except (HostUnreachable, ActionFailed) as error:
                if isinstance(error, ActionFailed) and connection.alive:
                    raise
                if not again:
                    what = f"docker {operation}"
                    raise (outcome_unknown if changes else lost)(self.host, what) from error
        raise AssertionError("the loop returns or raises")

    def _engine(self) -> "Engine":
        """The engine's client, made when the first operation needs it."""
        from provision.transports.docker_api import Engine  # noqa: PLC0415
        from provision.transports.engine_ways import EngineWays  # noqa: PLC0415

        with self._engine_made:
            if self._the_engine is None:
                ways = EngineWays(self._transport, self._privilege, self.host, self._docker_socket)
                self._the_engine = Engine(ways.open, self.host)
            return self._the_engine


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command that may have to be asked twice."""

    prepared: Prepared
    stdin: Iterable[bytes]
    timeout: float
    listen: Callable[[bytes], None] | None


def _short(words: Sequence[str]) -> str:
    """The words as an error or log shows them: without scripts and values of variables."""
    shown = ["…" if "\n" in word else _VARIABLE.sub(r"\1=…", word) for word in words]
    text = " ".join(shown)
    return text if len(text) <= 120 else f"{text[:120]}…"  # noqa: PLR2004
