"""Opening the one connection to a host: bastions, host keys, log-in, and waiting for a boot.

Fabric opens it, over a socket that is prepared here (see `provision.transports.sockets`).
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import fabric
import paramiko

from provision.errors import HostError
from provision.transports.authentication import Entry, Keys
from provision.transports.failures import (
    HandshakeFailed,
    NotYetReachable,
    dial_failure,
    handshake_failure,
)
from provision.transports.host_keys import HostKeys
from provision.transports.routes import Hop, Route
from provision.transports.sockets import dial

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
# sshd drops connections at random while ten are logging in (MaxStartups): behind one bastion many
# may. Who is thrown out at once tries again for a while.
_AT_ONCE = 0.9
_AT_THE_DOOR = 4.0
_PULSE_EVERY = 5.0
_PULSE_ANSWER = 10.0
# Cheapest first: curve25519 costs 1 ms; the others are for servers that do not have it.
_EXCHANGES = ("curve25519-sha256@libssh.org", "mlkem768x25519-sha256")


class _Stream(Protocol):
    """What a connection runs over: a socket or a channel of another connection."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Connection:
    """An open SSH connection to a host, with the connections to its bastions.

    Attributes:
        transport: paramiko's end of it.
    """

    transport: paramiko.Transport
    user: str
    _fabric: list[Any] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def alive(self) -> bool:
        """Whether it can still be used."""
        return self.transport.is_active()

    def close(self) -> None:
        """Close it, the host first and the nearest bastion last."""
        self._ended.set()
        for connection in reversed(self._fabric):
            with contextlib.suppress(Exception):
                connection.close()

    def keep_alive(self) -> None:
        """Notice within 15 s that the other end is gone, however it went."""
        threading.Thread(
            target=self._pulse, name=f"pulse-{self.transport.name}", daemon=True
        ).start()

    def _pulse(self) -> None:
        while not self._ended.wait(_PULSE_EVERY) and self.alive:
            if not _answers(self.transport):
                self.transport.close()


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens connections of one run."""

    keys: Keys
    host_keys: HostKeys
    timeout: float
    clock: Callable[[], float] = time.monotonic

    def open(self, route: Route, *, wait: float, given_up: threading.Event) -> Connection:
        """Connect; a host that boots is tried again for *wait* seconds, or until *given_up*."""
        _keep_paramiko_quiet()
        began = self.clock()
        pause = _FIRST_PAUSE
        while True:
            tried = self.clock()
            try:
                return self._open_once(route)
            except NotYetReachable as error:
                thrown_out = isinstance(error, HandshakeFailed) and self.clock() - tried < _AT_ONCE
                patience = max(wait, _AT_THE_DOOR) if thrown_out else wait
                late = self.clock() + pause > began + patience
                if late or given_up.wait(pause):
                    raise _waited(error, wait) from error
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _open_once(self, route: Route) -> Connection:
        opened: list[Any] = []
        try:
            for hop in (*route.bastions, route.host):
                opened.append(self._open_hop(hop, opened))
        except BaseException:
            for connection in reversed(opened):
                connection.close()
            raise
        connection = Connection(opened[-1].transport, route.host.user, opened)
        connection.keep_alive()
        return connection

    def _open_hop(self, hop: Hop, before: list[Any]) -> Any:
        stream = self._stream(hop, before)
        connection = fabric.Connection(
            host=hop.address,
            user=hop.user,
            port=hop.port,
            gateway=False,
            config=fabric.Config(
                lazy=True,
                ssh_config=paramiko.SSHConfig(),
                overrides={"authentication": {"strategy_class": self._strategy(hop)}},
            ),
            connect_timeout=self.timeout,
            connect_kwargs={
                "sock": stream,
                "transport_factory": self._transport_factory(hop),
                "banner_timeout": self.timeout,
                "auth_timeout": max(self.timeout, 20.0),
                "channel_timeout": 15.0,
            },
        )
        connection.client.set_missing_host_key_policy(_Judge(self.host_keys, hop))
        try:
            connection.open()
        except HostError:
            connection.client.close()
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            connection.client.close()
            stream.close()
            raise handshake_failure(error, where=hop.name, address=hop.address) from error
        return connection

    def _stream(self, hop: Hop, before: list[Any]) -> _Stream:
        try:
            if not before:
                return dial(hop.address, hop.port, self.timeout)
            transport: paramiko.Transport = before[-1].transport
            return transport.open_channel(
                "direct-tcpip", (hop.address, hop.port), ("127.0.0.1", 0), timeout=self.timeout
            )
        except OSError as error:
            raise dial_failure(error, where=hop.name, address=hop.address, port=hop.port) from error
        except paramiko.SSHException as error:
            raise NotYetReachable(
                f"The bastion cannot connect to {hop.address} port {hop.port}",
                where=hop.name,
                why=str(error),
                hint="Is the host up, and may the bastion reach it (AllowTcpForwarding)?",
            ) from error

    def _strategy(self, hop: Hop) -> Callable[..., Entry]:
        def strategy(**_settings: object) -> Entry:
            return Entry(hop, self.keys)

        return strategy

    def _transport_factory(self, hop: Hop) -> Callable[..., paramiko.Transport]:
        def factory(sock: Any, **settings: Any) -> paramiko.Transport:
            transport = paramiko.Transport(sock, **settings)
            options = transport.get_security_options()
            options.kex = (
                *(name for name in _EXCHANGES if name in options.kex),
                *(name for name in options.kex if name not in _EXCHANGES),
            )
            options.key_types = self.host_keys.algorithms(
                hop.address, hop.port, tuple(options.key_types)
            )
            return transport

        return factory


def _keep_paramiko_quiet() -> None:
    """What goes wrong is told by our errors; without a handler paramiko's log is on stderr."""
    log = logging.getLogger("paramiko")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


class _Judge(paramiko.MissingHostKeyPolicy):
    """Hands every host key to `HostKeys`: paramiko itself is told of none."""

    def __init__(self, host_keys: HostKeys, hop: Hop) -> None:
        self._host_keys = host_keys
        self._hop = hop

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Accept the key or raise."""
        del client, hostname
        self._host_keys.judge(self._hop.address, self._hop.port, key, self._hop.name)


def _answers(transport: paramiko.Transport) -> bool:
    """Ask the server for something it does not know; any answer will do."""
    answered = threading.Event()
    try:
        transport.completion_event = answered
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # noqa: FBT003 - want_reply, positional in paramiko
        transport._send_user_message(message)  # type: ignore[attr-defined]  # noqa: SLF001
    except (OSError, EOFError, paramiko.SSHException):
        return False
    return answered.wait(_PULSE_ANSWER)


def _waited(error: NotYetReachable, wait: float) -> NotYetReachable:
    if not wait:
        return error
    return NotYetReachable(
        error.what, where=error.where, why=f"{error.why}; waited {wait:.0f} s", hint=error.hint
    )
