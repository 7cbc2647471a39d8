"""Hosts and networks that misbehave: each ends as docs/reliability.md says, in words, in time."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from provision.lab.access import ssh_words
from provision.lab.labs import Lab
from tests.lab.swarmlay import Ended, Swarmlay

pytestmark = [pytest.mark.lab, pytest.mark.slow]

PLAYBOOK = """
networks:
  net: {driver: overlay, attachable: true}
containers:
  box: {on: "workers[0]", image: alpine, command: sleep infinity, networks: [net]}
"""
# What each SSH command prints before it does its work. Escapes clear a screen, set a title and ask
# the terminal to answer; none of them may reach the operator's.
SSHD = r"""cat >/etc/ssh/sshd_config.d/hostile.conf <<'END'
ForceCommand /usr/local/bin/hostile
END
cat >/usr/local/bin/hostile <<'END'
#!/bin/sh
[ "$SSH_ORIGINAL_COMMAND" != mend ] ||
    exec sudo sh -c 'rm /etc/ssh/sshd_config.d/hostile.conf; systemctl reload ssh'
%s
END
chmod 755 /usr/local/bin/hostile; systemctl reload ssh
"""
SUBSYSTEM = """case $SSH_ORIGINAL_COMMAND in '') exec sh -l;; esac
exec sh -c "$SSH_ORIGINAL_COMMAND" """
ESCAPES = r"""printf '\033[2J\033]0;owned\007\033[6nWelcome \377\n'"""


@pytest.fixture(scope="module")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network, and a container on it."""
    path = tmp_path_factory.mktemp("hostile") / "small.yml"
    path.write_text(PLAYBOOK)
    return str(path)


@pytest.fixture(scope="module")
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """Three bare hosts."""
    return swarmlay_on(fresh_lab())


@pytest.fixture(scope="module")
def full(swarmlay: Swarmlay, playbook: str) -> Ended:
    """The end of an `up` while a bare host's package cache has no room."""
    cache = "/var/cache/apt/archives"
    swarmlay.host("worker-1", f"mount -t tmpfs -o size=256k tmpfs {cache} && mkdir {cache}/partial")
    try:
        return swarmlay("up", playbook, "--yes", "--no-check", timeout=600)
    finally:
        swarmlay.host("worker-1", f"umount {cache}")


@pytest.fixture(scope="module")
def formed(swarmlay: Swarmlay, playbook: str, full: Ended) -> Swarmlay:
    """The same hosts after that was mended: `up` completes what it had begun."""
    assert full.code != 0
    ended = swarmlay("up", playbook, "--yes", "--no-check", timeout=600)
    assert ended.code == 0, ended.err + ended.out
    return swarmlay


@contextmanager
def hostile(swarmlay: Swarmlay, host: str, script: str) -> Iterator[None]:
    """Every SSH command of *host* does this first; until it is mended."""
    swarmlay.host(host, SSHD % script)
    try:
        yield
    finally:
        rescue(swarmlay.lab, host)


def rescue(lab: Lab, host: str) -> None:
    """The word that a hostile host still understands."""
    words = [*ssh_words(lab, lab.host(host)), "mend"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)


def is_clean(ended: Ended) -> None:
    """No traceback, and nothing that a terminal would obey."""
    for text in (ended.out, ended.err):
        assert "Traceback" not in text
        assert "\033" not in text.replace("\033[0m", "")
        assert "\007" not in text


def test_a_full_disk_is_the_answer(full: Ended) -> None:
    """Exit 1 with the host and apt's own words; the other hosts are prepared."""
    assert full.code == 1, full.err
    is_clean(full)
    assert "worker-1" in full.err
    assert "enough free space" in full.err or "No space left" in full.err


def test_after_a_full_disk_up_completes(formed: Swarmlay, playbook: str) -> None:
    """The next run needs nothing but room."""
    again = formed("plan", playbook, "-o", "json")

    assert again.json["converged"] is True, again.out


def test_terminal_escapes_and_garbage_are_not_passed_on(formed: Swarmlay, playbook: str) -> None:
    """Each command greets with escape codes and bytes that are no text: it does not matter."""
    drift(formed)
    greeting = f"{ESCAPES}; {ESCAPES} >&2\n{SUBSYSTEM}"
    with hostile(formed, "worker-1", greeting), hostile(formed, "manager", greeting):
        planned = formed("plan", playbook)
        upped = formed("up", playbook, "--yes", "--no-check")
        status = formed("status")

    is_mended(upped, formed)
    for ended in (planned, upped, status):
        is_clean(ended)
        assert ended.code == 0, ended.err + ended.out


def test_garbage_only_is_a_host_that_could_not_be_asked(formed: Swarmlay, playbook: str) -> None:
    """Exit 3, the host is named, and what it said is quoted so that it can be shown."""
    with hostile(formed, "worker-1", f"{ESCAPES}; echo this account is closed; exit 1"):
        ended = formed("plan", playbook)

    is_clean(ended)
    assert ended.code == 3, ended.err + ended.out
    assert "worker-1" in ended.out + ended.err


def test_endless_garbage_is_cut_off(formed: Swarmlay, playbook: str) -> None:
    """A host that never stops talking costs its own facts only, and not the operator's memory."""
    began = time.monotonic()
    with hostile(formed, "worker-1", "exec yes this account is closed"):
        ended = formed("plan", playbook, timeout=280)
    seconds = time.monotonic() - began

    is_clean(ended)
    assert ended.code in (1, 3), ended.err + ended.out
    assert "worker-1" in ended.out + ended.err
    assert len(ended.out) + len(ended.err) < 20_000
    assert seconds < 120


def test_a_host_that_takes_thirty_seconds_is_waited_for(formed: Swarmlay, playbook: str) -> None:
    """Slow is not dead."""
    with hostile(formed, "worker-1", f"sleep 30\n{SUBSYSTEM}"):
        ended = formed("plan", playbook, timeout=280)

    is_clean(ended)
    assert ended.code == 0, ended.err + ended.out


def test_a_manager_that_takes_thirty_seconds_can_be_locked(formed: Swarmlay, playbook: str) -> None:
    """The lock's holder starts late; `up` goes on."""
    with hostile(formed, "manager", f"sleep 30\n{SUBSYSTEM}"):
        ended = formed("up", playbook, "--yes", "--no-check", timeout=280)

    is_clean(ended)
    assert ended.code == 0, ended.err + ended.out


FAKE_ENGINE = r"""
use Socket;
open my $pid, '>', '/run/docker.pid'; print $pid "$$\n"; close $pid;
unlink '/run/docker.sock';
socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un('/run/docker.sock')); listen($s, 9);
while (accept(my $c, $s)) {
    sysread $c, my $asked, 65536;
    my $body = '{"ID": [1, 2, "\u001b[2J' . ('x' x 300);
    syswrite $c, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body";
    close $c;
}
"""


def test_wrong_json_from_an_engine_is_quoted(formed: Swarmlay, playbook: str) -> None:
    """The host is blocked with what its engine said; it is not taken for one without a swarm."""
    formed.host(
        "worker-2",
        "systemctl stop docker.socket docker\n"
        f"cat >/run/fake.pl <<'END'\n{FAKE_ENGINE}\nEND\n"
        "systemd-run --quiet --collect --unit fake-engine perl /run/fake.pl\n"
        "until test -S /run/docker.sock; do sleep 0.1; done",
    )
    try:
        ended = formed("plan", playbook)
    finally:
        formed.host(
            "worker-2",
            "systemctl stop fake-engine; rm -f /run/fake.pl /run/docker.sock /run/docker.pid\n"
            "systemctl start docker.socket docker; docker version >/dev/null",
        )

    is_clean(ended)
    assert ended.code == 1, ended.err + ended.out
    assert "worker-2" in ended.out + ended.err
    assert "JSON" in ended.out + ended.err


def test_a_clock_an_hour_off_is_named(formed: Swarmlay) -> None:
    """`check` says whose, and by how much; a lab's hosts share one clock: here date(1) lies."""
    fake = (
        "cat >/usr/local/bin/date <<'END'\n#!/bin/sh\n"
        "case $1 in +%s%N) echo $(($(/usr/bin/date +%s) + 3600))000000000 ;;\n"
        '*) exec /usr/bin/date "$@" ;; esac\nEND\nchmod 755 /usr/local/bin/date'
    )
    formed.host("worker-2", fake)
    try:
        ended = formed("check", "-o", "json")
    finally:
        formed.host("worker-2", "rm /usr/local/bin/date")

    wrong = [c for c in ended.json["cells"] if c["probe"] == "clock" and c["state"] != "ok"]
    assert ended.code == 5, ended.err
    assert [c["from"] for c in wrong] == ["worker-2"] or "worker-2" in str(wrong)
    assert len(wrong) == 1
    assert "median" in wrong[0]["reason"]


def drift(swarmlay: Swarmlay) -> None:
    """Something for `up` to do."""
    swarmlay.host("worker-1", "docker rm -f box")


def is_mended(ended: Ended, swarmlay: Swarmlay) -> None:
    """`up` did it."""
    is_clean(ended)
    assert ended.code == 0, ended.err + ended.out
    running = "docker inspect -f '{{.State.Status}}' box"
    assert swarmlay.host("worker-1", running).strip() == "running"


def test_a_slow_line_only_costs_time(formed: Swarmlay, playbook: str) -> None:
    """256 kbit/s with a queue that holds a packet for up to 200 ms, on every host."""
    drift(formed)
    formed.hosts("tc qdisc add dev eth0 root tbf rate 256kbit burst 16kb latency 200ms")
    try:
        ended = formed("up", playbook, "--yes", "--no-check", timeout=280)
    finally:
        formed.hosts("tc qdisc del dev eth0 root")

    is_mended(ended, formed)


def test_lost_packets_only_cost_time(formed: Swarmlay, playbook: str) -> None:
    """A tenth of all SSH packets to a host is lost."""
    drop = "INPUT -p tcp --dport 22 -m statistic --mode random --probability 0.1 -j DROP"
    drift(formed)
    formed.host("worker-1", f"iptables -I {drop}")
    try:
        ended = formed("up", playbook, "--yes", "--no-check", timeout=280)
    finally:
        formed.host("worker-1", f"iptables -D {drop}")

    is_mended(ended, formed)


# Not among them: ``{{…}}`` in a service's variables, which is Docker's own template there.
HOSTILE_TEXTS = (
    "$(touch /canary-1)",
    "`touch /canary-2`",
    "; touch /canary-3",
    "' ; touch /canary-4 ; '",
    '" && touch /canary-5 && "',
    "| touch /canary-6",
    "a\nb; touch /canary-7",
    "-v --privileged $HOME ${PATH} * ~ \\ %s { .ID } <!-- &amp; # ü",
)


def quoted(text: str) -> str:
    """As YAML: JSON is YAML, and ``$$`` is Compose's way to write a dollar sign."""
    return json.dumps(text.replace("$", "$$"))


def test_shell_metacharacters_are_only_text(formed: Swarmlay, tmp_path: Path) -> None:
    """In labels, variables and commands: as written, and nothing is run."""
    pairs = ", ".join(f"K{n}: {quoted(text)}" for n, text in enumerate(HOSTILE_TEXTS))
    words = ", ".join(quoted(text) for text in HOSTILE_TEXTS)
    path = tmp_path / "hostile.yml"
    path.write_text(
        "networks:\n"
        f"  odd: {{driver: overlay, attachable: true, labels: {{{pairs}}}}}\n"
        "services:\n"
        f"  odd: {{image: alpine, command: [sleep, infinity, {words}], labels: {{{pairs}}},\n"
        f"        environment: {{{pairs}}}, deploy: {{labels: {{{pairs}}}}}}}\n"
        "containers:\n"
        f'  odd: {{on: "workers[0]", image: alpine, command: [tail, -f, /dev/null],\n'
        f"        labels: {{{pairs}}}, environment: {{{pairs}}}, networks: [odd]}}\n"
    )
    ended = formed("up", str(path), "--yes", "--no-check", "-v")
    inspect = "docker inspect -f '{{json .Config.Env}}' odd"
    found = formed.host("worker-1", inspect)
    again = formed("plan", str(path), "-o", "json")
    canaries = formed.hosts("ls -d /canary* /*/canary* /home/*/canary* 2>/dev/null || true")
    down = formed("down", str(path), "--yes")

    assert ended.code == 0, ended.err + ended.out
    assert again.json["converged"] is True
    assert set(canaries.values()) == {""}
    assert down.code == 0, down.err
    env = dict(line.split("=", 1) for line in json.loads(found))
    assert [env[f"K{n}"] for n in range(len(HOSTILE_TEXTS))] == list(HOSTILE_TEXTS)


def test_down_after_all_that(formed: Swarmlay) -> None:
    """Nothing is left."""
    ended = formed("down", "--purge", "--yes", "-o", "json", timeout=600)

    assert ended.code == 0, ended.err + ended.out[-2000:]
    report: Any = ended.json
    assert report["residue"] == []
