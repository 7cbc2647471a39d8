"""Networks besides overlays, on real hosts: a macvlan across hosts, a bridge, and their removal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from tests.lab.swarmlay import Ended, Swarmlay

pytestmark = [pytest.mark.lab, pytest.mark.slow]

PLAYBOOK = """
networks:
  office: {driver: bridge, ipam: {config: [{subnet: 10.95.0.0/24}]}}
  lan-settings:
    config_only: true
    driver_opts: {parent: eth0}
    ipam: {config: [{subnet: 10.91.0.0/24, gateway: 10.91.0.1, ip_range: 10.91.0.64/27}]}
    per_host:
      worker-1:
        ipam: {config: [{subnet: 10.91.0.0/24, gateway: 10.91.0.1, ip_range: 10.91.0.96/27}]}
  lan: {driver: macvlan, config_from: lan-settings, attachable: true}
services:
  lan-web:
    image: alpine
    command: sleep infinity
    networks: [lan]
    stop_grace_period: 1s
    deploy: {mode: global}
containers:
  one: {on: "managers[0]", image: alpine, command: sleep infinity, networks: [lan]}
  two: {on: "workers[0]", image: alpine, command: sleep infinity, networks: [lan]}
  desk: {on: "workers[0]", image: alpine, command: sleep infinity, networks: [office]}
"""
NETWORKS = "docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'"
ADDRESS = "docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "


@pytest.fixture(scope="module")
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """The command line on two bare hosts."""
    return swarmlay_on(fresh_lab(workers=1))


@pytest.fixture(scope="module")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The playbook's path."""
    path = tmp_path_factory.mktemp("networks") / "play.yml"
    path.write_text(PLAYBOOK)
    return str(path)


@pytest.fixture(scope="module")
def formed(swarmlay: Swarmlay, playbook: str) -> Ended:
    """The end of the first `up`."""
    ended = swarmlay("up", playbook, "--yes", "--no-check", "-o", "json")
    assert ended.code == 0, ended.err + ended.out[-2000:]
    return ended


def test_the_second_plan_is_empty(formed: Ended) -> None:
    """Also for networks that the engine takes no label for."""
    assert formed.json["second_plan"]["converged"] is True


def test_a_macvlan_reaches_across_hosts(swarmlay: Swarmlay, formed: Ended) -> None:
    """Each host hands out addresses of its own range, and a ping crosses the wire."""
    assert formed.code == 0
    address = swarmlay.host("worker-1", f"{ADDRESS} two").strip()

    said = swarmlay.host("manager", f"docker exec one ping -c 2 -W 2 {address}")

    assert address.rpartition(".")[0] == "10.91.0"
    assert 96 <= int(address.rpartition(".")[2]) < 128
    assert "2 packets received" in said


def test_a_bridge_is_made_where_a_container_joins_it(swarmlay: Swarmlay, formed: Ended) -> None:
    """And on no other host."""
    assert formed.code == 0

    networks = swarmlay.hosts(NETWORKS)

    assert "office bridge local" in networks["worker-1"]
    assert "office" not in networks["manager"]
    assert swarmlay.host("worker-1", f"{ADDRESS} desk").startswith("10.95.0.")


def test_an_interface_that_is_not_there_is_said_before(swarmlay: Swarmlay, tmp_path: Path) -> None:
    """The plan names the host, the interface and those it has."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(PLAYBOOK.replace("parent: eth0", "parent: eth7"))

    ended = swarmlay("plan", str(wrong), "-o", "json")

    reasons = " ".join(b["reason"] + b["hint"] for b in ended.json["blocked"])
    assert ended.code == 4
    assert "no interface eth7" in reasons
    assert "eth0" in reasons


def test_down_leaves_no_network(swarmlay: Swarmlay, playbook: str, formed: Ended) -> None:
    """The swarm's network goes first, then its settings on each host; a stranger's stays."""
    assert formed.code == 0
    swarmlay.hosts("docker network create theirs >/dev/null")

    down = swarmlay("down", playbook, "--yes", "-o", "json")

    assert down.code == 0, down.out[-2000:]
    for listed in swarmlay.hosts(NETWORKS).values():
        assert "theirs" in listed
        assert not {"office", "lan", "lan-settings"} & set(listed.split())
