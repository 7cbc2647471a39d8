"""Hosts over SSH: one connection each, for scripts, files, commands and the Docker engine."""

import threading
import uuid
from collections.abc import Callable, Mapping

from provision.errors import UsageError
from provision.model.connection import SshTarget
from provision.transports.authentication import Keys
from provision.transports.connecting import Opener
from provision.transports.host_keys import HostKeys, forget_entry
from provision.transports.long_steps import DIRECTORY, LongSteps
from provision.transports.privilege import privilege
from provision.transports.routes import Route, route
from provision.transports.ssh_config import UserConfig
from provision.transports.ssh_session import DOCKER_SOCKET, SshSession

__all__ = ["SshSession", "SshTransport", "forget"]


class SshTransport:
    """Reaches hosts over SSH; implements `provision.model.session.Transport`.

    Args:
        targets: how each host is reached, by its name in the inventory.
        environment: the variables that are looked at (HOME, USER, SSH_AUTH_SOCK, passwords).
        ask_password: asks the person at the terminal; None when there is nobody.
        notice: told what the user should see (a host key that was recorded).
        unit_directory: where long steps live on hosts.
        docker_socket: the engine's socket on hosts.
    """

    def __init__(
        self,
        targets: Mapping[str, SshTarget],
        *,
        environment: Mapping[str, str],
        ask_password: Callable[[str], str] | None = None,
        notice: Callable[[str], None] | None = None,
        unit_directory: str = DIRECTORY,
        docker_socket: str = DOCKER_SOCKET,
    ) -> None:
        self._targets = dict(targets)
        self._environment = dict(environment)
        self._notice = notice
        self._ask = _asking_once(ask_password)
        self._keys = Keys(self._environment, self._ask)
        self._configs: dict[str | None, UserConfig] = {}
        self._lock = threading.Lock()
        self._docker_socket = docker_socket
        self._long_steps = LongSteps(uuid.uuid4().hex, unit_directory)

    def connect(self, host: str) -> SshSession:
        """Open a session, or raise a `provision.errors.HostError`."""
        target = self._target(host)
        opener = Opener(
            keys=self._keys,
            host_keys=HostKeys(target.known_hosts, target.host_key, self._notice),
            timeout=target.connect_timeout,
        )
        way = self._route(target)
        become = privilege(target.sudo, way.host.user, self._environment, self._ask, host)
        session = SshSession(
            target,
            route=way,
            opener=opener,
            privilege=become,
            long_steps=self._long_steps,
            docker_socket=self._docker_socket,
        )
        session.connect(target.wait)
        return session

    def forget(self, host: str) -> bool:
        """Remove the recorded key of a host that was made anew; says whether there was one."""
        target = self._target(host)
        hop = self._route(target).host
        return forget_entry(target.known_hosts, hop.address, hop.port)

    def _target(self, host: str) -> SshTarget:
        if host not in self._targets:
            raise UsageError(f"There is no host {host} in the inventory")
        return self._targets[host]

    def _route(self, target: SshTarget) -> Route:
        with self._lock:
            if target.ssh_config not in self._configs:
                self._configs[target.ssh_config] = UserConfig(target.ssh_config, self._environment)
            config = self._configs[target.ssh_config]
        return route(target, config, self._environment)


def _asking_once(ask: Callable[[str], str] | None) -> Callable[[str], str] | None:
    """*ask*, but each question once per run however many connections have it."""
    if ask is None:
        return None
    answers: dict[str, str] = {}
    lock = threading.Lock()

    def asking(question: str) -> str:
        with lock:
            if question not in answers:
                answers[question] = ask(question)
            return answers[question]

    return asking


def forget(known_hosts: str, target: SshTarget, environment: Mapping[str, str]) -> bool:
    """Remove what *known_hosts* records for *target*; says whether there was anything."""
    config = UserConfig(target.ssh_config, environment)
    hop = route(target, config, environment).host
    return forget_entry(known_hosts, hop.address, hop.port)
