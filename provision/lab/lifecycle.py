"""Labs made, looked at and ended. Every change is written down before it is done."""

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from provision.errors import SwarmlayError, UsageError
from provision.lab import (
    cgroups,
    hosts,
    images,
    labs,
    machine,
    network,
    processes,
    registry,
    resolver,
)
from provision.lab import rootfs as root_file_systems
from provision.lab.cgroups import Cgroups
from provision.lab.commands import run
from provision.lab.host_init import Plug
from provision.lab.labs import Lab, LabEvent, LabHost, OnEvent
from provision.lab.locks import locked
from provision.lab.paths import Paths
from provision.lab.spec import (
    SSH_USER,
    HostSpec,
    LabSpec,
    bridge_name,
    check_name,
    link_name,
    rule_comment,
    scope_name,
)
from provision.lab.subnets import bridge_address, hardware_address, host_address

BOOT_TIMEOUT = 60.0
_MTU = 1500
_BUSY = "another `lab up` or `lab down` is at work on this lab"


def ignore(event: LabEvent) -> None:
    """For callers that do not care what happens meanwhile."""


def up(spec: LabSpec, paths: Paths, on_event: OnEvent = ignore) -> Lab:
    """Make the lab, or complete the one that is there; needs root.

    Raises:
        UsageError: a lab of this name exists and is another one.
        SwarmlayError: something on the machine is in the way.
    """
    layout = cgroups.understand(Path("/proc/mounts").read_text())
    root = root_file_systems.ensure_rootfs(spec.suite, paths, on_event)
    seed = images.ensure_seed(paths, on_event)
    with _held(spec.name, paths):
        claim = machine.claim(spec.name, paths.machine, paths.lab(spec.name), layout)
        lab = _planned(spec, claim.subnet, paths)
        labs.save(lab, paths)
        on_event(LabEvent("network", f"bridge {bridge_name(lab.name)}, {lab.subnet}"))
        _make_network(lab)
        registry.start(lab, seed, paths)
        _make_hosts(lab, root, layout, paths, on_event)
    return load(spec.name, paths)


def down(name: str, paths: Paths, on_event: OnEvent = ignore) -> None:
    """End a lab, or what an interrupted `up` or `down` left of it; needs root.

    Raises:
        SwarmlayError: something of it cannot be removed.
    """
    check_name(name)
    layout = cgroups.understand(Path("/proc/mounts").read_text())
    with _held(name, paths):
        _end_processes(name, paths, layout)
        on_event(LabEvent("hosts", "hosts and registry are off"))
        network.remove_namespaces(scope_name(name, ""))
        bridge = bridge_name(name)
        network.remove_links((*network.links(f"{bridge}_"), *network.links_named(bridge)))
        network.remove_rules(name)
        stuck = cgroups.remove(cgroups.leftovers(layout, scope_name(name, "")))
        on_event(LabEvent("network", "interfaces, rules and cgroups are gone"))
        run(["rm", "-rf", "--one-file-system", str(paths.lab(name))])
        _lock_file(name, paths).unlink(missing_ok=True)
        machine.release(name, paths.machine, layout)
    if stuck:
        raise SwarmlayError("cgroups are still in use", where=", ".join(stuck))
    on_event(LabEvent("done", f"lab {name} is gone"))


def load(name: str, paths: Paths) -> Lab:
    """A lab that is there, with which of its hosts run now.

    Raises:
        SwarmlayError: there is none of that name.
    """
    found = labs.read(paths.lab(check_name(name)))
    if found is None:
        raise SwarmlayError(
            f"there is no lab {name}",
            where=str(paths.lab(name)),
            hint=f"make it with `swarmlay lab up --name {name}`",
        )
    running = (
        replace(host, running=hosts.supervisor_pid(paths.host(name, host.name)) is not None)
        for host in found.hosts
    )
    return replace(found, hosts=tuple(running))


def status(paths: Paths, name: str | None = None) -> tuple[Lab, ...]:
    """All labs of the user, or the one of that name."""
    if name is not None:
        return (load(name, paths),)
    names = (path.parent.name for path in sorted(paths.state.glob(f"*/{labs.STATE_FILE}")))
    return tuple(load(found, paths) for found in names if labs.read(paths.lab(found)))


def reboot(
    name: str, host: str, paths: Paths, *, hard: bool = False, timeout: float = BOOT_TIMEOUT
) -> None:
    """Reboot a host and wait until its SSH answers again; *hard* pulls the plug. Needs root."""
    lab = load(name, paths)
    hosts.restart(lab, lab.host(host), paths.host(name, host), timeout, hard=hard)


def _held(name: str, paths: Paths) -> AbstractContextManager[None]:
    paths.make(paths.state)
    return locked(_lock_file(name, paths), _BUSY)


def _lock_file(name: str, paths: Paths) -> Path:
    return paths.state / f".{name}.lock"


def _planned(spec: LabSpec, subnet: str, paths: Paths) -> Lab:
    """The lab as it will be; hosts that are there keep their identity."""
    before = labs.read(paths.lab(spec.name))
    _refuse_other(before, spec)
    known = {host.name: host for host in before.hosts} if before else {}
    folder = paths.lab(spec.name)
    return Lab(
        name=spec.name,
        suite=spec.suite,
        subnet=subnet,
        bridge_address=bridge_address(subnet),
        registry=f"{bridge_address(subnet)}:{registry.PORT}",
        user=SSH_USER,
        key=str(folder / "id_ed25519"),
        known_hosts=str(folder / "known_hosts"),
        hosts=tuple(
            known.get(host.name) or _new_host(host, host_address(subnet, index))
            for index, host in enumerate(spec.hosts)
        ),
    )


def _new_host(host: HostSpec, address: str) -> LabHost:
    return LabHost(host.name, host.role, address, host.short, uuid.uuid4().hex)


def _refuse_other(before: Lab | None, spec: LabSpec) -> None:
    """A lab that is there may be completed, not turned into another one."""
    if before is None:
        return
    wanted = [(host.name, host.role) for host in spec.hosts]
    there = [(host.name, host.role) for host in before.hosts]
    if (before.suite, there) != (spec.suite, wanted):
        raise UsageError(
            f"lab {spec.name} is there, with other hosts",
            why=f"it has {', '.join(name for name, _ in there)} on {before.suite}",
            hint=f"end it with `swarmlay lab down --name {spec.name}`, or choose another --name",
        )


def _make_network(lab: Lab) -> None:
    bridge = bridge_name(lab.name)
    network.make_bridge(bridge, lab.bridge_address, 24, _MTU)
    network.add_rules(
        network.rules(lab.name, bridge, lab.subnet, lab.bridge_address, registry.PORT)
    )


def _make_hosts(lab: Lab, root: Path, layout: Cgroups, paths: Paths, on_event: OnEvent) -> None:
    key = Path(lab.key)
    if not key.with_suffix(".pub").exists():
        key.unlink(missing_ok=True)
        hosts.make_key(key, f"swarmlay-lab-{lab.name}")
    for path in (key, key.with_suffix(".pub")):
        paths.give(path)
    files = hosts.Files(
        public_key=key.with_suffix(".pub").read_text(),
        resolv_conf=resolver.resolv_conf(resolver.usable_nameservers(), lab.bridge_address),
        registry=lab.registry,
    )
    deadline = time.monotonic() + BOOT_TIMEOUT

    def boot(host: LabHost) -> str:
        folder = paths.make(paths.host(lab.name, host.name))
        hosts.prepare(host, _plug(lab, host, folder, root, layout), files, paths)
        hosts.switch_on(folder)
        return hosts.pinned_line(host, folder)

    def wait(host: LabHost) -> None:
        hosts.wait_until_open(host, paths.host(lab.name, host.name), deadline)
        on_event(LabEvent("host", f"SSH answers at {host.address}", host.name))

    _write_known_hosts(Path(lab.known_hosts), _each(boot, lab.hosts), paths)
    _each(wait, lab.hosts)


def _each(work: Callable[[LabHost], str | None], wanted: Iterable[LabHost]) -> list[str]:
    """Do *work* for all hosts at once."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [answer or "" for answer in pool.map(work, wanted)]


def _write_known_hosts(path: Path, lines: list[str], paths: Paths) -> None:
    path.write_text("".join(lines))
    paths.give(path)


def _plug(lab: Lab, host: LabHost, folder: Path, root: Path, layout: Cgroups) -> Plug:
    return Plug(
        folder=folder,
        rootfs=root,
        hostname=host.name,
        scope=scope_name(lab.name, host.name),
        link=link_name(lab.name, host.short),
        bridge=bridge_name(lab.name),
        address=f"{host.address}/24",
        mac=hardware_address(host.address),
        gateway=lab.bridge_address,
        mtu=_MTU,
        cgroups=layout,
    )


def _switch_off(folders: Iterable[Path]) -> None:
    """Pull the plug of hosts whose supervisor works as it should: it collects what ends."""
    keepers = [pid for folder in folders if (pid := hosts.switch_off(folder)) is not None]
    processes.wait_for_end(keepers, 2.0)


def _end_processes(name: str, paths: Paths, layout: Cgroups) -> None:
    """Supervisors first, so that nothing boots again; then all that is left in the cgroups."""
    folders = paths.lab(name) / "hosts"
    known = [path for path in folders.glob("*") if path.is_dir()]
    _switch_off(known)
    wanted = [mark for folder in known for mark in hosts.marks(folder)]
    processes.kill(processes.running_with([m for m in wanted if m.endswith("supervise.sh")]))
    processes.kill(processes.running_with([*wanted, registry.mark(paths.lab(name))]))
    processes.kill(cgroups.members(cgroups.leftovers(layout, scope_name(name, ""))))
