"""File locks that may be deleted while others wait for them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.errors import LockHeld


@contextmanager
def locked(path: Path, busy: str = "") -> Iterator[None]:
    """Hold *path* exclusively; the kernel lets go of it when the process dies, however it dies.

    Args:
        path: the lock file; it stays, use `unlink_lock` inside to remove it.
        busy: if given, do not wait: raise with this text.

    Raises:
        LockHeld: *busy* was given and another process holds it.
    """
    descriptor = _acquire(path, busy)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquire(path: Path, busy: str) -> int:
    """A descriptor that holds the lock on the file that *path* names now."""
    while True:
        try:
            path.parent.mkdir(exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue  # somebody removed the folder in between
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError as error:
            os.close(descriptor)
            raise LockHeld(busy, hint="wait until it has finished") from error
        if _names(path, descriptor):
            return descriptor
        os.close(descriptor)  # the holder before us deleted the file: ours is nobody's lock


def _names(path: Path, descriptor: int) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)
