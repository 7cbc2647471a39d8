"""Vagrant's machines, as ``vagrant ssh-config`` describes them.

Their addresses are 127.0.0.1 with different ports, or a NAT's: which address they have among
themselves is found later, on the hosts.
"""

import posixpath
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from typing import Final

from provision.errors import HostUnreachable, SwarmlayError, UsageError
from provision.model.inventory import Source, SourcedHost, SourcePlaces, VagrantSource

TIMEOUT: Final = 120.0
"""Seconds: Vagrant loads every plugin first, and asks the provider about every machine."""

_COMMAND: Final = ("vagrant", "ssh-config")
# Words of Vagrant's → what to do.
_NOT_RUNNING: Final = ("not yet ready for SSH", "must be created", "must be running", "not running")
_NO_VAGRANTFILE: Final = "A Vagrant environment or target machine is required"


class Vagrant:
    """``source: {vagrant: DIRECTORY}``."""

    name = "vagrant"

    def matches(self, source: Source | None) -> bool:
        """Whether it is a Vagrant directory."""
        return isinstance(source, VagrantSource)

    def hosts(self, source: Source | None, places: SourcePlaces) -> tuple[SourcedHost, ...]:
        """Every machine that runs.

        Raises:
            SwarmlayError: Vagrant is missing, does not answer, or nothing runs.
        """
        assert isinstance(source, VagrantSource)  # noqa: S101 - `matches` said so
        directory = posixpath.normpath(posixpath.join(places.directory, source.vagrant))
        return machines(_asked(directory, places.environment), directory)


def machines(text: str, directory: str) -> tuple[SourcedHost, ...]:
    """The hosts in the output of ``vagrant ssh-config``."""
    found = tuple(_host(block) for block in _blocks(text) if "hostname" in block)
    if not found:
        raise HostUnreachable(
            "Vagrant knows no running machine",
            where=directory,
            hint=f"cd {directory} && vagrant up",
        )
    return found


def _host(block: Mapping[str, str]) -> SourcedHost:
    port = block.get("port", "")
    return SourcedHost(
        name=block["host"],
        address=block["hostname"],
        port=int(port) if port.isdecimal() else None,
        user=block.get("user"),
        key=block.get("identityfile"),
    )


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """Each ``Host`` block as lower-case keywords; of a repeated keyword the first counts."""
    block: dict[str, str] = {}
    for line in text.splitlines():
        keyword, _, rest = line.strip().partition(" ")
        value = next(iter(_split(rest)), "")
        if keyword.lower() == "host":
            if block:
                yield block
            block = {}
        if value:
            block.setdefault(keyword.lower(), value)
    if block:
        yield block


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return [text.strip()]


def _asked(directory: str, environment: Mapping[str, str]) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, no shell
            _COMMAND,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HostUnreachable(
            f"vagrant did not answer within {TIMEOUT:.0f} s",
            where=directory,
            hint=f"try `vagrant status` in {directory}",
        ) from None
    except OSError as error:
        raise _cannot_run(error, directory) from None
    if answer.returncode != 0:
        raise _refused(answer.stderr or answer.stdout, directory)
    return answer.stdout


def _cannot_run(error: OSError, directory: str) -> UsageError:
    if error.filename == directory:
        return UsageError(
            "the inventory's Vagrant directory cannot be entered",
            where=directory,
            why=error.strerror or str(error),
            hint="source.vagrant is relative to the inventory file",
        )
    return UsageError(
        "vagrant cannot be run",
        why=error.strerror or str(error),
        hint="install Vagrant, or use another source (`-i lab` on Linux needs none)",
    )


def _refused(said: str, directory: str) -> SwarmlayError:
    why = " ".join(said.split())[:300]
    if any(words in why for words in _NOT_RUNNING):
        return HostUnreachable(
            "not all of Vagrant's machines run",
            where=directory,
            why=why,
            hint=f"cd {directory} && vagrant up",
        )
    hint = "run `vagrant status` there"
    if _NO_VAGRANTFILE in why:
        hint = "name the directory of the Vagrantfile in source.vagrant"
    return UsageError("vagrant ssh-config failed", where=directory, why=why, hint=hint)


SOURCE = Vagrant()
