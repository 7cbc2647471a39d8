# ruff: noqa: RUF012 - pydantic copies a model's defaults
"""The inventory: which hosts there are, what they are for and how SSH reaches them.

`InventoryDocument` is the file as written; `Inventory` is what `load` makes of it (sources asked,
defaults merged, selectors checked).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

from pydantic import Field

from provision.model.connection import HostKeyPolicy, SshTarget
from provision.model.desired import DesiredState, EngineWanted
from provision.model.document import VARIABLE, Document

Role: TypeAlias = Literal["manager", "worker"]

_SELECTOR: Final = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>[0-9]{1,5})\])?")


class SudoEntry(Document):
    """``sudo: {password_env: NAME}`` or ``sudo: {ask: true}``."""

    password_env: str | None = Field(default=None, pattern=VARIABLE)
    ask: bool = False


class SshEntry(Document):
    """SSH settings; every key may also stand under a host."""

    user: str | None = None
    key: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    bastion: str | None = None
    host_key: HostKeyPolicy | None = None
    sudo: bool | SudoEntry | None = None
    connect_timeout: float | None = Field(default=None, gt=0)
    wait: float | None = Field(default=None, ge=0)


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
    password_env: str = Field(pattern=VARIABLE)


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
    ssh: SshEntry = Field(default_factory=SshEntry)
    vars: dict[str, str | int | float | bool | None] = {}
    registries: dict[str, RegistryEntry] = {}
    source: Source | None = None
    hosts: dict[str, HostEntry | None] = {}
    groups: dict[str, list[str]] = {}
    engine: EngineWanted | None = None


@dataclass(frozen=True, slots=True)
class SourcedHost:
    """A host that a source named, before the inventory file's own words about it.

    Attributes:
        known_hosts: the file in which the source pins host keys itself; None: the cluster's own.
        ssh_config: the ssh_config that knows how to reach it.
    """

    name: str
    address: str
    role: Role = "worker"
    port: int | None = None
    user: str | None = None
    key: str | None = None
    private_address: str | None = None
    host_key: HostKeyPolicy | None = None
    known_hosts: str | None = None
    ssh_config: str | None = None
    engine: EngineWanted | None = None


@dataclass(frozen=True, slots=True)
class SourcePlaces:
    """Where a source may look: absolute paths, and the environment.

    Attributes:
        directory: where the inventory file stands: its relative paths begin there.
    """

    directory: str
    home: str
    state_dir: str
    cache_dir: str
    environment: Mapping[str, str]


class HostSource(Protocol):
    """A member of `provision.inventories`: where hosts come from."""

    @property
    def name(self) -> str:
        """The word under ``source:``."""

    def matches(self, source: Source | None) -> bool:
        """Whether it is this kind."""

    def hosts(self, source: Source | None, places: SourcePlaces) -> tuple[SourcedHost, ...]:
        """The hosts it knows, in its order.

        Raises:
            SwarmlayError: it cannot tell.
        """


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
        words = _SELECTOR.fullmatch(selector)
        if words is None:
            return ()
        found = self._named(words["name"])
        if words["index"] is None:
            return found
        at = int(words["index"])
        return found[at : at + 1]

    def _named(self, name: str) -> tuple[Host, ...]:
        special = {"all": self.hosts, "managers": self.managers, "workers": self.workers}
        if name in special:
            return special[name]
        names = self.groups.get(name, (name,))
        return tuple(h for h in self.hosts if h.name in names)


def engine_of(host: Host, desired: DesiredState) -> EngineWanted:
    """The engine a host should have: the inventory's words over the playbook's."""
    wanted = desired.engine or EngineWanted()
    return host.engine.over(wanted) if host.engine else wanted
