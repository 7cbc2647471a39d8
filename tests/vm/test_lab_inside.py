"""`swarmlay lab` inside a virtual machine: on cgroup version 2, under a systemd of its own."""

from collections.abc import Iterator

import pytest

from provision.lab.paths import Paths
from tests.vm import making, payload
from tests.vm.machines import Machines

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]

LAB = (
    "mountpoint -q /mnt || mount /dev/vdb /mnt; export XDG_CACHE_HOME=/mnt/cache "
    "XDG_STATE_HOME=/mnt/state PYTHONPATH=/mnt/site; python3 -m provision.cli lab "
)
SNAPSHOT = r"""
echo '== links'; ip -o link show | sed 's/^[0-9]*: //'
echo '== namespaces'; ip netns list; ls -A /run | grep -v '^sshd\|utmp' | sort
echo '== routes'; ip -4 route show table all | sort
echo '== forwarding'; cat /proc/sys/net/ipv4/ip_forward
echo '== iptables'; iptables-save -t filter | grep -v '^#'; iptables-save -t nat | grep -v '^#'
echo '== mounts'; grep -v ' /proc/sys/fs/binfmt_misc \| /mnt ' /proc/self/mounts | sort
echo '== cgroups'; find /sys/fs/cgroup -maxdepth 1 -type d | sort
echo '== processes'; ps -eo args | grep -c '[s]warmlay' || true
echo '== state'; find /mnt/state/swarmlay/lab -mindepth 1 2>/dev/null | sort
"""


@pytest.fixture(scope="module")
def machine(user_paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """One machine with memory for a lab, and a second disk that holds swarmlay and its caches."""
    disk = payload.make(tmp_path_factory.mktemp("payload"), user_paths)
    name = making.name_of_run("-lab")
    with making.machines(name, user_paths, count=1, memory=2560, extra=disk) as made:
        yield made


def test_a_lab_on_cgroup_v2_runs_and_leaves_nothing(machine: Machines) -> None:
    """Hosts whose systemd is content, with version 2's controllers; then the machine as before."""
    ask = machine.ask
    assert ask("manager", "stat -fc %T /sys/fs/cgroup").strip() == "cgroup2fs"
    before = ask("manager", f"mountpoint -q /mnt || mount /dev/vdb /mnt; {SNAPSHOT}")

    ask("manager", f"{LAB} up --name inner --hosts 2 --yes", timeout=900)
    said = [_inside(machine, host) for host in ("manager", "worker-1")]
    down = ask("manager", f"{LAB} down --name inner --yes 2>&1", timeout=300)

    for state, cgroups, controllers in said:
        assert state == "running"
        assert cgroups == "cgroup2fs"
        assert {"cpu", "memory", "pids"} <= set(controllers.split())
    assert ask("manager", SNAPSHOT) == before, down


def _inside(machine: Machines, host: str) -> tuple[str, str, str]:
    """What systemd says of a host of the lab, and its cgroups."""
    asking = (
        "systemctl is-system-running --wait; stat -fc %T /sys/fs/cgroup;"
        " cat /sys/fs/cgroup/cgroup.controllers"
    )
    said = machine.ask("manager", f"{LAB} ssh {host} --name inner -- '{asking}'", timeout=600)
    state, cgroups, controllers = said.strip().splitlines()[-3:]
    return state, cgroups, controllers
