"""Hosts behind their own firewall: opened for the peers only, kept over a reboot, closed again."""

from collections.abc import Callable

import pytest

from provision.lab.labs import Lab
from tests.lab.swarmlay import Swarmlay

pytestmark = pytest.mark.lab

UFW = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends ufw >/dev/null 2>&1
ufw allow 22/tcp >/dev/null
ufw allow from 203.0.113.9 to any port 8080 proto tcp comment 'theirs' >/dev/null
ufw --force enable >/dev/null
ufw status verbose | sed -n 1,3p
"""


def test_ufw_is_opened_for_peers_and_closed_again(
    fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]
) -> None:
    """Only 22 is open; `up` lets the peers in, `down` takes just that away."""
    swarmlay = swarmlay_on(fresh_lab())
    assert all("Status: active" in said for said in swarmlay.hosts(UFW).values())
    before = swarmlay.hosts("ufw status | sort")

    up = swarmlay("up", "--yes", "-o", "json")
    rules = swarmlay.hosts("ufw status")
    down = swarmlay("down", "--yes", "-o", "json")

    assert up.code == 0, up.err + up.out[-2000:]
    peers = {h.address for h in swarmlay.lab.hosts}
    for host in swarmlay.lab.hosts:
        for peer in peers - {host.address}:
            assert f"4789/udp                   ALLOW       {peer}" in rules[host.name]
        assert "4789/udp                   ALLOW       Anywhere" not in rules[host.name]
    assert ("2377" in rules["manager"], "2377" in rules["worker-1"]) == (True, False)
    assert down.code == 0, down.err
    assert swarmlay.hosts("ufw status | sort") == before
