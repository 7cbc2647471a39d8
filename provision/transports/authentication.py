"""Letting ourselves in: which keys are tried, in which order, and what a refusal means.

Order: the key that the inventory names, the agent's keys, those of ssh_config, default keys.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.agent import AgentSSH

from provision.errors import AuthenticationFailed
from provision.transports.routes import Hop

PASSPHRASE_VARIABLE = "SWARMLAY_KEY_PASSPHRASE"  # noqa: S105 - a name, not a secret
_MANY = 5
_REFUSED_KEY = (
    "Check `user` and `key` in the inventory. Usual users: admin or debian (Debian), ubuntu, "
    "ec2-user (Amazon Linux), vagrant."
)


class Agent(AgentSSH):
    """The SSH agent behind a socket that is named, not looked up in the process's environment."""

    def __init__(self, path: str | None) -> None:
        super().__init__()
        if not path:
            return
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(5)
        with contextlib.suppress(OSError, paramiko.SSHException):
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]
            return
        connection.close()

    def held(self) -> tuple[paramiko.PKey, ...]:
        """The agent's keys; none when there is no agent."""
        return tuple(self.get_keys())

    def close(self) -> None:
        """Leave the agent."""
        self._close()  # type: ignore[attr-defined]


class Keys:
    """Key files, each read and unlocked once per run; may be used by several threads."""

    def __init__(
        self, environment: Mapping[str, str], ask: Callable[[str], str] | None = None
    ) -> None:
        self._environment = environment
        self._ask = ask
        self._lock = threading.Lock()
        self._loaded: dict[str, paramiko.PKey] = {}

    @property
    def agent_socket(self) -> str | None:
        """Where the agent listens."""
        return self._environment.get("SSH_AUTH_SOCK")

    def load_named(self, path: str, where: str) -> paramiko.PKey:
        """The key in *path*, or the reason why it cannot be had."""
        with self._lock:
            if path not in self._loaded:
                self._loaded[path] = self._read(path, where, ask=True)
            return self._loaded[path]

    def load(self, path: str, where: str, *, ask: bool) -> paramiko.PKey | None:
        """The key in *path*; None when it cannot be had (without asking, unless *ask*)."""
        with self._lock:
            if path in self._loaded:
                return self._loaded[path]
            try:
                self._loaded[path] = self._read(path, where, ask=ask)
            except AuthenticationFailed:
                return None
            return self._loaded[path]

    def _read(self, path: str, where: str, *, ask: bool) -> paramiko.PKey:
        try:
            return _parse(path, None)
        except _LockedError:
            passphrase = self._passphrase(path, where, ask=ask)
        except (OSError, ValueError, paramiko.SSHException, UnsupportedAlgorithm) as error:
            raise _unreadable(path, where, error) from error
        try:
            return _parse(path, passphrase)
        except (_LockedError, ValueError, paramiko.SSHException) as error:
            raise AuthenticationFailed(
                f"The passphrase does not open {path}",
                where=where,
                hint=f"Try again, unlock it with ssh-add, or set {PASSPHRASE_VARIABLE}.",
            ) from error

    def _passphrase(self, path: str, where: str, *, ask: bool) -> bytes:
        given = self._environment.get(PASSPHRASE_VARIABLE)
        if given is None and self._ask is not None and ask:
            given = self._ask(f"Passphrase for {path}: ")
        if given is None:
            raise AuthenticationFailed(
                f"The key {path} needs a passphrase and nobody can be asked for it",
                where=where,
                hint=f"Unlock it with `ssh-add {path}`, or set {PASSPHRASE_VARIABLE}.",
            )
        return given.encode()


class _LockedError(Exception):
    """The key file is encrypted."""


def _parse(path: str, passphrase: bytes | None) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path, passphrase)  # type: ignore[arg-type]
    except TypeError as error:  # what cryptography raises for an encrypted key
        raise _LockedError from error
    except paramiko.PasswordRequiredException as error:
        raise _LockedError from error
    except ValueError as error:
        if passphrase is None and "encrypted" in str(error).lower():
            raise _LockedError from error
        raise


def _unreadable(path: str, where: str, error: Exception) -> AuthenticationFailed:
    if isinstance(error, FileNotFoundError):
        return AuthenticationFailed(
            f"There is no key file {path}", where=where, hint="Correct `key` in the inventory."
        )
    why = getattr(error, "strerror", None) or str(error).partition(". ")[0]
    return AuthenticationFailed(
        f"{path} is not a private key that can be read", where=where, why=why
    )


class Entry:
    """Logs in on one transport with one hop's keys."""

    def __init__(self, hop: Hop, keys: Keys) -> None:
        self._hop = hop
        self._keys = keys
        self._tried: list[str] = []

    def authenticate(self, transport: paramiko.Transport) -> list[str]:
        """Try each key in turn; paramiko's `AuthStrategy` by another name."""
        agent = Agent(self._keys.agent_socket)
        try:
            for label, key in self._candidates(agent):
                if self._lets_in(transport, label, key):
                    return self._tried
        finally:
            agent.close()
        raise self._refused(len(agent.held()))

    def _lets_in(self, transport: paramiko.Transport, label: str, key: paramiko.PKey) -> bool:
        self._tried.append(label)
        try:
            more = transport.auth_publickey(self._hop.user, key)
        except paramiko.BadAuthenticationType as error:
            raise AuthenticationFailed(
                "The host takes no keys",
                where=self._hop.name,
                why=f"it wants {', '.join(error.allowed_types)}",
                hint=f"Allow public keys for {self._hop.user} in its sshd_config.",
            ) from error
        except paramiko.AuthenticationException as error:
            if not transport.is_active():
                raise self._thrown_out(error) from error
            return False
        except (paramiko.SSHException, EOFError) as error:
            if not transport.is_active():
                raise self._thrown_out(error) from error
            return False
        if more:
            raise AuthenticationFailed(
                "The host wants more than a key", where=self._hop.name, why=", ".join(more)
            )
        return True

    def _candidates(self, agent: Agent) -> Iterator[tuple[str, paramiko.PKey]]:
        """Keys in the order they are tried, none twice."""
        seen: set[bytes] = set()
        for label, key in self._all_candidates(agent):
            if key.asbytes() not in seen:
                seen.add(key.asbytes())
                yield label, key

    def _all_candidates(self, agent: Agent) -> Iterator[tuple[str, paramiko.PKey]]:
        hop, where = self._hop, self._hop.name
        if hop.key is not None:
            yield hop.key, _held(agent, hop.key) or self._keys.load_named(hop.key, where)
        for key in agent.held():
            if not hop.identities_only or any(_is(key, file) for file in hop.key_files):
                yield f"agent key {key.get_name()}", key
        files = [file for file in hop.key_files if Path(file).exists()]
        for ask in (False, True):  # nobody is asked for a passphrase while another key may do
            for file in files:
                found = _held(agent, file) or self._keys.load(file, where, ask=ask)
                if found is not None:
                    yield file, found

    def _thrown_out(self, error: Exception) -> AuthenticationFailed:
        return AuthenticationFailed(
            "The host ended the connection while we were logging in",
            where=self._hop.name,
            why=f"after {len(self._tried)} keys: {error}",
            hint="It allows few attempts: name the right key with `key` in the inventory "
            "(it is tried first), or set IdentitiesOnly in ssh_config.",
        )

    def _refused(self, held: int) -> AuthenticationFailed:
        tried = ", ".join(self._tried) or "no key found"
        hint = _REFUSED_KEY
        if held > _MANY:
            hint += f" The agent holds {held} keys; name the right one with `key`."
        return AuthenticationFailed(
            f"The host does not let {self._hop.user} in",
            where=self._hop.name,
            why=f"tried {tried}{self._locked_files()}",
            hint=hint,
        )

    def _locked_files(self) -> str:
        """The key files that were passed over, so that a passphrase is not forgotten."""
        unused = [f for f in self._hop.key_files if Path(f).exists() and f not in self._tried]
        return f"; not tried, cannot be unlocked or read: {', '.join(unused)}" if unused else ""


def _held(agent: Agent, path: str) -> paramiko.PKey | None:
    """The agent's key that belongs to the file *path*: it needs no passphrase."""
    return next((key for key in agent.held() if _is(key, path)), None)


def _is(key: paramiko.PKey, path: str) -> bool:
    """Whether *key* is the one whose public half stands beside *path*."""
    public = Path(path if path.endswith(".pub") else f"{path}.pub")
    with contextlib.suppress(OSError, IndexError, UnicodeDecodeError):
        return public.read_text(encoding="utf-8").split()[1] == key.get_base64()
    return False
