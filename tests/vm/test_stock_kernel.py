"""What a lab's kernel may lack, on machines with Debian's own: VIPs, the routing mesh, ESP.

The machines begin bare, with a firewall that lets nothing but SSH in.
"""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from provision.lab.spec import link_name
from tests.lab.swarmlay import Ended
from tests.vm.conftest import Typed
from tests.vm.machines import Machines
from tests.vm.wire import sniffing

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

MESH = str(Path(__file__).parent / "playbooks" / "mesh.yml")
CLOSE = "ufw allow 22/tcp >/dev/null; ufw --force enable >/dev/null; ufw status"
PATTERN = b"\x5a" * 40
STATE = "docker node ls --format '{{.Hostname}} {{.Status}}' | sort"


@pytest.fixture(scope="module")
def formed(vms: Machines, swarmlay: Typed) -> Ended:
    """The end of `up` on machines whose firewall lets only SSH in."""
    for name, said in vms.everywhere(CLOSE).items():
        assert "Status: active" in said, name
        assert "7946" not in said, name
    return swarmlay("up", MESH, "--yes", "-o", "json")


def test_up_on_stock_debian_is_green_in_every_layer(formed: Ended) -> None:
    """From bare and firewalled: nothing failed, nothing unknown, and nothing unavailable."""
    assert formed.code == 0, formed.err + formed.out[-4000:]
    summary = formed.json["check"]["summary"]
    assert {"host", "underlay", "control", "overlay", "service", "ingress"} <= summary.keys()
    for layer, counts in summary.items():
        assert counts["ok"] > 0, layer
        assert (counts["failed"], counts["unknown"], counts["unavailable"]) == (0, 0, 0), layer


def test_these_are_the_hosts_that_were_meant(formed: Ended, vms: Machines) -> None:
    """Debian's own kernel, cgroup version 2, the distribution's engine."""
    assert formed.code == 0
    for name, said in vms.everywhere(
        "uname -r; stat -fc %T /sys/fs/cgroup; dpkg-query -W -f '${Status}' docker.io"
    ).items():
        kernel, cgroups, package = said.splitlines()
        assert kernel.endswith("-cloud-amd64"), name
        assert cgroups == "cgroup2fs", name
        assert package == "install ok installed", name


def test_a_vip_spreads_over_all_replicas_from_every_node(formed: Ended, vms: Machines) -> None:
    """Nine requests to the service's one address: three for each replica, wherever they start."""
    assert formed.code == 0
    asking = (
        "for i in 1 2 3 4 5 6 7 8 9; do docker exec front{} wget -q -T 10 -O - http://web/; done"
    )
    for number, name in enumerate(vms.vms):
        served = _served(vms.ask(name, asking.format(number)))
        assert sorted(served.values()) == [3, 3, 3], f"{name}: {served}"


def test_the_mesh_answers_on_every_node_for_the_outside(formed: Ended, vms: Machines) -> None:
    """Six requests to each node's published port: two for each replica."""
    assert formed.code == 0
    for name in vms.vms:
        url = f"http://{vms.address(name)}:8080/"
        words = ["curl", "-s", "--max-time", "20", "--no-keepalive", url]
        pages = [subprocess.run(words, capture_output=True, text=True, check=True).stdout
                 for _ in range(6)]  # fmt: skip
        assert sorted(_served("".join(pages)).values()) == [2, 2, 2], name


def test_the_mesh_answers_on_every_node_for_every_node(formed: Ended, vms: Machines) -> None:
    """Published ports answer from each machine at each machine's address, its own included."""
    assert formed.code == 0
    addresses = " ".join(vms.address(name) for name in vms.vms)
    asking = f"""for a in {addresses}; do timeout 30 bash -c "
    exec 3<>/dev/tcp/$a/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"; done"""
    for name, said in vms.everywhere(asking).items():
        assert sum(_served(said).values()) == 3, f"{name}: {said}"


def test_an_encrypted_network_is_esp_on_the_wire(formed: Ended, vms: Machines) -> None:
    """Protocol 50 and no VXLAN of that network in the clear; a plain network shows the contrast."""
    assert formed.code == 0
    cards = [link_name(vms.lab.name, vm.host.short) for vm in vms.vms.values()]
    with sniffing(cards) as plain:
        vms.ask("manager", "docker exec front0 ping -c 5 -s 120 -p 5a front2")
    with sniffing(cards) as sealed:
        vms.ask("manager", "docker exec sealed0 ping -c 5 -s 120 -p 5a sealed2")

    assert plain.vxlan(_vni(vms, "front")) >= 10
    assert plain.holds(PATTERN)
    assert sealed.esp >= 10
    assert sealed.vxlan(_vni(vms, "sealed")) == 0
    assert not sealed.holds(PATTERN)


def test_esp_is_let_in_from_peers_only(formed: Ended, vms: Machines) -> None:
    """`up` has opened protocol 50 with the ports, and neither for anybody else."""
    assert formed.code == 0
    for name, said in vms.everywhere("ufw status").items():
        peers = {vms.address(other) for other in vms.vms if other != name}
        assert set(re.findall(r"ALLOW +(\S+)/esp\s", said)) == peers, said
        assert not re.search(r"(7946|4789|2377)/\w+ +ALLOW +Anywhere", said), said


def test_a_second_up_has_nothing_to_do(formed: Ended, swarmlay: Typed) -> None:
    """The plan is empty on a stock kernel, too."""
    assert formed.code == 0
    again = swarmlay("plan", MESH, "--detailed-exitcode", "-o", "json")
    assert again.code == 0, again.out[-3000:]


def test_everything_survives_a_reboot(formed: Ended, vms: Machines, swarmlay: Typed) -> None:
    """One machine reboots, one loses power: engine, node, rules and service are there again."""
    assert formed.code == 0
    rules = vms.everywhere("ufw status | sort")

    vms.reboot("worker-1")
    vms.reboot("worker-2", hard=True)
    repaired = swarmlay("up", MESH, "--yes", "-o", "json")

    assert repaired.code == 0, repaired.err + repaired.out[-4000:]
    resources = {action["resource"] for action in repaired.json["actions"]}
    assert resources <= {"containers", "services"}, "engine, swarm and rules had to be there"
    assert vms.everywhere("ufw status | sort") == rules
    assert vms.ask("manager", STATE).splitlines() == [f"{name} Ready" for name in sorted(vms.vms)]
    assert repaired.json["check"]["summary"]["ingress"]["failed"] == 0


def _served(pages: str) -> Counter[str]:
    """How often each replica answered."""
    return Counter(re.findall(r"Served by (\w+)", pages))


def _vni(vms: Machines, network: str) -> int:
    key = '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}'
    return int(vms.ask("manager", f"docker network inspect -f '{key}' {network}"))
