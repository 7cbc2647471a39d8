"""What belongs to others on the same hosts survives, or is the reason for a clear refusal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from tests.lab.swarmlay import Swarmlay

pytestmark = pytest.mark.lab

OVERLAY = str(Path(__file__).parents[2] / "playbooks" / "overlay.yml")
DOCKER = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null 2>&1
timeout 30 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.1; done'
"""


@pytest.fixture(scope="module")
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """Hosts on which somebody already runs an engine."""
    made = swarmlay_on(fresh_lab())
    made.hosts(DOCKER)
    return made


def test_somebodys_containers_networks_and_rules_survive(swarmlay: Swarmlay) -> None:
    """A container, a bridge network, a firewall rule and a file: as they were, to the letter."""
    theirs = """
    docker network create theirs >/dev/null 2>&1 || true
    docker run -d --name theirs --network theirs busybox sleep 3600 >/dev/null 2>&1 || true
    iptables -C INPUT -p tcp --dport 9999 -j ACCEPT 2>/dev/null || \
      iptables -A INPUT -p tcp --dport 9999 -j ACCEPT
    """
    look = """
    docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.State.Running}}' theirs
    docker network inspect -f '{{.Id}}' theirs
    iptables -S INPUT
    dpkg-query -W docker.io containerd
    """
    swarmlay.hosts(theirs)
    before = swarmlay.hosts(look)

    up = swarmlay("up", OVERLAY, "--yes", "-o", "json")
    during = swarmlay.hosts(look)
    down = swarmlay("down", "--purge", "--yes", "-o", "json")

    assert up.code == 0, up.err + up.out[-2000:]
    assert during == before
    assert down.code == 0, down.err + down.out[-2000:]
    assert swarmlay.hosts(look) == before


def test_a_container_name_that_is_taken_is_refused(swarmlay: Swarmlay, tmp_path: Path) -> None:
    """Exit 4, the host and the name; theirs is not touched."""
    playbook = tmp_path / "clash.yml"
    playbook.write_text("containers:\n  theirs: {on: all, image: busybox, command: sleep 60}\n")
    before = swarmlay.host("worker-1", "docker inspect -f '{{.Id}}' theirs")

    ended = swarmlay("up", str(playbook), "--yes")
    swarmlay("down", "--yes")

    assert ended.code == 4, ended.err
    assert "theirs" in ended.out + ended.err
    assert swarmlay.host("worker-1", "docker inspect -f '{{.Id}}' theirs") == before


def test_a_swarm_made_by_hand_is_refused_and_survives(swarmlay: Swarmlay) -> None:
    """Exit 4 with the way to adopt it; `down` leaves it alone, too."""
    address = swarmlay.lab.host("manager").address
    swarmlay.host("manager", f"docker swarm init --advertise-addr {address} >/dev/null")
    node = swarmlay.host("manager", "docker info -f '{{.Swarm.NodeID}}'")

    up = swarmlay("up", "--yes")
    down = swarmlay("down", "--purge", "--yes")
    still = swarmlay.host("manager", "docker info -f '{{.Swarm.NodeID}}'")
    workers = swarmlay.host("worker-1", "docker info -f '{{.Swarm.LocalNodeState}}'")
    swarmlay.host("manager", "docker swarm leave --force")

    assert up.code == 4, up.err
    assert "adopt" in up.out + up.err
    assert still == node
    assert workers.strip() == "inactive"
    assert down.code == 0, down.err


def test_a_worker_of_another_swarm_is_refused_with_both_ids(swarmlay: Swarmlay) -> None:
    """The others are formed; the one in another swarm is named."""
    address = swarmlay.lab.host("worker-2").address
    init = f"docker swarm init --advertise-addr {address} >/dev/null"
    swarmlay.host("worker-2", init)
    other = swarmlay.host("worker-2", "docker info -f '{{.Swarm.Cluster.ID}}'").strip()

    up = swarmlay("up", "--yes", "--no-check")
    down = swarmlay("down", "--yes")
    still = swarmlay.host("worker-2", "docker info -f '{{.Swarm.Cluster.ID}}'").strip()
    swarmlay.host("worker-2", "docker swarm leave --force")

    assert up.code == 4, up.err
    assert other in up.out + up.err
    assert still == other
    assert down.code == 0, down.err
