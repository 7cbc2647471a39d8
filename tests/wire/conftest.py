"""Servers on loopback: an SSH server, a Docker engine, and OpenSSH's own sshd."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import paramiko
import pytest

from provision.model.connection import SshTarget, Sudo
from provision.model.probes import Answer
from provision.model.session import Session
from provision.transports.local import LocalTransport
from provision.transports.simulated import SimulatedTransport
from provision.transports.ssh import SshTransport

SSHD = Path("/usr/sbin/sshd")


def _sibling(name: str) -> ModuleType:
    """A module beside this file: tests are imported by path, not as a package."""
    full = f"swarmlay_wire_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).parent / f"{name}.py")
        if spec is None or spec.loader is None:
            raise ImportError(name)
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


ssh_server = _sibling("ssh_server")
engine_server = _sibling("engine_server")


@dataclass
class Site:
    """A server with a key that it lets in, and how a test reaches it."""

    server: Any
    directory: Path
    key_file: Path
    environment: dict[str, str]
    transports: list[SshTransport] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def target(self, **changes: Any) -> SshTarget:
        """How the server is reached."""
        wanted: dict[str, Any] = {
            "name": "web1",
            "address": "127.0.0.1",
            "port": self.server.port,
            "user": self.server.user,
            "key": str(self.key_file),
            "known_hosts": str(self.directory / "known_hosts"),
            "sudo": Sudo(enabled=False),
            "connect_timeout": 5.0,
        }
        return SshTarget(**{**wanted, **changes})

    def transport(self, *targets: SshTarget, **changes: Any) -> SshTransport:
        """A transport to *targets*, or to the server alone."""
        wanted = targets or (self.target(),)
        settings: dict[str, Any] = {
            "environment": self.environment,
            "unit_directory": str(self.directory / "units"),
            "docker_socket": str(self.directory / "docker.sock"),
        }
        return SshTransport({t.name: t for t in wanted}, **{**settings, **changes})

    def connect(self, target: SshTarget | None = None, **changes: Any) -> Any:
        """An open session, closed when the test ends."""
        wanted = target or self.target()
        session = self.transport(wanted, **changes).connect(wanted.name)
        self.sessions.append(session)
        return session


def new_key(path: Path, passphrase: str | None = None) -> paramiko.PKey:
    """A new Ed25519 key in *path* and its public half beside it."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase or "", "-f", str(path)]
    subprocess.run([*words, "-C", "test"], check=True, stdin=subprocess.DEVNULL)
    return paramiko.PKey.from_path(path, passphrase.encode() if passphrase else None)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make_key() -> Callable[..., paramiko.PKey]:
    """Makes key files."""
    return new_key


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, paramiko.PKey]:
    """One key for all tests: making one costs more than most tests."""
    path = tmp_path_factory.mktemp("keys") / "id_test"
    return path, new_key(path)


@pytest.fixture
def new_site(tmp_path: Path, key_pair: tuple[Path, paramiko.PKey]) -> Iterator[Callable[..., Site]]:
    """Makes sites; everything ends with the test."""
    sites: list[Site] = []

    def make(name: str = "site") -> Site:
        directory = tmp_path / name
        (directory / "bin").mkdir(parents=True)
        sudo = directory / "bin" / "sudo"
        sudo.write_text(ssh_server.SUDO)
        sudo.chmod(0o755)
        (directory / "bin" / "mode").write_text("free")
        server = ssh_server.SshServer(directory, paramiko.ECDSAKey.generate())
        server.allowed.add(key_pair[1].asbytes())
        server.start()
        site = Site(server, directory, key_pair[0], {"HOME": str(directory), "USER": "tester"})
        sites.append(site)
        return site

    yield make
    for site in sites:
        for session in site.sessions:
            session.close()
        site.server.stop()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """One site."""
    return new_site()


@dataclass
class Rig:
    """A session of one kind, for the contract that all kinds keep.

    Attributes:
        engine: the simulated engine that answers for the host, directly or over the wire.
        root: a folder on the host. files: what stands in it: content and mode by path.
    """

    kind: str
    session: Session
    engine: Any
    world: SimulatedTransport
    root: Path
    files: Callable[[str], tuple[bytes, int] | None]


@pytest.fixture
def engine_at() -> Iterator[Callable[[Path], tuple[Any, SimulatedTransport]]]:
    """Puts a simulated engine behind a socket."""
    servers: list[Any] = []

    def serve(path: Path) -> tuple[Any, SimulatedTransport]:
        world = SimulatedTransport(["web1", "web2"], images=["nginx:latest"])
        server = engine_server.EngineServer(path, world.hosts["web1"].engine)
        server.start()
        servers.append(server)
        return server, world

    yield serve
    for server in servers:
        server.stop()


@pytest.fixture(params=["simulated", "local", "server", "openssh"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """A session of each kind."""
    makers = {
        "simulated": _simulated_rig,
        "local": _local_rig,
        "server": _server_rig,
        "openssh": _openssh_rig,
    }
    yield from makers[request.param](request, tmp_path)


def _on_disk(path: str) -> tuple[bytes, int] | None:
    file = Path(path)
    return (file.read_bytes(), file.stat().st_mode & 0o7777) if file.exists() else None


def _simulated_rig(request: pytest.FixtureRequest, root: Path) -> Iterator[Rig]:
    del request
    world = SimulatedTransport(["web1", "web2"], images=["nginx:latest"])
    host = world.hosts["web1"]
    host.on_run = _really
    host.on_ask = lambda script: _really(["sh", "-s"], script)
    host.on_open = _echo

    def files(path: str) -> tuple[bytes, int] | None:
        found = host.files.get(path)
        return (found.content, found.mode) if found else None

    session = world.connect("web1")
    yield Rig("simulated", session, host.engine, world, root, files)
    session.close()


def _echo(words: Any, line: str | None) -> list[str]:
    del words
    return ["ready"] if line is None else [f"heard {line}"]


def _really(words: Any, stdin: str) -> Answer:
    """The command, really run: a simulated host's handler for tests of the contract."""
    done = subprocess.run(list(words), input=stdin.encode(), capture_output=True, check=False)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    return Answer(done.returncode, out, err.strip("\n"))


def _local_rig(request: pytest.FixtureRequest, root: Path) -> Iterator[Rig]:
    _, world = request.getfixturevalue("engine_at")(root / "docker.sock")
    transport = LocalTransport(
        environment=dict(os.environ),
        sudo=Sudo(enabled=False),
        docker_socket=str(root / "docker.sock"),
        unit_directory=str(root / "units"),
    )
    session = transport.connect("web1")
    yield Rig("local", session, world.hosts["web1"].engine, world, root, _on_disk)
    session.close()


def _server_rig(request: pytest.FixtureRequest, root: Path) -> Iterator[Rig]:
    site = request.getfixturevalue("site")
    socket_path = site.directory / "docker.sock"
    _, world = request.getfixturevalue("engine_at")(socket_path)
    site.server.docker_socket = str(socket_path)
    session = site.connect()
    yield Rig("server", session, world.hosts["web1"].engine, world, root, _on_disk)


def _openssh_rig(request: pytest.FixtureRequest, root: Path) -> Iterator[Rig]:
    site = request.getfixturevalue("openssh")
    _, world = request.getfixturevalue("engine_at")(site.directory / "docker.sock")
    session = site.connect()
    yield Rig("openssh", session, world.hosts["web1"].engine, world, root, _on_disk)


@dataclass
class OpenSsh:
    """OpenSSH's sshd as a site's server."""

    port: int
    user: str
    process: subprocess.Popen[bytes]


@pytest.fixture
def openssh(tmp_path: Path, key_pair: tuple[Path, paramiko.PKey]) -> Iterator[Site]:
    """The real sshd on a loopback port, with a configuration of its own."""
    if not SSHD.exists():
        (pytest.fail if "CI" in os.environ else pytest.skip)("openssh-server is not installed")
    directory = tmp_path / "openssh"
    directory.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    new_key(directory / "host_key")
    shutil.copy(f"{key_pair[0]}.pub", directory / "authorized_keys")
    port = _free_port()
    lines = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": directory / "host_key",
        "AuthorizedKeysFile": directory / "authorized_keys",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
        "MaxStartups": "100",
        "AllowTcpForwarding": "yes",
        "AllowStreamLocalForwarding": "yes",
    }
    config = directory / "sshd_config"
    config.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
    process = subprocess.Popen(
        [str(SSHD), "-D", "-e", "-f", str(config)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _until_open(port)
    user = os.environ.get("USER") or ("root" if os.geteuid() == 0 else "")
    server = OpenSsh(port, user, process)
    site = Site(server, directory, key_pair[0], {"HOME": str(directory), "USER": user})
    yield site
    for session in site.sessions:
        session.close()
    process.terminate()
    process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_open(port: int) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("sshd does not listen")
