"""What holds for every test: no sockets outside wire, lab and vm, nothing of the developer's."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

_REAL = ("wire", "lab", "vm")
_PRIVATE = ("SSH_AUTH_SOCK", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "SWARMLAY_INVENTORY")


def pytest_configure(config: pytest.Config) -> None:
    """Move home away before anything reads it: ~/.ssh and ~/.docker of a developer are not ours.

    Caches and state that labs share stay where they are: root file systems take a minute to make.
    """
    home = Path.home()
    os.environ.setdefault("XDG_CACHE_HOME", str(home / ".cache"))
    os.environ.setdefault("XDG_STATE_HOME", str(home / ".local" / "state"))
    directory = tempfile.TemporaryDirectory(prefix="swarmlay-tests-home-")
    config.add_cleanup(directory.cleanup)
    os.environ["HOME"] = directory.name
    for name in _PRIVATE:
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests that dial fail loudly."""
    if any(request.node.get_closest_marker(name) for name in _REAL):
        return

    def refuse(_self: socket.socket, address: object) -> None:
        pytest.fail(f"a test without the marker wire, lab or vm dials {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
