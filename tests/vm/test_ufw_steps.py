"""A firewall opened by hand, one port at a time: what works at each step, and what we say of it."""

import subprocess
from collections.abc import Iterator

import pytest

from provision.model.findings import State
from provision.verify import underlay
from tests.lab.checked import Checked, opened, until
from tests.vm.machines import Machines

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

BARE_SWARM = """
export DEBIAN_FRONTEND=noninteractive
command -v docker >/dev/null || apt-get install -y -qq --no-install-recommends docker.io >/dev/null
docker ps -aq | xargs -r docker rm -f >/dev/null
docker swarm leave --force >/dev/null 2>&1 || true
ufw --force reset >/dev/null
ufw allow 22/tcp >/dev/null
ufw --force enable >/dev/null
"""
PAIR = ("manager", "worker-1")
ALL = {"tcp/2377", "tcp/7946", "udp/7946", "udp/4789", "esp"}
ALPINE = "docker run -d --name {0} --network {1} alpine sleep infinity"
PING = "docker exec {0} ping -c 3 -W 10 {1} >/dev/null 2>&1 && echo passes || echo lost"


@pytest.fixture
def closed(vms: Machines) -> Iterator[Checked]:
    """Two machines with an engine and no swarm; nothing but SSH gets in."""
    for machine in vms.vms:
        vms.ask(machine, BARE_SWARM, timeout=1200)
    with opened(vms.lab) as checked:
        yield checked


def test_each_port_is_worth_what_it_is_for(closed: Checked, vms: Machines) -> None:
    """2377 makes a node Ready, 7946 names, 4789 pings, ESP encrypted pings; each lack is named."""
    manager, worker = (vms.address(name) for name in PAIR)
    vms.ask("manager", f"docker swarm init --advertise-addr {manager}")
    token = vms.ask("manager", "docker swarm join-token -q worker").strip()

    assert _blocked(closed) == ALL
    told = _join(vms, token, manager)
    assert "Timeout was reached" in told
    assert _node_state(vms) == "pending"

    _allow(vms, "manager", f"proto tcp from {worker} to any port 2377")
    until(lambda: _ready(vms), 240)
    assert _blocked(closed) == ALL - {"tcp/2377"}, "Ready says nothing of the other ports"

    for machine, peer in zip(PAIR, (worker, manager), strict=True):
        _allow(vms, machine, f"proto tcp from {peer} to any port 7946")
        _allow(vms, machine, f"proto udp from {peer} to any port 7946")
    assert _blocked(closed) == {"udp/4789", "esp"}
    _networks_with_a_container_on_each(vms)
    assert _ping(vms, "plain") == "lost"

    for machine, peer in zip(PAIR, (worker, manager), strict=True):
        _allow(vms, machine, f"proto udp from {peer} to any port 4789")
    assert _blocked(closed) == {"esp"}
    until(lambda: _ping(vms, "plain") == "passes", 120)
    assert _ping(vms, "sealed") == "lost", "an encrypted network needs more than the three ports"

    for machine, peer in zip(PAIR, (worker, manager), strict=True):
        _allow(vms, machine, f"proto esp from {peer}")
    assert _blocked(closed) == set()
    until(lambda: _ping(vms, "sealed") == "passes", 120)


def _blocked(closed: Checked) -> set[str]:
    """The ports that our own check finds closed, between the two."""
    peers = [host for host in closed.peers if host.name in PAIR]
    cells = underlay(peers, closed.sessions, encrypted=True, timeout=90)
    unknown = [cell for cell in cells if cell.state is State.UNKNOWN]
    assert unknown == [], unknown
    return {cell.probe for cell in cells if cell.state is State.FAILED}


def _join(vms: Machines, token: str, manager: str) -> str:
    return vms.ask(
        "worker-1", f"docker swarm join --token {token} {manager}:2377 2>&1 || true", timeout=240
    )


def _node_state(vms: Machines) -> str:
    return vms.ask("worker-1", "docker info -f '{{.Swarm.LocalNodeState}}'").strip()


def _ready(vms: Machines) -> bool:
    said = vms.ask("manager", "docker node ls --format '{{.Hostname}} {{.Status}}'")
    return "worker-1 Ready" in said.splitlines()


def _allow(vms: Machines, machine: str, rule: str) -> None:
    vms.ask(machine, f"ufw allow {rule}")


def _networks_with_a_container_on_each(vms: Machines) -> None:
    vms.ask("manager", "docker network create -d overlay --attachable plain")
    vms.ask("manager", "docker network create -d overlay --attachable --opt encrypted sealed")
    for number, machine in enumerate(PAIR):
        for network in ("plain", "sealed"):
            _attached(vms, machine, f"{network}{number}", network)


def _attached(vms: Machines, machine: str, name: str, network: str) -> None:
    """The engine gives up after 20 s, which a slow machine needs at the first time."""
    run = ALPINE.format(name, network)
    vms.ask(machine, f"{run} || {{ docker rm -f {name}; sleep 5; {run}; }}", timeout=300)


def _ping(vms: Machines, network: str) -> str:
    """By address: whether a name is known is another question."""
    format_ = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
    address = vms.ask("worker-1", f"docker inspect -f '{format_}' {network}1").strip()
    try:
        return vms.ask("manager", PING.format(f"{network}0", address), timeout=120).strip()
    except subprocess.TimeoutExpired:
        return "lost"
