"""The lab's own processes, recognised by a file of the lab on their command line."""

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
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


def matching(wanted: Callable[[str], bool]) -> tuple[int, ...]:
    """Processes that have a *wanted* argument."""
    return tuple(pid for pid in pids() if any(map(wanted, arguments(pid))))


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


def session(pid: int) -> int | None:
    """The session a process is in; its number is the process id of who began it."""
    return _number(pid, 3)


def of_sessions(wanted: Collection[int | None]) -> tuple[int, ...]:
    """The processes of those sessions."""
    return tuple(pid for pid in pids() if (found := session(pid)) is not None and found in wanted)


def _parent(pid: int) -> int | None:
    return _number(pid, 1)


def _number(pid: int, index: int) -> int | None:
    fields = _state(pid)
    return int(fields[index]) if fields else None


def _state(pid: int) -> list[str]:
    """What follows the name in /proc/PID/stat: state, parent, group, session and more."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return stat.rpartition(")")[2].split()


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
    fields = _state(pid)
    return bool(fields) and fields[0] not in ("Z", "X")
