"""The Docker engine over the connection that is open: ways to its socket, and bad answers."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.errors import ActionFailed, HostUnreachable
from provision.model.actions import Docker
from provision.model.connection import Sudo

pytestmark = pytest.mark.wire

_CLI = """#!/usr/bin/env python3
# Behaves as `docker system dial-stdio`.
import os, select, socket, sys
{refuse}
s = socket.socket(socket.AF_UNIX); s.connect({path!r})
while True:
    for ready in select.select([0, s], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else s.recv(65536)
        if not data: sys.exit()
        (s.sendall(data) if ready == 0 else os.write(1, data))
"""
_REFUSE = """
if "SUDO" not in os.environ:
    print("permission denied while trying to connect", file=sys.stderr); sys.exit(1)
"""


@pytest.fixture
def engine(site: Any, engine_at: Callable[[Path], Any]) -> Any:
    """An engine whose socket the SSH server may open."""
    server, _ = engine_at(site.directory / "docker.sock")
    site.server.docker_socket = str(site.directory / "docker.sock")
    return server


def _install_cli(site: Any, engine: Any, *, refuse: bool = False) -> None:
    """Put a docker command on the host; sshd itself must not open the socket any more."""
    script = _CLI.format(path=str(engine.path), refuse=_REFUSE if refuse else "")
    cli = site.directory / "bin" / "docker"
    cli.write_text(script)
    cli.chmod(0o755)
    sudo = site.directory / "bin" / "sudo"
    sudo.write_text(sudo.read_text().replace("#!/bin/sh", "#!/bin/sh\nexport SUDO=1", 1))
    site.server.docker_socket = None


def test_the_socket_is_opened_over_the_same_connection(site: Any, engine: Any) -> None:
    """No second connection, no command: a channel to the socket, used again and again."""
    session = site.connect()
    for _ in range(5):
        session.docker("info", {})

    assert (site.server.connections, site.server.commands, engine.streams) == (1, [], 1)


def test_a_session_without_docker_never_imports_the_sdk(site: Any) -> None:
    """What needs no engine does not pay for the SDK."""
    session = site.connect()
    session.ask("true", sudo=False)

    assert session._the_engine is None


def test_the_command_is_the_second_way(site: Any, engine: Any) -> None:
    """Where sshd must not open the socket, `docker system dial-stdio` does."""
    _install_cli(site, engine)
    session = site.connect()
    for _ in range(3):
        assert session.docker("info", {})["Name"] == "web1"

    assert len(site.server.commands) == 1
    assert "docker system dial-stdio" in site.server.commands[0]


@pytest.mark.parametrize("mode", ["free", "password"])
def test_root_is_the_third_way(site: Any, engine: Any, mode: str) -> None:
    """Where the user may not open the socket, root may; one process serves many requests."""
    _install_cli(site, engine, refuse=True)
    (site.directory / "bin" / "mode").write_text(mode)
    site.environment["WORD"] = "open sesame"
    sudo = Sudo(password_env="WORD" if mode == "password" else None)
    session = site.connect(site.target(sudo=sudo))
    for _ in range(3):
        assert session.docker("info", {})["Name"] == "web1"

    assert [("sudo" in line) for line in site.server.commands] == [False, True]


def test_no_engine_is_said_with_every_way_that_was_tried(site: Any) -> None:
    """A host without Docker answers at once, naming what was tried."""
    site.server.docker_socket = "/nowhere/docker.sock"

    with pytest.raises(ActionFailed, match=r"cannot be reached.*dial") as raised:
        site.connect().docker("info", {})
    assert "systemctl status docker" in raised.value.hint


def test_an_engine_installed_meanwhile_is_found(site: Any, engine_at: Callable[..., Any]) -> None:
    """An engine that was not there at first is used as soon as it is."""
    session = site.connect()
    with pytest.raises(ActionFailed):
        session.docker("info", {})
    engine_at(site.directory / "docker.sock")
    site.server.docker_socket = str(site.directory / "docker.sock")

    assert session.docker("info", {})["Name"] == "web1"


def test_a_restarted_engine_is_found_again(site: Any, engine_at: Callable[..., Any]) -> None:
    """Streams that a restart broke are opened anew, without an error."""
    path = site.directory / "docker.sock"
    first, _ = engine_at(path)
    site.server.docker_socket = str(path)
    session = site.connect()
    session.docker("info", {})
    first.stop()
    path.unlink()
    site.server.cut()
    engine_at(path)

    assert session.docker("info", {})["Name"] == "web1"


def test_a_read_survives_a_lost_connection(site: Any, engine: Any) -> None:
    """A connection lost while idle does not show in a read of the engine."""
    session = site.connect()
    session.docker("info", {})
    site.server.cut()
    time.sleep(0.2)

    assert session.docker("info", {})["Name"] == "web1"
    assert engine.engine.calls[-1] == ("GET", "/info")


def test_a_change_is_not_made_twice(site: Any, engine: Any) -> None:
    """A change whose connection broke on the way is not repeated: its outcome is not known."""
    session = site.connect()
    session.docker("info", {})
    original = engine.engine.handle

    def cut_first(method: str, path: str, query: Any, body: Any) -> Any:
        answer = original(method, path, query, body)
        if path == "/swarm/init":
            site.server.cut()
            time.sleep(0.3)
        return answer

    engine.engine.handle = cut_first

    with pytest.raises(HostUnreachable, match=r"swarm\.init"):
        session.do(Docker("swarm.init", {"advertise_addr": "10.0.0.11"}), {})
    assert engine.engine.calls.count(("POST", "/swarm/init")) == 1


@pytest.mark.parametrize(
    "garbage",
    [b"<html>gateway</html>", b'{"Swarm": ', b"[1, 2]", b'"text"', os.urandom(40)],
    ids=["html", "truncated", "list", "string", "noise"],
)
def test_garbage_is_an_error_not_a_traceback(site: Any, engine: Any, garbage: bytes) -> None:
    """What an engine would never answer is told, not stumbled over."""
    engine.spoiled["/info"] = garbage

    with pytest.raises(ActionFailed):
        site.connect().docker("info", {})


def test_what_is_no_engine_is_not_spoken_to(site: Any, engine: Any) -> None:
    """Something else on the socket is recognised by its lacking an API version."""
    engine.version = None

    with pytest.raises(ActionFailed, match="not a Docker engine"):
        site.connect().docker("info", {})


def test_an_engine_that_is_too_old_is_named(site: Any, engine: Any) -> None:
    """An engine before 20.10 is refused with its version."""
    engine.version = "1.40"

    with pytest.raises(ActionFailed, match="too old"):
        site.connect().docker("info", {})


def test_a_newer_engine_is_spoken_to_in_a_known_version(site: Any, engine: Any) -> None:
    """The version is the newest that both know."""
    engine.version = "1.47"
    session = site.connect()
    session.docker("info", {})

    assert session._the_engine._client.api_version == "1.47"


def test_an_engine_that_hangs_is_given_up(site: Any, engine: Any) -> None:
    """An engine that accepts and does not answer ends in an error after the step's time."""
    original = engine.engine.handle

    def late(*call: Any) -> Any:
        time.sleep(3)
        return original(*call)

    engine.engine.handle = late

    answer = site.connect().do(Docker("info", timeout=0.5), {})

    assert (answer.exit_code, "did not answer within" in answer.stderr) == (1, True)


def test_the_developers_settings_have_no_say(
    site: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies and DOCKER_HOST of this machine do not touch a host's socket."""
    for name in ("ALL_PROXY", "HTTP_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")

    assert site.connect().docker("info", {})["Name"] == "web1"
    assert engine.streams == 1


def test_endless_output_is_cut(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not stop talking is cut off with a clear error."""
    monkeypatch.setattr("provision.transports.channels.OUTPUT_LIMIT", 1_000_000)

    with pytest.raises(HostUnreachable, match="cut off"):
        site.connect().ask("yes", sudo=False, timeout=20)
