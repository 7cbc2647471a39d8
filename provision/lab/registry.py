"""A lab's own registry: a mirror on its bridge, filled with the stand-ins."""

import json
import socket
import time
from pathlib import Path

from provision.errors import SwarmlayError
from provision.lab import processes
from provision.lab.commands import last_words, launch, run
from provision.lab.labs import Lab
from provision.lab.paths import Paths

PORTS = range(5000, 5020)
_PATIENCE = 30.0
_START_GRACE = 5.0
_SECRET_IS_OF_NO_USE = "one process, one lab"  # noqa: S105 - only several registries share it


def mark(folder: Path) -> str:
    """The argument by which a lab's registry is recognised among the processes."""
    return str(folder / "registry" / "config.yml")


def free_port() -> int:
    """The usual port, or the next one if something on the machine listens there on all addresses.

    Raises:
        SwarmlayError: many are taken.
    """
    for port in PORTS:
        with socket.socket() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SwarmlayError(
        "there is no port for the lab's registry",
        why=f"something listens on each of {PORTS.start} to {PORTS.stop - 1}",
    )


def settings(storage: Path, listen: str) -> str:
    """The registry's configuration file; YAML takes JSON."""
    document = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
        },
        "http": {"addr": listen, "secret": _SECRET_IS_OF_NO_USE},
    }
    return json.dumps(document, indent=2) + "\n"


def start(lab: Lab, seed: Path, paths: Paths) -> None:
    """Fill the registry's folder, unless it is, and start it, unless it runs.

    Raises:
        SwarmlayError: it does not start.
    """
    folder = paths.make(paths.lab(lab.name) / "registry")
    _fill(folder, seed)
    Path(mark(paths.lab(lab.name))).write_text(settings(folder / "storage", lab.registry))
    if pid(paths.lab(lab.name)) is None:
        _launch(folder, seed)
    _wait_until_open(lab, folder)


def pid(folder: Path) -> int | None:
    """The lab's registry process."""
    return next(iter(processes.matching(lambda argument: argument == mark(folder))), None)


def _fill(folder: Path, seed: Path) -> None:
    """A copy of its own: what a lab pushes stays with that lab."""
    storage = folder / "storage"
    if storage.is_dir():
        return
    fresh = folder / "storage.new"
    run(["rm", "-rf", str(fresh)])
    run(["cp", "-R", "--reflink=auto", str(seed / "registry"), str(fresh)])
    fresh.rename(storage)


def _launch(folder: Path, seed: Path) -> None:
    """Debian's registry with Debian's loader and libraries: it runs on any Linux."""
    tools = seed / "tools"
    loader = next((tools / "lib").glob("ld-linux*"))
    words = [str(loader), "--library-path", str(tools / "lib"), str(tools / "docker-registry")]
    launch([*words, "serve", mark(folder.parent)], folder / "log")


def _wait_until_open(lab: Lab, folder: Path) -> None:
    begun = time.monotonic()
    while (error := _refusal(lab)) is not None:
        waited = time.monotonic() - begun
        if waited > _PATIENCE or (waited > _START_GRACE and pid(folder.parent) is None):
            raise SwarmlayError(
                "the lab's registry does not start",
                where=lab.registry,
                why=last_words(folder / "log"),
            ) from error
        time.sleep(0.02)


def _refusal(lab: Lab) -> OSError | None:
    """Why nobody answers at the registry's address, or None if somebody does."""
    try:
        socket.create_connection((lab.bridge_address, lab.registry_port), timeout=1).close()
    except OSError as error:
        return error
    return None
