"""Hosts: the file's words over the source's, with the defaults of ``ssh:``."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provision.load import naming
from provision.load.problems import Problems
from provision.model.connection import SshTarget, Sudo
from provision.model.desired import EngineWanted
from provision.model.inventory import Host, HostEntry, SourcedHost, SshEntry, SudoEntry
from provision.model.tree import Node, quoted

RESERVED: Final = ("all", "managers", "workers", "laptop")
_SSH_PORT: Final = 22


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What resolving hosts needs to know besides the document.

    Attributes:
        directory: where the inventory file is: relative paths begin there.
        known_hosts: the file that pins this cluster's host keys.
        ssh_config: the user's own ssh_config, if there is one.
    """

    directory: str
    home: str
    known_hosts: str
    ssh_config: str | None
    defaults: SshEntry
    engine: EngineWanted | None


def host(
    name: str,
    entry: HostEntry,
    sourced: SourcedHost | None,
    *,
    node: Node,
    around: Surroundings,
    problems: Problems,
) -> Host | None:
    """One host, everything resolved."""
    address = entry.address or (sourced.address if sourced else None)
    if address is None:
        problems.error(node, f"hosts.{name} lacks the key 'address'", hint="write 'address'")
        return None
    return Host(
        name=name,
        role=entry.role or (sourced.role if sourced else "worker"),
        ssh=_target(name, address, entry, sourced, around),
        private_address=entry.private_address or (sourced.private_address if sourced else None),
        private_interface=entry.private_interface,
        labels=entry.labels,
        engine=_engine(entry.engine, around.engine, sourced.engine if sourced else None),
    )


def _engine(*wishes: EngineWanted | None) -> EngineWanted | None:
    """The first wish over the second over the third."""
    wanted = None
    for wish in reversed(wishes):
        wanted = wish.over(wanted) if wish else wanted
    return wanted


def _target(
    name: str, address: str, entry: HostEntry, sourced: SourcedHost | None, around: Surroundings
) -> SshTarget:
    def setting(key: str) -> Any:
        """The host's own word, else the source's, else the default of ``ssh:``."""
        for one in (entry, sourced, around.defaults):
            value = getattr(one, key, None)
            if value is not None:
                return value
        return None

    chosen = {
        key: value
        for key in ("port", "user", "bastion", "host_key", "connect_timeout", "wait")
        if (value := setting(key)) is not None
    }
    return SshTarget(
        name=name,
        address=address,
        known_hosts=(sourced.known_hosts if sourced else None) or around.known_hosts,
        key=_key(entry, sourced, around),
        sudo=_sudo(setting("sudo")),
        ssh_config=sourced.ssh_config if sourced else around.ssh_config,
        **chosen,
    )


def _key(entry: HostEntry, sourced: SourcedHost | None, around: Surroundings) -> str | None:
    """The private key: what a source gives is absolute already."""
    if sourced and sourced.key and not entry.key:
        return sourced.key
    key = entry.key or around.defaults.key
    return _path(key, around) if key else None


def _sudo(value: bool | SudoEntry | None) -> Sudo:
    if isinstance(value, SudoEntry):
        return Sudo(password_env=value.password_env, ask=value.ask)
    return Sudo(enabled=value is not False)


def _path(path: str, around: Surroundings) -> str:
    if path == "~" or path.startswith("~/"):
        return posixpath.join(around.home, path[2:])
    return posixpath.normpath(posixpath.join(around.directory, path))


def check_entry(name: str, node: Node, problems: Problems) -> None:
    """The words of one host, or of the defaults, that must look like what they are."""
    for key, (fits, what, hint) in _LOOKS.items():
        child = node.items.get(key)
        if child is not None and isinstance(child.value, str) and not fits(child.value):
            problems.error(child, f"{name}.{key} must be {what}, not {child.shown}", hint=hint)


def _is_bastion(text: str) -> bool:
    return all(naming.is_jump(part.strip()) for part in text.split(","))


_LOOKS: Final[Mapping[str, Any]] = {
    "address": (
        naming.is_address,
        "a host name, an IPv4 or an IPv6 address",
        "user and port have keys of their own",
    ),
    "private_address": (naming.is_ip, "an IPv4 or IPv6 address", ""),
    "private_interface": (
        lambda text: naming.INTERFACE.fullmatch(text) is not None,
        "the name of a network interface",
        "such as eth1",
    ),
    "user": (lambda text: naming.USER.fullmatch(text) is not None, "a user name", ""),
    "bastion": (_is_bastion, "[USER@]HOST[:PORT], several separated by commas", ""),
    "key": (lambda text: bool(text) and not text.startswith("-"), "the path of a private key", ""),
}


def check_name(name: str, node: Node, kind: str, problems: Problems) -> None:
    """A host's or group's name is a name, and not one of the selectors' own words."""
    if name in RESERVED:
        problems.error(
            node,
            f"a {kind} cannot be called {quoted(name)}",
            why=f"{', '.join(RESERVED)} are reserved",
            hint="choose another name",
        )
    elif not naming.NAME.fullmatch(name):
        problems.error(node, f"{quoted(name)} is no {kind} name", hint=naming.NAME_RULE)


def check_places(hosts: Sequence[Host], places: Mapping[str, Node], problems: Problems) -> None:
    """No two hosts behind one (bastion, address, port): they would be one machine."""
    seen: dict[tuple[str | None, str, int], str] = {}
    for one in hosts:
        way = (one.ssh.bastion, one.ssh.address, one.ssh.port or _SSH_PORT)
        first = seen.setdefault(way, one.name)
        if first != one.name:
            problems.error(
                places[one.name],
                f"{one.name} and {first} are the same host: {way[1]} port {way[2]}",
                why=f"{first} stands at {places[first].where}",
                hint="give each its own address or port",
            )
