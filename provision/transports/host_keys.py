"""Pinned host keys: one known_hosts file per cluster, its policy, and how to forget an entry.

The user's own known_hosts is neither read nor written.
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko

from provision.errors import HostKeyMismatch, UsageError
from provision.model.connection import HostKeyPolicy

_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")


def entry_name(address: str, port: int) -> str:
    """How the file names a host: always with its port, as ``[address]:port``."""
    return f"[{address.removeprefix('[').removesuffix(']')}]:{port}"


def fingerprint(key: paramiko.PKey) -> str:
    """OpenSSH's SHA256 fingerprint of *key*."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return f"{key.get_name()} SHA256:{b64encode(digest).decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The keys that hosts of one cluster have shown before.

    Attributes:
        path: the known_hosts file.
        policy: what happens to a host that has no entry.
        notice: told when a key is recorded.
    """

    path: str
    policy: HostKeyPolicy
    notice: Callable[[str], None] | None = None

    def algorithms(self, address: str, port: int, offered: tuple[str, ...]) -> tuple[str, ...]:
        """*offered* with those of the recorded keys first, so that the host shows a known one."""
        if self.policy == "off":
            return offered
        first: list[str] = []
        for key in self.recorded(address, port):
            name = key.get_name()
            first += _RSA_SIGNATURES if name == "ssh-rsa" else (name,)
        known = [name for name in first if name in offered]
        return (*known, *(name for name in offered if name not in known))

    def recorded(self, address: str, port: int) -> tuple[paramiko.PKey, ...]:
        """The keys on record for one host."""
        names = [entry_name(address, port), *([address] if port == 22 else [])]  # noqa: PLR2004
        file = _read(self.path)
        return tuple(key for name in names for key in (file.lookup(name) or {}).values())

    def judge(self, address: str, port: int, key: paramiko.PKey, where: str) -> None:
        """Accept or record *key*, or raise `HostKeyMismatch`."""
        if self.policy == "off":
            return
        known = self.recorded(address, port)
        if not known and self.policy == "accept-new":
            known = self._record(address, port, key, where)
        if not known:
            raise _unknown(self.path, address, port, key, where)
        if key not in known:
            raise _changed(known, key, where)

    def _record(
        self, address: str, port: int, key: paramiko.PKey, where: str
    ) -> tuple[paramiko.PKey, ...]:
        """Record *key* unless somebody else recorded one for this host meanwhile."""
        with _locked(self.path):
            if known := self.recorded(address, port):
                return known
            line = f"{entry_name(address, port)} {key.get_name()} {key.get_base64()}\n"
            _replace(self.path, _text(self.path) + line)
        if self.notice is not None:
            self.notice(f"{where}: recorded the host key {fingerprint(key)}")
        return (key,)


def forget_entry(path: str, address: str, port: int) -> bool:
    """Remove what *path* records for a host; says whether there was anything."""
    if not Path(path).exists():
        return False
    names = {entry_name(address, port), *([address] if port == 22 else [])}  # noqa: PLR2004
    with _locked(path):
        lines = _text(path).splitlines(keepends=True)
        kept = [line for line in lines if not _names(line, names)]
        if len(kept) == len(lines):
            return False
        _replace(path, "".join(kept))
    return True


def _names(line: str, names: set[str]) -> bool:
    """Whether a line of known_hosts speaks of one of *names* (hashed entries included)."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return False
    if words[0].startswith("|1|"):
        return any(paramiko.HostKeys.hash_host(name, words[0]) == words[0] for name in names)
    return not names.isdisjoint(words[0].split(","))


def _unknown(path: str, address: str, port: int, key: paramiko.PKey, where: str) -> HostKeyMismatch:
    return HostKeyMismatch(
        "The host's key is not on record",
        where=where,
        why=f"it shows {fingerprint(key)}, and host_key is strict",
        hint=f"Compare the fingerprint with the host's, then add its key to {path} as "
        f"'{entry_name(address, port)} {key.get_name()} …', or use host_key: accept-new once.",
    )


def _changed(known: tuple[paramiko.PKey, ...], key: paramiko.PKey, where: str) -> HostKeyMismatch:
    host = where.partition(" ")[0]
    return HostKeyMismatch(
        "The host's key has changed; somebody else may be answering",
        where=where,
        why=f"on record is {', '.join(fingerprint(k) for k in known)}, it shows {fingerprint(key)}",
        hint=f"If the host was made anew: swarmlay hosts forget {host}",
    )


def _read(path: str) -> paramiko.HostKeys:
    file = paramiko.HostKeys()
    if Path(path).exists():
        try:
            file.load(path)
        except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
            raise UsageError(
                "The file of known host keys cannot be read", where=path, why=str(error)
            ) from error
    return file


def _text(path: str) -> str:
    file = Path(path)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return text if not text or text.endswith("\n") else text + "\n"


def _replace(path: str, text: str) -> None:
    """Write the file so that a reader sees the old or the new one, never a part."""
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(target)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold the file's lock: ten connections may each have a key to record."""
    Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
