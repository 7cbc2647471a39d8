"""Labs made, looked at and ended. Every change is written down before it is done."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from provision.errors import SwarmlayError
from provision.lab import cgroups, hosts, labs, machine, network, planning, processes, registry
from provision.lab.cgroups import Cgroups
from provision.lab.commands import run
from provision.lab.images import ensure_seed
from provision.lab.labs import Lab, LabEvent, LabHost, OnEvent
from provision.lab.locks import locked
from provision.lab.machine_needs import require_root
from provision.lab.paths import Paths
from provision.lab.resolver import resolv_conf, usable_nameservers
from provision.lab.rootfs import ensure_rootfs
from provision.lab.spec import LabSpec, Suite, bridge_name, check_name, scope_name

BOOT_TIMEOUT = 180.0  # 1 s is usual; an emulated processor takes a minute for several hosts
_POWER_OFF_TIMEOUT = 3.0
_AT_ONCE = 8
_BUSY = "another `lab up` or `lab down` is at work on this lab"


def ignore(event: LabEvent) -> None:
    """For callers that do not care what happens meanwhile."""


def up(spec: LabSpec, paths: Paths, on_event: OnEvent = ignore) -> Lab:
    """Make the lab, or complete the one that is there; needs root.

    Raises:
        UsageError: a lab of this name exists and is another one.
        SwarmlayError: something on the machine is in the way.
    """
    require_root()
    planning.refuse_other(labs.read(paths.lab(spec.name)), spec)
    layout = _cgroups()
    rootfs = {suite: ensure_rootfs(suite, paths, on_event) for suite in spec.suites}
    seed = ensure_seed(paths, on_event)
    with _held(spec.name, paths):
        lab = _claimed(spec, rootfs, layout, paths)
        on_event(LabEvent("network", f"bridge {bridge_name(lab.name)}, {lab.subnet}"))
        _make_network(lab)
        registry.start(lab, seed, paths)
        _make_hosts(lab, layout, paths, on_event)
    return load(spec.name, paths)


def down(name: str, paths: Paths, on_event: OnEvent = ignore) -> None:
    """End a lab, or what an interrupted `up` or `down` left of it; needs root.

    Raises:
        Refused: the lab is somebody else's.
        SwarmlayError: something of it cannot be removed.
    """
    require_root()
    check_name(name)
    machine.refuse_foreign(name, machine.claims(paths.machine).get(name), paths.lab(name))
    layout = _cgroups()
    with _held(name, paths):
        _end_processes(paths.lab(name), cgroups.leftovers(layout, scope_name(name, "")))
        on_event(LabEvent("hosts", "hosts and registry are off"))
        _remove_network(name)
        stuck = cgroups.remove(cgroups.leftovers(layout, scope_name(name, "")))
        on_event(LabEvent("network", "interfaces, rules and cgroups are gone"))
        run(["rm", "-rf", "--one-file-system", str(paths.lab(name))])
        machine.release(name, paths.machine, layout)
        _lock_file(name, paths).unlink(missing_ok=True)
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
    """Reboot a host and wait until its SSH answers again; *hard* pulls the plug; needs root."""
    require_root()
    lab = load(name, paths)
    hosts.restart(lab, lab.host(host), paths.host(name, host), timeout, hard=hard)


def _cgroups() -> Cgroups:
    return cgroups.understand(Path("/proc/mounts").read_text())


def _held(name: str, paths: Paths) -> AbstractContextManager[None]:
    paths.make(paths.state)
    return locked(_lock_file(name, paths), _BUSY)


def _lock_file(name: str, paths: Paths) -> Path:
    return paths.state / f".{name}.lock"


def _claimed(spec: LabSpec, rootfs: Mapping[Suite, Path], layout: Cgroups, paths: Paths) -> Lab:
    """The lab with a claim on the machine, written down."""
    folder = paths.lab(spec.name)
    before = labs.read(folder)
    planning.refuse_other(before, spec)
    earlier = before.subnet if before else ""
    claim = machine.claim(spec.name, paths.machine, folder, layout, earlier)
    if before is None:
        lab = planning.planned(spec, claim.subnet, registry.free_port(), folder, rootfs)
    else:
        lab = planning.completed(before, rootfs[spec.suites[0]])
    labs.save(lab, paths)
    return lab


def _make_network(lab: Lab) -> None:
    bridge = bridge_name(lab.name)
    network.make_bridge(bridge, lab.bridge_address, 24, planning.MTU)
    rules = network.rules(lab.name, bridge, lab.subnet, lab.bridge_address, lab.registry_port)
    network.add_rules(rules)


def _remove_network(name: str) -> None:
    bridge = bridge_name(name)
    network.remove_namespaces(scope_name(name, ""))
    network.remove_links(network.links(bridge))
    network.remove_rules(name)


def _make_hosts(lab: Lab, layout: Cgroups, paths: Paths, on_event: OnEvent) -> None:
    files = hosts.Files(
        public_key=_public_key(Path(lab.key), paths),
        resolv_conf=resolv_conf(usable_nameservers(), lab.bridge_address),
        registry=lab.registry,
    )
    deadline = time.monotonic() + BOOT_TIMEOUT

    def boot(host: LabHost) -> str:
        folder = paths.make(paths.host(lab.name, host.name))
        if hosts.supervisor_pid(folder) is None:
            hosts.prepare(host, planning.plug(lab, host, folder, layout), files)
            hosts.switch_on(folder)
        return hosts.pinned_line(host, folder)

    def wait(host: LabHost) -> str:
        hosts.wait_until_open(host, paths.host(lab.name, host.name), deadline)
        on_event(LabEvent("host", f"SSH answers at {host.address}", host.name))
        return ""

    known_hosts = Path(lab.known_hosts)
    known_hosts.write_text("".join(_each(boot, lab.hosts)))
    paths.give(known_hosts)
    _each(wait, lab.hosts)


def _public_key(key: Path, paths: Paths) -> str:
    """The lab's key for logging in, made at first."""
    public = key.with_suffix(".pub")
    if not public.exists():
        key.unlink(missing_ok=True)
        hosts.make_key(key, f"swarmlay-lab-{key.parent.name}")
    for path in (key, public):
        paths.give(path)
    return public.read_text()


def _each(work: Callable[[LabHost], str], wanted: Iterable[LabHost]) -> list[str]:
    """Do *work* for all hosts at once."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(pool.map(work, wanted))


def _end_processes(folder: Path, places: Iterable[str]) -> None:
    """First as it is meant: hosts off, so that supervisors end by themselves; then the rest."""
    running = [path for path in (folder / "hosts").glob("*") if path.is_dir()]
    keepers = [pid for path in running if (pid := hosts.switch_off(path)) is not None]
    processes.wait_for_end(keepers, _POWER_OFF_TIMEOUT)
    found = processes.matching(lambda argument: hosts.is_mark(folder, argument))
    sessions = {processes.session(pid) for pid in found}
    processes.kill(found)  # supervisors among them: nothing starts after this
    processes.kill(processes.of_sessions(sessions))
    processes.kill(processes.matching(lambda argument: argument == registry.mark(folder)))
    processes.kill(cgroups.members(places))
