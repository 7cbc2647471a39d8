"""What a lab's hosts are: real, bare Debians that are reached by SSH like any other host."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab import lifecycle
from provision.lab.access import ssh_words
from provision.lab.labs import Lab
from provision.lab.paths import Paths
from provision.lab.spec import LabSpec

pytestmark = pytest.mark.lab

OnHost = Callable[[Lab, str, str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bare(fresh_lab: Callable[..., Lab]) -> Lab:
    """A manager and a worker."""
    return fresh_lab(workers=1)


def test_a_lab_is_up_in_under_five_seconds(
    fresh_lab: Callable[..., Lab], bare: Lab, lab_paths: Paths
) -> None:
    """From a warm cache three hosts answer by SSH in less than 5 s."""
    assert bare.running  # the cache is warm

    begun = time.monotonic()
    made = fresh_lab()
    seconds = time.monotonic() - begun

    assert [host.name for host in made.hosts] == ["manager", "worker-1", "worker-2"]
    assert seconds < 5
    assert lifecycle.load(made.name, lab_paths) == made


def test_hosts_run_a_whole_system(bare: Lab, on_host: OnHost) -> None:
    """PID 1 is systemd, nothing failed, and the user may become root without a password."""
    for host in bare.hosts:
        said = on_host(
            bare,
            host.name,
            "systemctl is-system-running --wait; hostname; cat /etc/machine-id; "
            "sudo cat /proc/1/comm; sudo -n id -u",
        )

        assert said.stdout.split() == ["running", host.name, host.machine_id, "systemd", "0"]


def test_hosts_are_bare(bare: Lab, on_host: OnHost) -> None:
    """Neither Docker nor a firewall is there; only the mirror stands in daemon.json."""
    said = on_host(bare, "manager", "command -v docker dockerd ufw; cat /etc/docker/daemon.json")

    assert json.loads(said.stdout) == {"registry-mirrors": [f"http://{bare.registry}"]}


def test_host_keys_are_pinned(bare: Lab, tmp_path: Path) -> None:
    """A host with another key than the one the lab gave it is refused."""
    theirs = tmp_path / "known_hosts"
    lines = Path(bare.known_hosts).read_text().splitlines()
    swapped = [line.split() for line in lines]
    theirs.write_text(
        "".join(f"{a[0]} {b[1]} {b[2]}\n" for a, b in zip(swapped, swapped[::-1], strict=True))
    )
    words = ssh_words(bare, bare.host("manager"))
    wrong = [w.replace(bare.known_hosts, str(theirs)) for w in words]

    assert subprocess.run([*words, "true"], check=False, capture_output=True).returncode == 0
    refused = subprocess.run([*wrong, "true"], check=False, capture_output=True, text=True)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


def test_hosts_reach_each_other_and_the_archive(bare: Lab, on_host: OnHost) -> None:
    """A full-sized packet passes between hosts, and apt installs a package on each."""
    ping = f"ping -c 1 -W 2 -M do -s 1472 {bare.host('worker-1').address}"

    assert on_host(bare, "manager", ping).returncode == 0
    installed = on_host(bare, "worker-1", "sudo apt-get install -y -q tree && tree --version")
    assert installed.returncode == 0, installed.stdout + installed.stderr


def test_a_name_that_must_not_leave_the_lab_fails_at_once(bare: Lab, on_host: OnHost) -> None:
    """A look-up that cannot succeed answers in under a second, so that Docker's pulls do."""
    begun = time.monotonic()

    assert on_host(bare, "manager", "getent hosts no-such-name.invalid").returncode == 2
    assert time.monotonic() - begun < 2


def test_the_machines_sysctls_are_out_of_reach(bare: Lab, on_host: OnHost) -> None:
    """Root on a host may change what belongs to its network, not what belongs to the machine."""
    assert on_host(bare, "manager", "echo 1 | sudo tee /proc/sys/vm/swappiness").returncode != 0
    path = "/proc/sys/net/ipv4/conf/all/forwarding"
    assert on_host(bare, "manager", f"echo 1 | sudo tee {path}").stdout == "1\n"


BOOT = "cat /proc/sys/kernel/random/boot_id"


@pytest.mark.parametrize("hard", [False, True], ids=["asked", "plug pulled"])
def test_reboot(bare: Lab, lab_paths: Paths, on_host: OnHost, hard: bool) -> None:
    """A reboot keeps the disk, forgets the rest, and is over when SSH answers again."""
    on_host(bare, "worker-1", "sudo touch /kept /run/lost && sudo ip link add lost0 type dummy")
    boot = on_host(bare, "worker-1", BOOT).stdout

    lifecycle.reboot(bare.name, "worker-1", lab_paths, hard=hard)

    assert on_host(bare, "worker-1", BOOT).stdout not in ("", boot)
    assert on_host(bare, "worker-1", "ls /kept /run/lost").stdout == "/kept\n"
    assert on_host(bare, "worker-1", "ip link show lost0").returncode == 1
    assert on_host(bare, "worker-1", "systemctl is-system-running --wait").stdout == "running\n"


def test_reboot_typed_inside_comes_back_and_poweroff_stays(
    bare: Lab, lab_paths: Paths, on_host: OnHost
) -> None:
    """Like a virtual machine: `reboot` restarts the host, `poweroff` ends it, `up` starts it."""
    boot = on_host(bare, "worker-1", BOOT).stdout
    on_host(bare, "worker-1", "sudo touch /stays; sudo systemctl reboot")
    wait(lambda: on_host(bare, "worker-1", BOOT).stdout not in ("", boot))

    on_host(bare, "worker-1", "sudo poweroff")
    wait(lambda: not lifecycle.load(bare.name, lab_paths).host("worker-1").running)

    spec = LabSpec(bare.name, workers=1)
    assert lifecycle.up(spec, lab_paths).running
    assert on_host(bare, "worker-1", "ls /stays").stdout == "/stays\n"


def test_trixie(fresh_lab: Callable[..., Lab], on_host: OnHost) -> None:
    """A lab of Debian 13 runs as well, also where the machine has cgroup version 1."""
    made = fresh_lab(workers=0, suite="trixie")

    said = on_host(made, "manager", "systemctl is-system-running --wait; cat /etc/debian_version")

    assert said.stdout.startswith("running\n13.")


def wait(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
