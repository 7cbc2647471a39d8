"""Which way leads to a host: inventory, ssh_config and defaults put together.

Nothing is opened here, and an address is never more than an address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from provision.errors import HostUnreachable
from provision.model.connection import SshTarget
from provision.transports.ssh_config import UserConfig, expand

_ADDRESS = re.compile(r"^(?!-)[\w.:%-]+$")
_BASTION = re.compile(r"^(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>\d+))?$")
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_LONGEST = 8
_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Hop:
    """One SSH connection on the way.

    Attributes:
        key: the key file that the inventory names, tried before anything else.
        key_files: key files tried after the agent's keys; missing ones are passed over.
        identities_only: of the agent's keys only those of the named files are tried.
    """

    name: str
    address: str
    port: int
    user: str
    key: str | None
    key_files: tuple[str, ...]
    identities_only: bool


@dataclass(frozen=True, slots=True)
class Route:
    """The hops to a host: bastions, nearest first, then the host."""

    bastions: tuple[Hop, ...]
    host: Hop


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the inventory says about a hop, before ssh_config is asked."""

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    key: str | None = None


def route(target: SshTarget, config: UserConfig, environment: Mapping[str, str]) -> Route:
    """The way to *target*."""
    wanted = _Wanted(target.name, target.address, target.port, target.user, target.key)
    host, jump = _hop(wanted, config, environment)
    jump = target.bastion or jump
    return Route(_bastions(jump, target, config, environment), host)


def _bastions(
    jump: str, target: SshTarget, config: UserConfig, environment: Mapping[str, str]
) -> tuple[Hop, ...]:
    """The hops that *jump* names, and before them those that lead to the first."""
    hops: list[Hop] = []
    while jump and jump.lower() != "none":
        names = [name.strip() for name in jump.split(",") if name.strip()]
        if len(hops) + len(names) > _LONGEST:
            raise HostUnreachable(
                "The chain of bastions does not end", where=target.name, why=f"at {jump}"
            )
        read = [_hop(_parsed(name, target), config, environment) for name in names]
        hops = [hop for hop, _ in read] + hops
        jump = read[0][1] if read else ""
    return tuple(hops)


def _parsed(text: str, target: SshTarget) -> _Wanted:
    found = _BASTION.match(text)
    if found is None:
        raise HostUnreachable(
            f"{text!r} is not a bastion", where=target.name, hint="Write [user@]host[:port]."
        )
    address = found["host"].strip("[]")
    port = int(found["port"]) if found["port"] else None
    name = f"{target.name} (bastion {address})"
    return _Wanted(name, address, port, found["user"], target.key)


def _hop(wanted: _Wanted, config: UserConfig, environment: Mapping[str, str]) -> tuple[Hop, str]:
    """The hop, and the bastions that ssh_config wants before it."""
    _refuse_non_address(wanted.address, wanted.name)
    said = config.about(wanted.address)
    address = _text(said, "hostname") or wanted.address
    _refuse_non_address(address, wanted.name)
    _refuse_proxy_command(said, wanted.name)
    files = said.get("identityfile", [])
    named = tuple(expand(file, environment) for file in files)
    user = wanted.user or _text(said, "user") or _local_user(environment)
    hop = Hop(
        name=wanted.name,
        address=address,
        port=wanted.port or int(_text(said, "port") or _SSH_PORT),
        user=user,
        key=expand(wanted.key, environment) if wanted.key else None,
        key_files=named,
        identities_only=_text(said, "identitiesonly").lower() == "yes",
    )
    if not hop.identities_only:
        hop = replace(hop, key_files=named + _default_keys(environment))
    return hop, _text(said, "proxyjump")


def _refuse_non_address(address: str, where: str) -> None:
    """An address that looks like an option or like shell is a mistake, or worse."""
    if not _ADDRESS.match(address.removeprefix("[").removesuffix("]")):
        raise HostUnreachable(
            f"{address!r} is neither a host name nor an IP address",
            where=where,
            hint="Correct `address` in the inventory.",
        )


def _refuse_proxy_command(said: Mapping[str, str | list[str]], where: str) -> None:
    command = _text(said, "proxycommand")
    if command and command.lower() != "none":
        raise HostUnreachable(
            "ssh_config wants a ProxyCommand for this host, which swarmlay does not run",
            where=where,
            why=command,
            hint="Use ProxyJump in ssh_config, or `bastion` in the inventory.",
        )


def _text(said: Mapping[str, str | list[str]], key: str) -> str:
    value = said.get(key, "")
    return value if isinstance(value, str) else ""


def _local_user(environment: Mapping[str, str]) -> str:
    return environment.get("LOGNAME") or environment.get("USER") or "root"


def _default_keys(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(expand(f"~/.ssh/{name}", environment) for name in _DEFAULT_KEYS)
