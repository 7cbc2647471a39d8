"""Debian 11, 12 and 13 in one swarm, each behind another firewall, from bare to gone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab import lifecycle
from provision.lab.labs import Lab
from provision.lab.paths import Paths
from tests.lab.swarmlay import Swarmlay
from tests.lab.test_firewalled import UFW
from tests.lab.test_firewalls_native import FIREWALLD, NFTABLES

pytestmark = [pytest.mark.lab, pytest.mark.slow]

PLAYBOOK = str(Path(__file__).parents[2] / "playbooks" / "overlay.yml")
WALLS = {"manager": NFTABLES, "worker-1": FIREWALLD, "worker-2": UFW}
SHOWN = {
    "manager": "nft -s list table inet filter; nft -s list table ip early",
    "worker-1": "firewall-cmd --zone=public --list-all | sort; ls /etc/firewalld/zones/p*; true",
    "worker-2": "ufw status verbose",
}
ENGINES = {"manager": "20.10.24", "worker-1": "26.1.5", "worker-2": "20.10.5"}


def test_three_releases_behind_three_firewalls(
    fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]
) -> None:
    """`up` and `check` are green, also after a reboot; `down` leaves firewalls as they were."""
    swarmlay = swarmlay_on(fresh_lab(suite="bookworm,trixie,bullseye"))
    for name, setup in WALLS.items():
        swarmlay.host(name, setup, timeout=300)
    before = {name: swarmlay.host(name, script) for name, script in SHOWN.items()}

    up = swarmlay("up", "--yes", PLAYBOOK, timeout=580)
    assert up.code == 0, up.err + up.out[-3000:]
    for name, version in ENGINES.items():
        said = swarmlay.host(name, "docker version --format '{{.Server.Version}}'")
        assert said.startswith(version)
    opened = {name: swarmlay.host(name, script) for name, script in SHOWN.items()}
    assert all(opened[name] != before[name] for name in WALLS)
    again = swarmlay("plan", PLAYBOOK)
    assert again.code == 0, again.out[-3000:]

    paths = Paths.from_environment(os.environ, Path.home())
    for name in WALLS:
        lifecycle.reboot(swarmlay.lab.name, name, paths)
        swarmlay.host(name, "systemctl is-system-running --wait >/dev/null; true")
    assert {name: swarmlay.host(name, script) for name, script in SHOWN.items()} == opened
    up = swarmlay("up", "--yes", PLAYBOOK, timeout=580)
    assert up.code == 0, up.err + up.out[-3000:]

    down = swarmlay("down", "--yes", "--purge", timeout=580)
    assert down.code == 0, down.err + down.out[-3000:]
    assert {name: swarmlay.host(name, script) for name, script in SHOWN.items()} == before
