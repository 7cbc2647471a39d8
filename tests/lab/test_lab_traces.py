"""What a lab leaves on the machine: nothing, however it was made and however it ended."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.lab.paths import Paths
from tests.lab.isolated import Machine, machine

pytestmark = pytest.mark.lab


@pytest.fixture
def inside(lab_paths: Paths, tmp_path: Path) -> Iterator[Machine]:
    """A machine of one's own, with the user's cache."""
    assert lab_paths.cache.is_dir()
    with machine(tmp_path) as made:
        yield made


def name(number: int = 0) -> str:
    """A name that no other run uses: cgroups are shared with the real machine."""
    return f"pytest-{os.getpid()}-9{number}"


def test_down_leaves_the_machine_as_it_was(inside: Machine) -> None:
    """Interfaces, namespaces, routes, rules, tables, mounts, cgroups, sysctls, processes, files."""
    before = inside.snapshot(name())

    made = inside.lab("up", "--name", name())
    during = inside.snapshot(name())
    ended = inside.lab("down", "--name", name())

    assert made.returncode == 0, made.stderr
    assert ended.returncode == 0, ended.stderr
    assert [key for key in before if during[key] == before[key]] == []
    assert inside.snapshot(name()) == before


def test_what_was_there_stays(inside: Machine) -> None:
    """Rules, forwarding and namespaces of others are as before; only ours are taken away."""
    mine = "swarmlay lab somebody else's"
    inside.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    inside.run("ip", "netns", "add", "theirs")
    inside.run("iptables", "-A", "FORWARD", "-m", "comment", "--comment", mine, "-j", "ACCEPT")
    before = inside.snapshot(name())

    inside.lab("up", "--name", name(), "--hosts", "1")
    inside.lab("down", "--name", name())

    assert inside.snapshot(name()) == before


def test_two_labs_side_by_side(inside: Machine) -> None:
    """Each has its subnet; the end of one does not disturb the other, which restores the rest."""
    one, two = name(1), name(2)
    before = inside.snapshot(one, two)

    assert inside.lab("up", "--name", one, "--hosts", "1").returncode == 0
    assert inside.lab("up", "--name", two, "--hosts", "1").returncode == 0
    assert inside.lab("down", "--name", one).returncode == 0

    alive = inside.lab("ssh", "manager", "--name", two, "--", "systemctl is-system-running --wait")
    assert alive.stdout == "running\n"
    assert inside.snapshot(one, two)["forwarding"] == "1\n"
    assert inside.lab("down", "--name", two).returncode == 0
    assert inside.snapshot(one, two) == before


def test_two_ups_at_once(inside: Machine) -> None:
    """Two labs made at the same moment get different subnets."""
    names = name(1), name(2)
    both = [
        subprocess.Popen(
            inside.lab_words("up", "--name", lab, "--hosts", "1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=inside.environment,
        )
        for lab in names
    ]
    said = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    shown = inside.lab("status").stdout
    assert shown.count("running") == 2
    assert len({line.split()[3] for line in shown.splitlines() if line.startswith("lab ")}) == 2
    assert [inside.lab("down", "--name", lab).returncode for lab in names] == [0, 0]


def test_forward_is_dropped_by_policy(inside: Machine) -> None:
    """As Docker leaves a machine: hosts still reach each other and the world, which answers."""
    inside.with_outside()
    before = inside.snapshot(name())

    inside.lab("up", "--name", name(), "--hosts", "2")
    there = inside.lab("ssh", "manager", "--name", name(), "--", "ping -c 1 -W 2 198.51.100.2")
    begun = time.monotonic()
    lookup = inside.lab("ssh", "manager", "--name", name(), "--", "getent hosts example.com")
    seconds = time.monotonic() - begun
    inside.lab("down", "--name", name())

    assert there.returncode == 0, there.stdout + there.stderr
    assert lookup.returncode == 2
    assert seconds < 3, "no nameserver answers: look-ups must be refused, not hang"
    assert inside.snapshot(name()) == before


def test_a_taken_port(inside: Machine) -> None:
    """Something else has the registry's usual port on all addresses: the lab takes the next."""
    words = inside.words(sys.executable, "-u", "-m", "http.server", "5000")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert "port 5000" in other.stdout.readline()

        made = inside.lab("up", "--name", name(), "--hosts", "1")
        said = inside.lab("ssh", "manager", "--name", name(), "--", "cat /etc/docker/daemon.json")

        assert inside.lab("down", "--name", name()).returncode == 0
        other.kill()
    assert made.returncode == 0, made.stderr
    assert ':5001"' in said.stdout


def test_cgroup_version_2(inside: Machine) -> None:
    """On a machine with version 2 a host has its own subtree, in which its systemd is at home."""
    inside.with_cgroup_v2()
    before = inside.snapshot(name())
    ask = "systemctl is-system-running --wait; stat -fc %T /sys/fs/cgroup; cat /proc/1/cgroup"

    made = inside.lab("up", "--name", name(), "--hosts", "1")
    said = inside.lab("ssh", "manager", "--name", name(), "--", ask)
    again = inside.lab("reboot", "manager", "--name", name())
    ended = inside.lab("down", "--name", name())

    assert made.returncode == 0, made.stderr
    assert said.stdout.splitlines()[:2] == ["running", "cgroup2fs"]
    assert "0::/init.scope" in said.stdout.splitlines()
    assert (again.returncode, ended.returncode) == (0, 0)
    assert inside.snapshot(name()) == before


MOMENTS = (0.12, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Seconds into `lab up`, which takes about one: claim, bridge, rules, registry, disks, boots."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_after_kill_9(inside: Machine, moment: float) -> None:
    """Whatever `up` had begun when it was killed, `down` leaves nothing of it."""
    before = inside.snapshot(name())
    killed = subprocess.Popen(
        inside.lab_words("up", "--name", name()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=inside.environment,
    )
    time.sleep(moment)
    killed.kill()
    killed.wait()

    ended = inside.lab("down", "--name", name())

    assert ended.returncode == 0, ended.stderr
    assert inside.snapshot(name()) == before


@pytest.mark.parametrize("moment", [0.3, 0.5, 0.8])
def test_up_after_kill_9(inside: Machine, moment: float) -> None:
    """A second `up` completes what the first had begun."""
    killed = subprocess.Popen(
        inside.lab_words("up", "--name", name()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=inside.environment,
    )
    time.sleep(moment)
    killed.kill()
    killed.wait()

    again = inside.lab("up", "--name", name())

    assert again.returncode == 0, again.stderr
    assert again.stdout.count("running") == 3
    assert inside.lab("down", "--name", name()).returncode == 0


def test_down_without_its_state(inside: Machine) -> None:
    """The lab's folder is gone, by accident: its hosts, cables and rules go all the same."""
    before = inside.snapshot(name())
    inside.lab("up", "--name", name(), "--hosts", "2")
    inside.run("rm", "-rf", str(inside.state / "swarmlay" / "lab" / name()))

    ended = inside.lab("down", "--name", name())

    assert ended.returncode == 0, ended.stderr
    assert inside.snapshot(name()) == before


def test_down_of_what_is_not_there(inside: Machine) -> None:
    """It is fine, and changes nothing."""
    before = inside.snapshot(name())

    assert inside.lab("down", "--name", name()).returncode == 0
    assert inside.snapshot(name()) == before
