"""A lab as others see it, and the file it is remembered in."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from provision.errors import SwarmlayError
from provision.lab.paths import Paths
from provision.lab.spec import Role

STATE_FILE = "lab.json"


@dataclass(frozen=True, slots=True)
class LabEvent:
    """Something happened while a lab was made or ended; *host* is empty if to no one host."""

    stage: str
    text: str
    host: str = ""


OnEvent: TypeAlias = Callable[[LabEvent], None]


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host: a real Debian behind an address; *rootfs* is what its disk was begun on."""

    name: str
    role: Role
    address: str
    short: str
    machine_id: str
    running: bool = False
    rootfs: str = ""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab: how its hosts are reached.

    Attributes:
        name: the lab's name. suite: the Debian release of its hosts, or several, in turn.
        subnet: ``10.78.3.0/24``. bridge_address: the machine's own address in it.
        registry: ``ADDRESS:PORT`` of the registry mirror.
        user: who logs in. key: the private key's path. known_hosts: where host keys are pinned.
        hosts: managers first. rootfs: the root file system of hosts that name none.
    """

    name: str
    suite: str
    subnet: str
    bridge_address: str
    registry: str
    user: str
    key: str
    known_hosts: str
    hosts: tuple[LabHost, ...]
    rootfs: str = ""

    def host(self, name: str) -> LabHost:
        """The host of that name.

        Raises:
            SwarmlayError: there is none.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise SwarmlayError(
            f"lab {self.name} has no host {name!r}",
            hint="its hosts are " + ", ".join(host.name for host in self.hosts),
        )

    @property
    def registry_port(self) -> int:
        """The port of `registry`."""
        return int(self.registry.rpartition(":")[2])

    @property
    def running(self) -> bool:
        """Whether all hosts run."""
        return all(host.running for host in self.hosts)


def encode(lab: Lab) -> str:
    """The lab as its state file holds it; whether hosts run is looked up, not remembered."""
    document = asdict(lab)
    for host in document["hosts"]:
        del host["running"]
    return json.dumps(document, indent=2) + "\n"


def decode(text: str) -> Lab:
    """The opposite of `encode`."""
    document: dict[str, Any] = json.loads(text)
    document["hosts"] = tuple(LabHost(**host) for host in document["hosts"])
    return Lab(**document)


def save(lab: Lab, paths: Paths) -> None:
    """Write the state file in one stroke: a crash leaves the old one or the new one."""
    folder = paths.make(paths.lab(lab.name))
    fresh = folder / f".{STATE_FILE}.new"
    fresh.write_text(encode(lab))
    paths.give(fresh)
    fresh.replace(folder / STATE_FILE)


def read(folder: Path) -> Lab | None:
    """The lab remembered in *folder*, or None if nothing readable is."""
    try:
        return decode((folder / STATE_FILE).read_text())
    except (OSError, ValueError, TypeError, KeyError):
        return None
