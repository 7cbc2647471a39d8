"""Runs that are cut off: each converges when it is run again, without a double or an orphan."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab.access import ssh_words
from provision.lab.labs import Lab
from tests.lab.swarmlay import Ended, Swarmlay, kill

pytestmark = pytest.mark.lab

OVERLAY = str(Path(__file__).parents[2] / "playbooks" / "overlay.yml")
MOMENTS = (0.4, 1.2, 2.5, 5.0, 8.0, 11.0, 14.0, 17.0, 20.0, 24.0)
"""Seconds into `up` from bare hosts: connecting, apt, joins, networks, services, check."""


@pytest.fixture
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """Bare hosts, new for each test."""
    return swarmlay_on(fresh_lab())


def is_one_cluster(swarmlay: Swarmlay) -> None:
    """Three nodes, all Ready, none twice; five replicas, two containers, one of each network."""
    script = """
    docker node ls --format '{{.Hostname}} {{.Status}}' | sort
    docker service ls --format '{{.Name}} {{.Replicas}}'
    docker network ls --filter driver=overlay --format '{{.Name}}' | sort
    """
    assert swarmlay.host("manager", script).split("\n")[:-1] == [
        *(f"{h.name} Ready" for h in swarmlay.lab.hosts),
        "my-nginx 5/5",
        "ingress",
        "nginx-net",
        "test-net",
    ]
    names = "docker ps -a --filter name=alpine --format '{{.Names}} {{.State}}'"
    assert swarmlay.host("manager", names).strip() == "alpine1 running"
    assert swarmlay.host("worker-1", names).strip() == "alpine2 running"


def again(swarmlay: Swarmlay) -> Ended:
    """Run `up` until the end; a lock whose holder was killed is free at once."""
    ended = swarmlay("up", OVERLAY, "--yes", "-o", "json")
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_at_any_moment(swarmlay: Swarmlay, moment: float) -> None:
    """Nothing gets to clean up; the next run converges."""
    process = swarmlay.start("up", OVERLAY, "--yes")
    time.sleep(moment)
    kill(process)

    again(swarmlay)

    is_one_cluster(swarmlay)


def test_kill_9_during_apt_and_during_services(swarmlay: Swarmlay) -> None:
    """Two kills in one life of a cluster: in the middle of apt, and while tasks start."""
    process = swarmlay.start("up", OVERLAY, "--yes")
    wait_for(swarmlay, "worker-1", "pgrep -x dpkg || pgrep -x apt-get || test -e /usr/bin/dockerd")
    kill(process)
    process = swarmlay.start("up", OVERLAY, "--yes")
    wait_for(swarmlay, "manager", "docker service ls -q 2>/dev/null | grep -q .")
    kill(process)

    again(swarmlay)

    is_one_cluster(swarmlay)


def wait_for(swarmlay: Swarmlay, host: str, condition: str, seconds: int = 120) -> None:
    """Until the condition holds on the host."""
    swarmlay.host(
        host,
        f"i=0; until sh -c {condition!r} >/dev/null 2>&1; do"
        f" i=$((i+1)); [ $i -lt {seconds * 10} ] || exit 9; sleep 0.1; done",
        timeout=seconds + 30,
    )


def test_ssh_cut_during_apt(swarmlay: Swarmlay) -> None:
    """SSH sessions are ended in the middle of the installation: it goes on, we re-attach."""
    process = swarmlay.start("up", OVERLAY, "--yes", "-o", "json")
    wait_for(swarmlay, "worker-1", "pgrep -x apt-get || pgrep -x dpkg")
    cut = (
        "systemctl kill --signal=KILL 'session-*.scope' 2>/dev/null; "
        "for p in $(pgrep -f 'sshd: debian'); do kill -9 $p; done; true"
    )
    subprocess.run(
        [*words_for(swarmlay, "worker-1"), f"sudo setsid sh -c {cut!r} >/dev/null 2>&1 &"],
        check=False,
        capture_output=True,
        timeout=30,
    )
    out, err = process.communicate(timeout=300)

    assert process.returncode == 0, err + out[-3000:]
    is_one_cluster(swarmlay)


def words_for(swarmlay: Swarmlay, host: str) -> tuple[str, ...]:
    """The system's ssh to a host."""
    return ssh_words(swarmlay.lab, swarmlay.lab.host(host))


def test_reboot_of_a_worker_during_up(swarmlay: Swarmlay) -> None:
    """The run may fail, but says where; the next one converges."""
    process = swarmlay.start("up", OVERLAY, "--yes")
    wait_for(swarmlay, "manager", "docker node ls -q 2>/dev/null | grep -q .")
    rebooted = swarmlay_lab("reboot", "worker-2", swarmlay)
    out, err = process.communicate(timeout=300)

    assert rebooted == 0
    assert process.returncode in (0, 1, 3, 5), err + out
    assert "Traceback" not in err + out
    again(swarmlay)
    is_one_cluster(swarmlay)


def swarmlay_lab(verb: str, host: str, swarmlay: Swarmlay) -> int:
    """`swarmlay lab VERB HOST`."""
    words = [sys.executable, "-m", "provision.cli", "lab", verb, host, "--name", swarmlay.lab.name]
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        timeout=120,
        env={**os.environ, **swarmlay.environment},
    )
    return done.returncode


def test_ctrl_c_ends_with_130_and_a_word(swarmlay: Swarmlay) -> None:
    """No traceback; what ran on the hosts is resumed by running again."""
    process = swarmlay.start("up", OVERLAY, "--yes")
    wait_for(swarmlay, "worker-1", "pgrep -x apt-get || pgrep -x dpkg")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130, err + out
    assert "Traceback" not in err + out
    again(swarmlay)
    is_one_cluster(swarmlay)


def test_two_operators_at_once(swarmlay: Swarmlay) -> None:
    """The second is refused with who holds the lock; the first is not disturbed."""
    first = swarmlay.start("up", OVERLAY, "--yes")
    wait_for(swarmlay, "manager", "ls /run/lock/swarmlay-*.lock")
    second = swarmlay("up", OVERLAY, "--yes")
    out, err = first.communicate(timeout=300)

    assert second.code == 4, second.err
    assert "locked by" in second.err
    assert "since" in second.err
    assert first.returncode == 0, err + out
    is_one_cluster(swarmlay)
