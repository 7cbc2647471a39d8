"""Hosts that do not answer: the others are done, nothing is guessed, teardown works around them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from tests.lab.swarmlay import Swarmlay

pytestmark = pytest.mark.lab


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[[Lab, str], str]:
    """An inventory over a lab's hosts with one address that nobody has."""

    def write(lab: Lab, dead: str, **roles: str) -> str:
        lines = [
            "cluster: deadtest",
            f"ssh: {{user: {lab.user}, key: {lab.key}, wait: 0, connect_timeout: 2}}",
            "engine: {source: distro}",
            "hosts:",
        ]
        for host in lab.hosts:
            address = dead if host.name == "worker-2" else host.address
            role = roles.get(host.name.replace("-", "_"), host.role)
            lines.append(f"  {host.name}: {{address: {address}, role: {role}}}")
        path = tmp_path / "inventory.yml"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


@pytest.fixture(scope="module")
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """Three bare hosts."""
    return swarmlay_on(fresh_lab())


def nobody(lab: Lab) -> str:
    """An address of the lab's subnet that no host has."""
    return lab.subnet.replace("0/24", "99")


def test_one_dead_worker(swarmlay: Swarmlay, inventory: Callable[..., str]) -> None:
    """The other two form the cluster; exit 3; the dead one is named; down says what is left."""
    path = inventory(swarmlay.lab, nobody(swarmlay.lab))

    up = swarmlay("up", "--yes", "-o", "json", inventory=path)
    nodes = swarmlay.host("manager", "docker node ls --format '{{.Hostname}} {{.Status}}' | sort")
    down = swarmlay("down", "--yes", "-o", "json", inventory=path)

    assert up.code == 3, up.err
    assert [b["host"] for b in up.json["blocked"]] == ["worker-2"]
    assert nodes.split("\n")[:-1] == ["manager Ready", "worker-1 Ready"]
    assert down.code in (1, 3), down.err
    assert {r["host"] for r in down.json["residue"]} == {"worker-2"}
    assert swarmlay.host("manager", "docker info -f '{{.Swarm.LocalNodeState}}'") == "inactive\n"


def test_an_unreachable_manager_never_gives_a_second_swarm(
    swarmlay: Swarmlay, inventory: Callable[..., str]
) -> None:
    """One manager of two cannot be asked: exit 3, and no swarm is initialised."""
    path = inventory(swarmlay.lab, nobody(swarmlay.lab), worker_2="manager")

    up = swarmlay("up", "--yes", "-o", "json", inventory=path)

    assert up.code == 3, up.err
    assert not [a for a in up.json["actions"] if a["resource"] == "swarm"]
    assert swarmlay.host("manager", "docker info -f '{{.Swarm.LocalNodeState}}'") == "inactive\n"
