"""Hosts that an ssh_config knows how to reach: only their aliases are named here."""

import posixpath
from pathlib import Path

from provision.errors import UsageError
from provision.model.inventory import Source, SourcedHost, SourcePlaces, SshConfigSource


class SshConfig:
    """``source: {ssh_config: FILE, hosts: [ALIAS, …]}``: all else is left to that file."""

    name = "ssh_config"

    def matches(self, source: Source | None) -> bool:
        """Whether it is an ssh_config."""
        return isinstance(source, SshConfigSource)

    def hosts(self, source: Source | None, places: SourcePlaces) -> tuple[SourcedHost, ...]:
        """One host an alias, in the order written.

        Raises:
            UsageError: there is no such file.
        """
        assert isinstance(source, SshConfigSource)  # noqa: S101 - `matches` said so
        path = _path(source.ssh_config, places)
        if not Path(path).is_file():
            raise UsageError(
                f"there is no ssh_config {path}", hint="check source.ssh_config in the inventory"
            )
        return tuple(
            SourcedHost(name=alias, address=alias, ssh_config=path) for alias in source.hosts
        )


def _path(written: str, places: SourcePlaces) -> str:
    if written == "~" or written.startswith("~/"):
        return posixpath.join(places.home, written[2:])
    return posixpath.normpath(posixpath.join(places.directory, written))


SOURCE = SshConfig()
