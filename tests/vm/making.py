"""Machines made and ended without a trace.

Subnet, forwarding and iptables rules are taken the way labs take theirs, from the same book, so
that neither is in the other's way and what the machine was like before comes back in the end.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.lab import cgroups, hosts, machine, network, processes, registry
from provision.lab.cgroups import Cgroups
from provision.lab.commands import run
from provision.lab.images import ensure_seed
from provision.lab.labs import Lab, LabHost
from provision.lab.lifecycle import ignore
from provision.lab.paths import Paths
from provision.lab.resolver import resolv_conf, usable_nameservers
from provision.lab.spec import bridge_name
from provision.lab.subnets import bridge_address, host_address
from tests.vm import firmware, image
from tests.vm.firmware import SeedFile
from tests.vm.image import Image
from tests.vm.machines import Machines, Vm

_MINE = re.compile(r"vm-(\d+)(?:-\w+)?")
_NAMES = ("manager", "worker-1", "worker-2")
_MTU = 1500


def paths_of(user: Paths) -> Paths:
    """The user's caches, and a state of our own beside the labs'."""
    return Paths(user.state.parent / "vm", user.cache, machine=user.machine)


@contextmanager
def machines(
    name: str, user: Paths, *, count: int = 3, memory: int = 1024, extra: Path | None = None
) -> Iterator[Machines]:
    """Machines that let us in; they end with the block, also when it fails."""
    try:
        made = make(name, user, count=count, memory=memory, extra=extra)
        made.boot()
        yield made
    finally:
        end(name, user)


def make(
    name: str, user: Paths, *, count: int = 3, memory: int = 1024, extra: Path | None = None
) -> Machines:
    """Everything but the machines' power."""
    paths = paths_of(user)
    disk, seed = image.ensure(user), ensure_seed(user, ignore)
    folder = paths.make(paths.lab(name))
    claim = machine.claim(name, paths.machine, folder, _layout())
    lab = _lab(name, claim.subnet, folder, count)
    bridge = bridge_name(name)
    network.make_bridge(bridge, lab.bridge_address, 24, _MTU)
    network.add_rules(
        network.rules(name, bridge, lab.subnet, lab.bridge_address, lab.registry_port)
    )
    registry.start(lab, seed, paths)
    vms = {host.name: _prepared(lab, host, disk, memory, extra) for host in lab.hosts}
    return Machines(lab, vms, disk, _inventory(lab, folder))


def end(name: str, user: Paths) -> None:
    """End the machines and whatever was made for them, however far that got."""
    paths = paths_of(user)
    folder = paths.lab(name)
    processes.kill(processes.matching(lambda argument: argument.startswith(f"{folder}/")))
    network.remove_links(network.links(bridge_name(name)))
    network.remove_rules(name)
    machine.release(name, paths.machine, _layout())
    shutil.rmtree(folder, ignore_errors=True)


def sweep(user: Paths) -> None:
    """End the machines of test runs that were killed."""
    for name in machine.claims(user.machine):
        found = _MINE.fullmatch(name)
        if found and not Path("/proc", found[1]).exists():
            end(name, user)


def _layout() -> Cgroups:
    return cgroups.understand(Path("/proc/mounts").read_text())


def _lab(name: str, subnet: str, folder: Path, count: int) -> Lab:
    address = bridge_address(subnet)
    made = tuple(
        LabHost(
            host,
            "worker" if index else "manager",
            host_address(subnet, index),
            f"v{index}",
            uuid.uuid4().hex,
        )
        for index, host in enumerate(_NAMES[:count])
    )
    return Lab(
        name, "bookworm", subnet, address, f"{address}:{registry.free_port()}", image.USER,
        str(folder / "id_ed25519"), str(folder / "known_hosts"), made,
    )  # fmt: skip


def _prepared(lab: Lab, host: LabHost, disk: Image, memory: int, extra: Path | None) -> Vm:
    """A disk over the image, and what the machine finds on it at its first boot."""
    shared = Path(lab.key).parent
    folder = shared / host.name
    folder.mkdir()
    backing = ("-b", str(disk.disk), "-F", "raw", str(folder / "disk.qcow2"))
    run(["qemu-img", "create", "-q", "-f", "qcow2", *backing])
    for key, comment in ((Path(lab.key), lab.name), (folder / "host_key", f"root@{host.name}")):
        if not key.exists():
            hosts.make_key(key, comment)
    kind, public, *_ = (folder / "host_key.pub").read_text().split()
    with Path(lab.known_hosts).open("a") as known:
        known.write(f"{host.address} {kind} {public}\n")
    firmware.write(disk, _seed(lab, host, folder), folder / "initrd.img")
    return Vm(host, folder, memory, extra)


def _seed(lab: Lab, host: LabHost, folder: Path) -> dict[str, SeedFile]:
    daemon = {"registry-mirrors": [f"http://{lab.registry}"]}
    return {
        "etc/hostname": SeedFile(f"{host.name}\n"),
        "etc/hosts": SeedFile(f"127.0.0.1\tlocalhost\n127.0.1.1\t{host.name}\n"),
        "etc/machine-id": SeedFile(f"{host.machine_id}\n", 0o444),
        "etc/resolv.conf": SeedFile(resolv_conf(usable_nameservers(), lab.bridge_address)),
        "etc/docker/daemon.json": SeedFile(json.dumps(daemon) + "\n"),
        "etc/ssh/ssh_host_ed25519_key": SeedFile((folder / "host_key").read_text(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": SeedFile((folder / "host_key.pub").read_text()),
        "home/debian/.ssh/authorized_keys": SeedFile(Path(f"{lab.key}.pub").read_text(), 0o600),
    }


def _inventory(lab: Lab, folder: Path) -> Path:
    """Plain hosts: nothing of it says that they are virtual, but the patience."""
    document = {
        "cluster": "vms",
        "engine": {"source": "distro"},
        "ssh": {"user": lab.user, "key": lab.key, "connect_timeout": 60, "wait": 300},
        "hosts": {h.name: {"address": h.address, "role": h.role} for h in lab.hosts},
    }
    file = folder / "inventory.yml"
    file.write_text(json.dumps(document, indent=2) + "\n")
    return file


def name_of_run(suffix: str = "") -> str:
    """Machines are named after the process that made them."""
    return f"vm-{os.getpid()}{suffix}"
