"""The inventory: which hosts there are, what they are for and how SSH reaches them.

`InventoryDocument` is the file as written; `Inventory` is what `load` makes of it (sources asked,
defaults merged, selectors checked).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from provision.model.connection import HostKeyPolicy, SshTarget
from provision.model.desired import EngineWanted
from provision.model.document import Document

Role: TypeAlias = Literal["manager", "worker"]


class SudoEntry(Document):
    """``sudo: {password_env: NAME}`` or ``sudo: {ask: true}``."""

    password_env: str | None = None
    ask: bool = False


class SshEntry(Document):
    """SSH settings; every key may also stand under a host."""

    user: str | None = None
    key: str | None = None
    port: int | None = None
    bastion: str | None = None
    host_key: HostKeyPolicy | None = None
    sudo: bool | SudoEntry | None = None
    connect_timeout: float | None = None
    wait: float | None = None


class HostEntry(SshEntry):
    """One host as written. ``address`` may be absent where a ``source:`` gives it."""

    address: str | None = None
    private_address: str | None = None
    private_interface: str | None = None
    role: Role | None = None
    labels: dict[str, str] = {}
    engine: EngineWanted | None = None


class RegistryEntry(Document):
    """Credentials for one registry."""

    user: str
    password_env: str


class VagrantSource(Document):
    """``source: {vagrant: DIRECTORY}``."""

    vagrant: str


class LabSource(Document):
    """``source: {lab: NAME}``."""

    lab: str


class SshConfigSource(Document):
    """``source: {ssh_config: FILE, hosts: [alias, …]}``."""

    ssh_config: str
    hosts: list[str]


Source: TypeAlias = VagrantSource | LabSource | SshConfigSource


class InventoryDocument(Document):
    """An inventory file as written."""

    cluster: str
    ssh: SshEntry = SshEntry()
    vars: dict[str, str | int | float | bool | None] = {}
    registries: dict[str, RegistryEntry] = {}
    source: Source | None = None
    hosts: dict[str, HostEntry | None] = {}
    groups: dict[str, list[str]] = {}
    engine: EngineWanted | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One host, everything resolved."""

    name: str
    role: Role
    ssh: SshTarget
    private_address: str | None = None
    private_interface: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    engine: EngineWanted | None = None

    @property
    def is_manager(self) -> bool:
        """Whether the inventory makes it a manager."""
        return self.role == "manager"


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts in the inventory's order.

    Attributes:
        path: the file it came from, as shown to the user.
        groups: group name → host names.
        warnings: what the reader should know (an even number of managers, …).
    """

    cluster: str
    hosts: tuple[Host, ...]
    path: str
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vars: Mapping[str, str] = field(default_factory=dict)
    registries: Mapping[str, RegistryEntry] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def managers(self) -> tuple[Host, ...]:
        """The managers, in the inventory's order."""
        return tuple(h for h in self.hosts if h.is_manager)

    @property
    def workers(self) -> tuple[Host, ...]:
        """The workers, in the inventory's order."""
        return tuple(h for h in self.hosts if not h.is_manager)

    def host(self, name: str) -> Host:
        """The host called *name*."""
        return next(h for h in self.hosts if h.name == name)

    def select(self, selector: str) -> tuple[Host, ...]:
        """Hosts a selector names: a host, a group, ``managers``, ``workers[0]``, ``all``.

        Returns:
            an empty tuple where the selector names nothing.
        """
        name, _, index = selector.partition("[")
        found = self._named(name)
        if not index:
            return found
        digits = index.removesuffix("]")
        at = (
            int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else len(found)
        )
        return found[at : at + 1]

    def _named(self, name: str) -> tuple[Host, ...]:
        special = {"all": self.hosts, "managers": self.managers, "workers": self.workers}
        if name in special:
            return special[name]
        names = self.groups.get(name, (name,))
        return tuple(h for h in self.hosts if h.name in names)
