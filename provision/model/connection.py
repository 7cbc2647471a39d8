"""How a host is reached: what a transport needs to know, resolved from the inventory."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

HostKeyPolicy: TypeAlias = Literal["strict", "accept-new", "off"]


@dataclass(frozen=True, slots=True)
class Sudo:
    """How root is reached.

    Attributes:
        enabled: False when the user is root or no privilege is to be used.
        password_env: the environment variable that holds the password.
        ask: ask the person at the terminal, once per run.
    """

    enabled: bool = True
    password_env: str | None = None
    ask: bool = False


@dataclass(frozen=True, slots=True)
class SshTarget:
    """One host as SSH sees it; None lets ~/.ssh/config, the agent or OpenSSH's defaults decide.

    Attributes:
        name: the host's name in the inventory.
        address: what is dialled: a name, IPv4 or IPv6 literal, or an alias in ssh_config.
        key: path of a private key file.
        bastion: ``[user@]host[:port]``, several separated by commas (nearest first).
        known_hosts: path of the file that pins host keys for this cluster.
        ssh_config: path of the ssh_config that is read (None: none is read).
        connect_timeout: seconds for one attempt. wait: seconds for a host that still boots.
    """

    name: str
    address: str
    known_hosts: str
    port: int | None = None
    user: str | None = None
    key: str | None = None
    bastion: str | None = None
    host_key: HostKeyPolicy = "accept-new"
    sudo: Sudo = Sudo()
    connect_timeout: float = 10.0
    wait: float = 0.0
    ssh_config: str | None = None
