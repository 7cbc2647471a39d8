"""The machine's cgroup hierarchies, version 1 or 2, and each host's place in them."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provision.errors import SwarmlayError

_SYSTEMD = "name=systemd"
_OPTIONS_OF_NO_INTEREST = frozenset(
    {"rw", "ro", "nosuid", "nodev", "noexec", "noatime", "relatime", "xattr", "noprefix"}
    | {"clone_children", "cpuset_v2_mode", "seclabel"}
)
_WANTED_V2 = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc")
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted cgroup v1 hierarchy.

    Attributes:
        mountpoint: where the machine has it.
        controllers: ``("cpu", "cpuacct")``, or ``("name=systemd",)``.
    """

    mountpoint: str
    controllers: tuple[str, ...]

    @property
    def options(self) -> str:
        """What ``mount -o`` needs to mount it a second time."""
        named = any(controller.startswith("name=") for controller in self.controllers)
        return ",".join((*(("none",) if named else ()), *self.controllers))

    @property
    def folder(self) -> str:
        """What the mount point is called below /sys/fs/cgroup."""
        return ",".join(c.removeprefix("name=") for c in self.controllers)


@dataclass(frozen=True, slots=True)
class Cgroups:
    """How this machine does cgroups: *unified* is version 2's mount point, else *hierarchies*."""

    hierarchies: tuple[Hierarchy, ...] = ()
    unified: str = ""

    @property
    def version(self) -> int:
        """1 or 2."""
        return 2 if self.unified else 1

    def places(self, scope: str) -> tuple[str, ...]:
        """The directories of one host, one a hierarchy."""
        if self.unified:
            return (f"{self.unified}/{scope}",)
        return tuple(f"{hierarchy.mountpoint}/{scope}" for hierarchy in self.hierarchies)

    @property
    def roots(self) -> tuple[str, ...]:
        """Where the directories of hosts are made."""
        if self.unified:
            return (self.unified,)
        return tuple(hierarchy.mountpoint for hierarchy in self.hierarchies)


def understand(mounts: str) -> Cgroups:
    """Read /proc/mounts: version 1 wins where both are mounted, as in systemd's hybrid set-up.

    Raises:
        SwarmlayError: neither is usable.
    """
    rows = [line.split() for line in mounts.splitlines() if line.strip()]
    v1: dict[tuple[str, ...], Hierarchy] = {}
    unified = ""
    for _, mountpoint, kind, options, *_rest in rows:
        if kind == "cgroup2":
            unified = unified or mountpoint
        if kind == "cgroup" and (controllers := _controllers(options)):
            v1.setdefault(controllers, Hierarchy(mountpoint, controllers))
    if not v1 and not unified:
        raise SwarmlayError(
            "this machine has no cgroups mounted",
            hint="mount cgroup2 on /sys/fs/cgroup; every distribution with systemd does",
        )
    return Cgroups(_with_systemd(v1.values())) if v1 else Cgroups(unified=unified)


def _controllers(options: str) -> tuple[str, ...]:
    """The controllers among a hierarchy's mount options; named ones other than systemd's: none."""
    words = tuple(w for w in options.split(",") if w not in _OPTIONS_OF_NO_INTEREST)
    words = tuple(w for w in words if not w.startswith("release_agent="))
    foreign = any(w.startswith("name=") and w != _SYSTEMD for w in words)
    return () if foreign else words


def _with_systemd(found: Iterable[Hierarchy]) -> tuple[Hierarchy, ...]:
    hierarchies = tuple(found)
    if any(_SYSTEMD in hierarchy.controllers for hierarchy in hierarchies):
        return hierarchies
    raise SwarmlayError(
        "this machine's cgroups lack the hierarchy that systemd needs",
        why="cgroup version 1 is mounted without name=systemd",
        hint="mkdir /sys/fs/cgroup/systemd && "
        "mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd",
    )


def controllers_to_enable(available: str, enabled: str) -> tuple[str, ...]:
    """Version 2: what the root must still delegate for a host to be like a machine."""
    there, on = set(available.split()), set(enabled.split())
    return tuple(name for name in _WANTED_V2 if name in there and name not in on)


def missing_controllers(cgroups: Cgroups) -> tuple[str, ...]:
    """Version 2: the controllers that `delegate` would have to switch on."""
    if not cgroups.unified:
        return ()
    root = Path(cgroups.unified)
    return controllers_to_enable(
        (root / "cgroup.controllers").read_text(), (root / "cgroup.subtree_control").read_text()
    )


def delegate(cgroups: Cgroups, controllers: Iterable[str]) -> None:
    """Version 2: enable *controllers* for the root's children.

    One that the kernel refuses (real-time tasks forbid cpu, for example) is left off: systemd
    and Docker say what they miss.
    """
    for name in controllers:
        _write(Path(cgroups.unified) / "cgroup.subtree_control", f"+{name}")


def undelegate(cgroups: Cgroups, controllers: Iterable[str]) -> None:
    """Version 2: switch off what `delegate` switched on, unless somebody else uses it by now."""
    for name in controllers:
        _write(Path(cgroups.unified) / "cgroup.subtree_control", f"-{name}")


def _write(path: Path, text: str) -> None:
    with suppress(OSError):
        path.write_text(text)


def members(places: Iterable[str]) -> frozenset[int]:
    """The processes in *places* and below."""
    found: set[int] = set()
    for place in places:
        for file in Path(place).rglob("cgroup.procs"):
            with suppress(OSError):
                found.update(int(pid) for pid in file.read_text().split() if pid != "0")
    return frozenset(found)


def leftovers(cgroups: Cgroups, prefix: str) -> tuple[str, ...]:
    """Directories at the roots whose name starts with *prefix*."""
    return tuple(
        str(path) for root in cgroups.roots for path in sorted(Path(root).glob(f"{prefix}*"))
    )


def remove(places: Iterable[str]) -> tuple[str, ...]:
    """Remove *places* with all below; returns those that still hold something after a while.

    A directory is busy for a moment after its last process has died.
    """
    deadline = time.monotonic() + _PATIENCE
    left = tuple(places)
    while (left := tuple(p for p in left if not _removed(Path(p)))) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.02)
    return left


def _removed(place: Path) -> bool:
    if not place.is_dir():
        return True
    folders = sorted((p for p in place.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts))
    for folder in (*folders, place):
        with suppress(OSError):
            folder.rmdir()
    return not place.exists()
