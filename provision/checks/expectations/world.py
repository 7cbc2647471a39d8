"""What hosts and engines say at one moment, and who is meant by the names in a playbook."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provision.model.inventory import Inventory

LAPTOP = "laptop"
SERVICE_LABEL = "com.docker.swarm.service.name"
Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """The Engine API's objects, as read just now.

    Attributes:
        containers, networks: host → objects. nodes, services, tasks: from the lead manager.
        node_hosts: node id → host. addresses: host → the address its node advertises.
        problems: host → why it could not be read.
    """

    inventory: Inventory
    containers: Mapping[str, Sequence[Raw]] = field(default_factory=dict)
    networks: Mapping[str, Sequence[Raw]] = field(default_factory=dict)
    nodes: Sequence[Raw] = ()
    services: Sequence[Raw] = ()
    tasks: Sequence[Raw] = ()
    node_hosts: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def hosts(self, selector: str) -> tuple[str, ...]:
        """Names of the hosts that *selector* names."""
        return tuple(h.name for h in self.inventory.select(selector))

    def named(self, name: str) -> tuple["Standing", ...]:
        """Running containers called *name*, else those of the service *name*."""
        alone = tuple(s for s in self._standing() if s.name == name)
        return alone or tuple(s for s in self._standing() if s.service == name)

    def _standing(self) -> Iterable["Standing"]:
        for host, containers in self.containers.items():
            for raw in containers:
                if raw.get("State") == "running":
                    yield standing(host, raw)


@dataclass(frozen=True, slots=True)
class Standing:
    """A running container; ``addresses`` are by network name."""

    host: str
    id: str
    name: str
    service: str
    addresses: Mapping[str, str] = field(hash=False)


def name_of(raw: Raw) -> str:
    """The container's name."""
    return str((raw.get("Names") or [""])[0]).removeprefix("/")


def standing(host: str, raw: Raw) -> Standing:
    """A running container of the list."""
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = {n: str(s["IPAddress"]) for n, s in networks.items() if s and s.get("IPAddress")}
    service = str((raw.get("Labels") or {}).get(SERVICE_LABEL, ""))
    return Standing(host, str(raw["Id"]), name_of(raw), service, addresses)
