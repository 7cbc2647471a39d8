"""The lab's own processes, recognised by a file of the lab on their command line."""

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_PATIENCE = 10.0


def pids() -> Iterator[int]:
    """All processes of this machine."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def arguments(pid: int) -> tuple[str, ...]:
    """A process's command line; empty for one that has gone."""
    try:
        return tuple((_PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0"))
    except OSError:
        return ()


def running_with(files: Collection[str]) -> tuple[int, ...]:
    """Processes that have one of *files*, as it stands, among their arguments."""
    wanted = set(files)
    return tuple(pid for pid in pids() if wanted.intersection(arguments(pid)))


def from_file(file: Path, argument: str) -> int | None:
    """The process whose id *file* holds, if it still is the one that has *argument*."""
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return None
    return pid if argument in arguments(pid) else None


def children(pid: int) -> tuple[int, ...]:
    """The children of a process."""
    return tuple(other for other in pids() if _parent(other) == pid)


def _parent(pid: int) -> int | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def kill(targets: Collection[int]) -> None:
    """End *targets* at once and wait until the kernel has taken them away."""
    for pid in targets:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for_end(targets)


def wait_for_end(targets: Collection[int], patience: float = _PATIENCE) -> bool:
    """Wait until *targets* have ended; False if some still run after *patience* seconds."""
    deadline = time.monotonic() + patience
    while any(alive(pid) for pid in targets):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def alive(pid: int) -> bool:
    """Whether it runs; a zombie, dead but not yet collected by its parent, does not."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
