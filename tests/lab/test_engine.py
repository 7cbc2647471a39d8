"""The engine on real hosts: from Docker's repository or the distribution, kept right, or refused.

The tests follow one host through its life, from bare over refusals, an installation and changes
of its settings to bare again; a refusal must leave the host so that the next test finds it bare.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provision.lab.labs import Lab
from provision.platforms.debian import KEYRING, SOURCES
from tests.lab.checked import opened
from tests.lab.signed_repository import build, served, sign_anew, sign_as_before
from tests.lab.snapshots import SCRIPT, differences
from tests.lab.swarmlay import Ended, Swarmlay, kill

pytestmark = pytest.mark.lab

DAEMON = "/etc/docker/daemon.json"
WRONG = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
HOLDER = r"""
use Fcntl qw(:DEFAULT :seek);
open(my $file, '+>>', '/var/lib/dpkg/lock-frontend') or die;
my $lock = pack('s s x4 q q l x4', F_WRLCK, SEEK_SET, 0, 0, 0);
fcntl($file, F_SETLK, $lock) or die;
open(my $sign, '>', '/run/held') or die;
sleep 20;
"""


@dataclass(frozen=True)
class Bench:
    """One host, a repository that it reaches, and a folder for inventories and playbooks."""

    swarmlay: Swarmlay
    folder: Path
    repository: Path
    url: str
    fingerprint: str

    def up(self, *words: str, engine: Any = None, playbook: str = "{}", **more: Any) -> Ended:
        """Run `up` with an engine that the inventory wants."""
        return self.swarmlay(
            "up",
            self.playbook(playbook),
            "--yes",
            "--no-check",
            *words,
            inventory=self.inventory(engine),
            timeout=600,
            **more,
        )

    def inventory(self, engine: Any = None) -> str:
        """An inventory file over the lab's host: Docker's own engine, unless it says else."""
        lab = self.swarmlay.lab
        host = lab.host("manager")
        text = {
            "cluster": "shop",
            "ssh": {"user": lab.user, "key": lab.key},
            "hosts": {"manager": {"address": host.address, "role": "manager"}},
            "engine": engine if engine is not None else self.docker(),
        }
        path = self.folder / "inventory.yml"
        path.write_text(json.dumps(text))
        return str(path)

    def playbook(self, text: str) -> str:
        """A playbook file."""
        path = self.folder / "playbook.yml"
        path.write_text(text)
        return str(path)

    def docker(self, version: str = "28.*", fingerprint: str = "", **more: Any) -> dict[str, Any]:
        """The engine that is wanted, from the test's repository."""
        repository = {"url": self.url, "fingerprint": fingerprint or self.fingerprint}
        return {"source": "docker", "version": version, "repository": repository, **more}

    def host(self, script: str, **more: Any) -> str:
        """Run a script as root on the host."""
        return self.swarmlay.host("manager", script, **more)


@pytest.fixture(scope="module")
def bench(
    fresh_lab: Callable[..., Lab],
    swarmlay_on: Callable[[Lab], Swarmlay],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    """One bare host and Docker's repository, stood in for by a signed one."""
    lab = fresh_lab(workers=0)
    folder, repository = tmp_path_factory.mktemp("engine"), tmp_path_factory.mktemp("repository")
    with opened(lab) as hosts, served(repository, lab.bridge_address) as url:
        named = hosts.run("manager", "apt-get download --print-uris docker.io").split("'")[1]
        key = build(repository, "bookworm", {"docker-ce": named})
        yield Bench(swarmlay_on(lab), folder, repository, url, key)


@pytest.fixture(scope="module")
def before(bench: Bench) -> str:
    """The host before anything was done."""
    return bench.host(SCRIPT)


def words(ended: Ended) -> str:
    """Everything that was said, without the breaks of lines."""
    return " ".join((ended.out + ended.err).split())


def is_bare(bench: Bench) -> bool:
    """Neither keyring nor source nor engine is there."""
    left = f"ls {KEYRING} {SOURCES} /usr/sbin/dockerd 2>/dev/null || true"
    return bench.host(left) == ""


# Refusals, on a bare host


def test_present_without_an_engine_is_refused(bench: Bench, before: str) -> None:
    """``source: present`` installs nothing: exit 2, with what to do."""
    ended = bench.up(engine={"source": "present"})

    assert ended.code == 2, ended.err + ended.out
    said = words(ended)
    assert "has no Docker engine" in said
    assert "source: docker" in said
    assert differences(before, bench.host(SCRIPT)) == []


def test_broken_settings_are_refused(bench: Bench, before: str) -> None:
    """A daemon.json that is not JSON would keep an engine from starting; it is not replaced."""
    bench.host(f"cp -p {DAEMON} /run/kept; echo '{{ \"debug\": tru }}' >{DAEMON}")
    ended = bench.up()
    now = bench.host(f"cat {DAEMON}; mv /run/kept {DAEMON}")

    assert ended.code == 4, ended.err + ended.out
    assert DAEMON in words(ended)
    assert "line 1 column 12" in words(ended)
    assert now == '{ "debug": tru }\n'
    assert differences(before, bench.host(SCRIPT)) == []


def test_podman_docker_is_refused(bench: Bench, before: str) -> None:
    """It pretends to be Docker; removing it as the hint says is enough."""
    bench.host(
        "cd /run && apt-get download -q podman-docker >/dev/null 2>&1"
        " && dpkg --force-depends -i podman-docker_*.deb >/dev/null 2>&1 && rm podman-docker_*"
    )
    ended = bench.up()
    said = words(ended)
    bench.host("apt-get remove -yq podman-docker >/dev/null")
    again = bench.swarmlay("plan", "-o", "json", inventory=bench.inventory())
    bench.host("apt-get purge -yq podman-docker >/dev/null")

    assert ended.code == 4, said
    assert "podman-docker" in said
    assert "apt remove podman-docker" in said
    assert again.code == 0, again.err
    assert again.json["blocked"] == []
    assert differences(before, bench.host(SCRIPT)) == []


def test_a_wrong_key_is_refused(bench: Bench) -> None:
    """Both fingerprints are named, and nothing of the repository is on the host."""
    ended = bench.up(engine=bench.docker(fingerprint=WRONG))

    assert ended.code in (1, 4), ended.err + ended.out
    said = words(ended)
    assert WRONG in said
    assert bench.fingerprint in said
    assert is_bare(bench)


def test_a_repository_that_another_key_signed_is_refused(bench: Bench) -> None:
    """The key is the pinned one and the signature is not its: apt says so; apt works on after."""
    other = sign_anew(bench.repository, "bookworm")
    ended = bench.up()
    sign_as_before(bench.repository, "bookworm")

    assert ended.code == 1, ended.err + ended.out
    said = words(ended)
    assert other[-16:] in said
    assert bench.url in said
    assert is_bare(bench)
    assert bench.host("apt-get update -q 2>&1 | grep -E '^(W|E|Err)' || true") == ""


def test_a_version_that_is_not_offered_is_named(bench: Bench) -> None:
    """What there is stands beside it."""
    ended = bench.up(engine=bench.docker(version="26.*"))

    assert ended.code == 1, ended.err + ended.out
    said = words(ended)
    assert "no docker-ce 26.* is offered" in said
    for version in ("27.5.1", "28.5.0", "29.0.0"):
        assert version in said
    assert bench.host("ls /usr/sbin/dockerd 2>/dev/null || true") == ""


# The installation


@pytest.fixture(scope="module")
def installed(bench: Bench, before: str) -> tuple[Ended, float]:
    """`up` from a bare host whose package lock somebody holds for 20 s; and how long it took."""
    assert before
    bench.host(
        f"cat >/run/hold.pl <<'END'\n{HOLDER}\nEND\n"
        "systemd-run --quiet --collect perl /run/hold.pl;"
        " until test -e /run/held; do sleep 0.1; done; rm /run/held /run/hold.pl"
    )
    began = time.monotonic()
    return bench.up(engine=bench.docker(daemon={"log-driver": "local"})), time.monotonic() - began


def test_a_held_package_lock_is_waited_for(bench: Bench, installed: tuple[Ended, float]) -> None:
    """And who holds it is said meanwhile."""
    ended, seconds = installed

    assert ended.code == 0, ended.err + ended.out
    assert seconds > 15
    assert "waiting for another package manager" in ended.err
    assert "perl" in ended.err
    assert bench.host("docker version --format '{{.Server.Version}}'").strip()


def test_the_engine_is_the_pinned_one(bench: Bench, installed: tuple[Ended, float]) -> None:
    """Key, source, version and hold are right; apt has nothing to complain of."""
    assert installed[0].code == 0
    listed = bench.host("dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n' 'docker*'")
    key = bench.host(f"sha1sum {KEYRING} >/dev/null; stat -c '%a %U' {KEYRING} {SOURCES}")
    sources = bench.host(f"cat {SOURCES}")

    for package in ("docker-ce", "docker-ce-cli"):
        assert f"hi  {package} 5:28.5.0-1~debian~bookworm" in listed
    assert key.split() == ["644", "root", "644", "root"]
    assert f"URIs: {bench.url}/debian\n" in sources
    assert f"Signed-By: {KEYRING}\n" in sources
    assert bench.host("apt-mark showhold").split() == [
        "containerd.io",
        "docker-ce",
        "docker-ce-cli",
    ]
    assert bench.host("apt-get update -q 2>&1 | grep -E '^(W|E|Err)' || true") == ""
    upgraded = bench.host("apt-get -s -q upgrade 2>&1 | grep '^Inst docker' || true")
    assert upgraded == ""


def test_settings_that_were_there_stay(bench: Bench, installed: tuple[Ended, float]) -> None:
    """The mirror of the lab and the wanted driver are both in force."""
    assert installed[0].code == 0
    said = bench.host("docker info --format '{{.LoggingDriver}} {{.RegistryConfig.Mirrors}}'")

    assert said.strip() == f"local [http://{bench.swarmlay.lab.registry}/]"


def test_a_second_up_changes_nothing(bench: Bench, installed: tuple[Ended, float]) -> None:
    """Empty plan."""
    assert installed[0].code == 0
    again = bench.up("-o", "json", engine=bench.docker(daemon={"log-driver": "local"}))

    assert again.code == 0, again.err
    assert again.json["actions"] == []
    assert again.json["converged"] is True


# Changes


PLAYBOOK = """
services: {web: {image: nginx, deploy: {replicas: 2}}}
containers: {box: {on: manager, image: alpine, command: sleep infinity}}
"""
OTHER: dict[str, Any] = {"log-driver": "local", "log-opts": {"max-size": "5m"}, "debug": True}


def test_a_restart_that_stops_containers_needs_a_yes(
    bench: Bench, installed: tuple[Ended, float]
) -> None:
    """Exit 4 with what would stop; with the yes it restarts once, and nothing is left to do."""
    assert installed[0].code == 0
    same, other = bench.docker(daemon={"log-driver": "local"}), bench.docker(daemon=OTHER)
    running = bench.up(engine=same, playbook=PLAYBOOK)
    assert running.code == 0, running.err + running.out
    began = "systemctl show -P ActiveEnterTimestampMonotonic docker"
    first = bench.host(began)

    refused = bench.up(engine=other, playbook=PLAYBOOK)
    unchanged = bench.host(f"cat {DAEMON}")
    still = bench.host(began)
    agreed = bench.up("--allow-restart", "-o", "json", engine=other, playbook=PLAYBOOK)
    after = bench.host(began)
    again = bench.up("-o", "json", engine=other, playbook=PLAYBOOK)

    assert refused.code == 4, refused.err + refused.out
    assert "box" in words(refused)
    assert "web" in words(refused)
    assert "--allow-restart" in words(refused)
    assert "debug" not in unchanged
    assert still == first
    assert agreed.code == 0, agreed.err + agreed.out[-3000:]
    assert agreed.json["second_plan"]["converged"] is True
    assert after != first
    assert (again.code, again.json["actions"]) == (0, [])
    assert bench.host(began) == after
    settings = json.loads(bench.host(f"cat {DAEMON}"))
    assert settings == {
        "registry-mirrors": [f"http://{bench.swarmlay.lab.registry}"],
        **OTHER,
    }
    names = bench.host("docker ps --format '{{.Names}}'").split()
    assert "box" in names
    assert len(names) == 3


def test_settings_that_docker_refuses_are_taken_back(
    bench: Bench, installed: tuple[Ended, float]
) -> None:
    """The reason is Docker's own, and the engine runs on with the settings that it had."""
    assert installed[0].code == 0
    before = bench.host(f"cat {DAEMON}")
    ended = bench.up(
        "--allow-restart", engine=bench.docker(daemon={"log-drivr": "local"}), playbook=PLAYBOOK
    )

    assert ended.code == 1, ended.err + ended.out
    assert "runs with the old ones" in words(ended)
    assert "log-drivr" in words(ended)
    assert bench.host(f"cat {DAEMON}") == before
    assert bench.host("systemctl is-active docker").strip() == "active"


def test_broken_settings_of_a_running_engine_are_refused(
    bench: Bench, installed: tuple[Ended, float]
) -> None:
    """Whoever broke them is told; they are not replaced."""
    assert installed[0].code == 0
    bench.host(f"cp -p {DAEMON} /run/kept; echo '[1' >{DAEMON}")
    ended = bench.up(engine=bench.docker(daemon=OTHER), playbook=PLAYBOOK)
    now = bench.host(f"cat {DAEMON}; mv /run/kept {DAEMON}")

    assert ended.code in (1, 4), ended.err + ended.out
    assert f"{DAEMON} is not JSON" in words(ended)
    assert now == "[1\n"


def test_a_stopped_engine_is_started(bench: Bench, installed: tuple[Ended, float]) -> None:
    """Now and at boot; what ran on it runs again."""
    assert installed[0].code == 0
    bench.host("systemctl disable -q --now docker.socket docker.service")
    ended = bench.up("-o", "json", engine=bench.docker(daemon=OTHER), playbook=PLAYBOOK)

    assert ended.code == 0, ended.err + ended.out[-3000:]
    assert ended.json["second_plan"]["converged"] is True
    assert bench.host("systemctl is-enabled docker; systemctl is-active docker").split() == [
        "enabled",
        "active",
    ]


def test_purging_leaves_the_host_as_it_was(
    bench: Bench, before: str, installed: tuple[Ended, float]
) -> None:
    """Packages, key, source, settings, holds: all of it is undone."""
    assert installed[0].code == 0
    down = bench.swarmlay(
        "down", "--purge", "--yes", "-o", "json", inventory=bench.inventory(), timeout=600
    )

    assert down.code == 0, down.err + down.out[-3000:]
    assert down.json["residue"] == []
    assert bench.host("apt-mark showhold") == ""
    assert differences(before, bench.host(SCRIPT)) == []


# Accidents


def test_an_interrupted_dpkg_is_repaired(bench: Bench, before: str) -> None:
    """apt, dpkg and swarmlay are all killed in the middle; the next run completes it."""
    assert before
    distro = {"source": "distro"}
    process = bench.swarmlay.start("up", "--yes", "--no-check", inventory=bench.inventory(distro))
    bench.host(
        "i=0; until pgrep -x dpkg >/dev/null && test -e /var/lib/dpkg/info/docker.io.list;"
        " do i=$((i+1)); [ $i -lt 6000 ] || exit 9; sleep 0.02; done;"
        " kill -9 $(pgrep -x apt-get) $(pgrep -x dpkg); true",
        timeout=200,
    )
    kill(process)
    state = bench.host("dpkg --audit")
    ended = bench.up("-o", "json", engine=distro)

    assert state != ""
    assert ended.code == 0, ended.err + ended.out[-3000:]
    assert ended.json["second_plan"]["converged"] is True
    assert bench.host("dpkg --audit") == ""
    down = bench.swarmlay("down", "--purge", "--yes", inventory=bench.inventory(distro))
    assert down.code == 0, down.err + down.out
    assert differences(before, bench.host(SCRIPT)) == []


@pytest.mark.slow
def test_trixie_gets_the_distributions_engine(
    fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]
) -> None:
    """Debian 13 keeps the client in a package of its own; the swarm is formed."""
    swarmlay = swarmlay_on(fresh_lab(suite="trixie", workers=0))
    ended = swarmlay("up", "--yes", "--no-check", "-o", "json", timeout=600)

    assert ended.code == 0, ended.err + ended.out[-3000:]
    assert ended.json["second_plan"]["actions"] == []
    state = swarmlay.host("manager", "docker info --format '{{.Swarm.LocalNodeState}}'")
    assert state.strip() == "active"
