"""One host: what is its own on disk, switching it on and off, and waiting until it lets us in."""

import json
import os
import select
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provision.errors import HostUnreachable, SwarmlayError
from provision.lab import processes
from provision.lab.commands import last_words, launch, run
from provision.lab.host_init import (
    DOCKER_FOLDERS,
    Plug,
    init_script,
    root_script,
    supervise_script,
)
from provision.lab.labs import Lab, LabHost
from provision.lab.spec import SSH_USER

# What useradd in the root file system gave the first ordinary user.
_USER_ID = 1000
_REBOOT = signal.SIGRTMIN + 5
_SSH_PORT = 22
START_GRACE = 5.0  # seconds until a process that was started must be seen, on slow machines, too
_SCRIPTS = {"supervise.sh": supervise_script, "init.sh": init_script, "root.sh": root_script}


@dataclass(frozen=True, slots=True)
class Files:
    """What a host finds on its disk that other hosts do not."""

    public_key: str
    resolv_conf: str
    registry: str


def supervisor(folder: Path) -> str:
    """The argument by which a host's supervisor is recognised."""
    return str(folder / "supervise.sh")


def is_mark(lab: Path, argument: str) -> bool:
    """Whether *argument* gives away a process of a host of the lab kept in folder *lab*."""
    host, _, name = argument.rpartition("/")
    return name in _SCRIPTS and Path(host).parent == lab / "hosts"


def supervisor_pid(folder: Path) -> int | None:
    """The process that keeps the host on, or None if the host is off."""
    return processes.from_file(folder / "supervisor.pid", supervisor(folder))


def init_pid(folder: Path) -> int | None:
    """The host's first process as the machine sees it, or None if the host is off or booting."""
    keeper = supervisor_pid(folder)
    for waiting in processes.children(keeper) if keeper else ():
        for pid in processes.children(waiting):
            if processes.arguments(pid)[:1] == ("/lib/systemd/systemd",):
                return pid
    return None


def prepare(host: LabHost, plug: Plug, files: Files) -> None:
    """Write the folder of a host that is off; one that was prepared before keeps its disk."""
    for name in ("work", "root", *DOCKER_FOLDERS):
        (plug.folder / name).mkdir(parents=True, exist_ok=True)
    for name, script in _SCRIPTS.items():
        (plug.folder / name).write_text(script(plug))
    upper = plug.folder / "upper"
    if not upper.is_dir():
        fresh = plug.folder / "upper.new"
        run(["rm", "-rf", str(fresh)])
        _fill(fresh, host, files)
        fresh.rename(upper)
    (upper / "etc" / "resolv.conf").write_text(files.resolv_conf)


def _fill(upper: Path, host: LabHost, files: Files) -> None:
    """The disk of a new host: the layer above the root file system."""
    key = upper / "etc" / "ssh" / "ssh_host_ed25519_key"
    daemon = {"registry-mirrors": [f"http://{files.registry}"]}
    _file(upper / "etc" / "hostname", host.name + "\n")
    _file(upper / "etc" / "hosts", f"127.0.0.1\tlocalhost\n127.0.1.1\t{host.name}\n")
    _file(upper / "etc" / "machine-id", host.machine_id + "\n", 0o444)
    _file(upper / "etc" / "docker" / "daemon.json", json.dumps(daemon, indent=2) + "\n")
    key.parent.mkdir()
    make_key(key, f"root@{host.name}")
    home = upper / "home" / SSH_USER
    _file(home / ".ssh" / "authorized_keys", files.public_key, 0o600)
    (home / ".ssh").chmod(0o700)
    for path in (home, home / ".ssh", home / ".ssh" / "authorized_keys"):
        os.chown(path, _USER_ID, _USER_ID)


def _file(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def make_key(path: Path, comment: str) -> None:
    """A new ed25519 key pair without a passphrase."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def pinned_line(host: LabHost, folder: Path) -> str:
    """The host's line for known_hosts, from its disk: nothing is learnt over the network."""
    public = (folder / "upper" / "etc" / "ssh" / "ssh_host_ed25519_key.pub").read_text()
    kind, key, *_ = public.split()
    return f"{host.address} {kind} {key}\n"


def switch_on(folder: Path) -> None:
    """Start the supervisor, unless it runs; it writes its own process id down."""
    if supervisor_pid(folder) is not None:
        return
    (folder / "again").unlink(missing_ok=True)
    launch(["/bin/sh", supervisor(folder)], folder / "log")


def switch_off(folder: Path) -> int | None:
    """Pull the host's plug; its supervisor, which is returned, then ends by itself."""
    first = init_pid(folder)
    if first is None:
        return None
    keeper = supervisor_pid(folder)
    (folder / "again").unlink(missing_ok=True)
    with suppress(ProcessLookupError):
        os.kill(first, signal.SIGKILL)
    return keeper


def wait_until_open(host: LabHost, folder: Path, deadline: float) -> None:
    """Wait until the host's SSH answers.

    Raises:
        SwarmlayError: the host ended by itself. HostUnreachable: it takes too long.
    """
    grace = time.monotonic() + START_GRACE
    while not _greets(host.address):
        if time.monotonic() > grace and supervisor_pid(folder) is None:
            raise SwarmlayError(
                "the host ended while booting", where=host.name, why=last_words(folder / "log")
            )
        if time.monotonic() > deadline:
            raise HostUnreachable(
                "SSH does not answer", where=host.name, why=last_words(folder / "log")
            )
        time.sleep(0.02)


def _greets(address: str) -> bool:
    """Whether an SSH server says its name; the kernel alone would accept the connection."""
    try:
        with socket.create_connection((address, _SSH_PORT), timeout=0.5) as connection:
            readable, _, _ = select.select([connection], [], [], 1.0)
            return bool(readable) and connection.recv(4) == b"SSH-"
    except OSError:
        return False


def restart(lab: Lab, host: LabHost, folder: Path, timeout: float, *, hard: bool) -> None:
    """Ask the host's systemd for a reboot, or pull its plug, and wait until SSH answers again.

    Raises:
        SwarmlayError: the host is off. HostUnreachable: it does not come back in time.
    """
    first = init_pid(folder)
    if first is None:
        raise SwarmlayError(
            "the host is not running", where=host.name, hint=f"swarmlay lab up --name {lab.name}"
        )
    if hard:
        (folder / "again").touch()
    os.kill(first, signal.SIGKILL if hard else _REBOOT)
    deadline = time.monotonic() + timeout
    while processes.alive(first) and time.monotonic() < deadline:
        time.sleep(0.02)
    if processes.alive(first):
        raise HostUnreachable(
            "the host does not go down", where=host.name, why=last_words(folder / "log")
        )
    wait_until_open(host, folder, deadline)
