"""What all labs of a machine share: names, subnets, and how the machine was before the first.

One file below /run, written before anything is changed, so that whatever dies in between, the
next ``lab down`` knows what to put back.
"""

import ipaddress
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.errors import Refused
from provision.lab import cgroups, kernel, network, subnets
from provision.lab.cgroups import Cgroups
from provision.lab.locks import locked
from provision.lab.spec import bridge_name

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_FILE = "machine.json"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Before:
    """How the machine was before the first lab.

    Attributes:
        ip_forward: the content of that sysctl.
        netns_mounted: whether ``ip netns`` had been used. netns_folder: whether it had its folder.
        iptables: the tables there were.
        controllers: the cgroup controllers that were off. modules: those that were not loaded.
    """

    ip_forward: str
    netns_mounted: bool
    netns_folder: bool
    iptables: tuple[str, ...]
    controllers: tuple[str, ...]
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A lab's claim on the machine: *state* is its folder, *subnet* its network."""

    subnet: str
    state: str


@dataclass(frozen=True, slots=True)
class Machine:
    """The shared file's content."""

    boot: str
    before: Before | None = None
    claims: dict[str, Claim] = field(default_factory=dict)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody else looks at or changes what labs share meanwhile."""
    with locked(folder / _LOCK):
        yield


def claims(folder: Path) -> dict[str, Claim]:
    """The labs of this machine, whoever made them."""
    return read(folder).claims


def claim(name: str, folder: Path, state: Path, layout: Cgroups, earlier: str = "") -> Claim:
    """Reserve a name and a subnet and prepare the machine, or find that both were done before.

    Args:
        name: the lab's.
        folder: what labs share.
        state: the lab's own folder.
        layout: the machine's cgroups.
        earlier: the subnet the lab had before the machine was rebooted.

    Raises:
        Refused: another user's lab has the name, or the earlier subnet is in use by now.
    """
    with held(folder):
        machine = read(folder)
        before = machine.before or _look(layout)
        found = machine.claims.get(name) or Claim(_free_subnet(name, machine, earlier), str(state))
        refuse_foreign(name, found, state)
        _refuse_same_tag(name, machine)
        _write(folder, Machine(machine.boot, before, {**machine.claims, name: found}))
        _prepare(before, layout)
    return found


def release(name: str, folder: Path, layout: Cgroups) -> None:
    """Give name and subnet back; after the last lab put the machine back as it was."""
    if not folder.is_dir():
        return
    with held(folder):
        machine = read(folder)
        rest = {lab: claim for lab, claim in machine.claims.items() if lab != name}
        machine = replace(machine, claims=rest)
        _write(folder, machine)
        if not rest:
            if machine.before is not None:
                _restore(machine.before, layout)
            _forget(folder)


def read(folder: Path) -> Machine:
    """The shared file; what an earlier boot of the machine left there no longer holds."""
    boot = _BOOT_ID.read_text().strip()
    try:
        document: dict[str, Any] = json.loads((folder / _FILE).read_text())
    except (OSError, ValueError):
        return Machine(boot)
    if document.get("boot") != boot:
        return Machine(boot)
    before = document.get("before")
    if before is not None:
        for key in ("iptables", "controllers", "modules"):
            before[key] = tuple(before[key])
    found = {lab: Claim(**claim) for lab, claim in document["claims"].items()}
    return Machine(boot, before and Before(**before), found)


def _write(folder: Path, machine: Machine) -> None:
    fresh = folder / f".{_FILE}.new"
    fresh.write_text(json.dumps(asdict(machine), indent=2) + "\n")
    fresh.replace(folder / _FILE)


def _forget(folder: Path) -> None:
    """Remove the shared folder, the lock last and while it is held."""
    (folder / _FILE).unlink(missing_ok=True)
    (folder / _LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _look(layout: Cgroups) -> Before:
    return Before(
        ip_forward=network.IP_FORWARD.read_text().strip(),
        netns_mounted=network.netns_is_mounted(),
        netns_folder=network.NETNS.is_dir(),
        iptables=network.tables_in_use(),
        controllers=cgroups.missing_controllers(layout),
        modules=kernel.missing_modules(),
    )


def _free_subnet(name: str, machine: Machine, earlier: str) -> str:
    others = [ipaddress.IPv4Network(claim.subnet) for claim in machine.claims.values()]
    taken = (*subnets.taken_by_routes(network.routes()), *others)
    if not earlier:
        return str(subnets.choose(name, taken))
    if subnets.is_free(ipaddress.IPv4Network(earlier), taken):
        return earlier
    raise Refused(
        f"lab {name} cannot have its subnet {earlier} back",
        why="a route of this machine or another lab has it by now",
        hint=f"end the lab with `swarmlay lab down --name {name}` and make it anew",
    )


def refuse_foreign(name: str, found: Claim | None, state: Path) -> None:
    """A lab belongs to whoever has its folder.

    Raises:
        Refused: that is somebody else.
    """
    if found is not None and found.state != str(state):
        raise Refused(
            f"there is a lab {name} of somebody else on this machine",
            where=found.state,
            hint="choose another name with --name",
        )


def _refuse_same_tag(name: str, machine: Machine) -> None:
    for other in machine.claims:
        if other != name and bridge_name(other) == bridge_name(name):
            raise Refused(
                f"labs {name} and {other} cannot be told apart by their interfaces",
                why=f"both would be {bridge_name(name)}",
                hint="choose another name with --name",
            )


def _prepare(before: Before, layout: Cgroups) -> None:
    """Change the machine; how it was is written down by now."""
    kernel.load_modules(before.modules)
    network.IP_FORWARD.write_text("1\n")
    network.make_netns_folder()
    cgroups.delegate(layout, before.controllers)


def _restore(before: Before, layout: Cgroups) -> None:
    network.drop_empty_tables(before.iptables)
    network.IP_FORWARD.write_text(before.ip_forward + "\n")
    cgroups.undelegate(layout, before.controllers)
    network.forget_netns_folder(mounted=before.netns_mounted, present=before.netns_folder)
    kernel.unload_modules(before.modules)
