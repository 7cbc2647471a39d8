"""Day two on real hosts: secrets rotated, engines upgraded, a swarm saved and brought back."""

import json
import socket
import stat
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from tests.lab.newer_engine import build, offer
from tests.lab.signed_repository import served
from tests.lab.swarmlay import Ended, Swarmlay

pytestmark = [pytest.mark.lab, pytest.mark.slow]

PLAYBOOK = """
networks: {back: {driver: overlay, attachable: true}}
services:
  web:
    image: nginx
    networks: [back]
    deploy: {replicas: 2}
    ports: [{target: 80, published: 8080, mode: host}]
"""
FAILS = "echo 'DPkg::Pre-Invoke {\"exit 7\";};' >/etc/apt/apt.conf.d/99fails"


@dataclass(frozen=True)
class Cluster:
    """A swarm of three managers and a worker, its playbook, and a newer engine on offer."""

    swarmlay: Swarmlay
    playbook: str
    versions: tuple[str, ...]

    def host(self, script: str) -> str:
        """Run a script as root on the first manager."""
        return self.swarmlay.host("manager-1", script)

    def upgrade(self, *words: str) -> Ended:
        """Run the upgrade."""
        return self.swarmlay("swarm", "upgrade", *words, "--yes", "-o", "json", timeout=900)


@pytest.fixture(scope="module")
def cluster(
    fresh_lab: Callable[..., Lab],
    swarmlay_on: Callable[[Lab], Swarmlay],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """Formed once; the tests below follow its life in order or alone."""
    lab = fresh_lab(managers=3, workers=1)
    swarmlay, folder = swarmlay_on(lab), tmp_path_factory.mktemp("day-two")
    playbook, repository = folder / "web.yml", folder / "repository"
    playbook.write_text(PLAYBOOK)
    repository.mkdir()
    ended = swarmlay("up", str(playbook), "--yes", "--no-check", timeout=600)
    assert ended.code == 0, ended.err + ended.out
    named = swarmlay.host("manager-1", "apt-get download --print-uris docker.io").split("'")[1]
    versions = build(repository, named, "+lab1", "+lab2")
    with served(repository, lab.bridge_address) as url:
        swarmlay.hosts(offer(url.removesuffix("/linux")))
        yield Cluster(swarmlay, str(playbook), versions)


@dataclass
class Load:
    """What a client saw that asked every host, again and again, and took who answered."""

    answered: int = 0
    failed: list[float] = field(default_factory=list)


@contextmanager
def asking(lab: Lab, port: int) -> Iterator[Load]:
    """Ask for a page all the while; a look is lost when no host answers."""
    load, stop = Load(), threading.Event()

    def ask() -> None:
        while not stop.wait(0.2):
            if any(_serves(h.address, port) for h in lab.hosts):
                load.answered += 1
            else:
                load.failed.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()


def _serves(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(15).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def installed(cluster: Cluster) -> dict[str, str]:
    """The engine's package on each host."""
    found = cluster.swarmlay.hosts("dpkg-query -W -f '${Version}' docker.io")
    return {name: version.strip() for name, version in found.items()}


def availabilities(cluster: Cluster) -> set[str]:
    """What Swarm says of its nodes."""
    script = "docker node ls -q | xargs docker node inspect -f '{{.Spec.Availability}}'"
    return set(cluster.host(script).split())


# Trust


def test_rotated_join_tokens_are_refused_from_then_on(cluster: Cluster) -> None:
    """The old token lets nobody in, the new one does; neither is printed unasked."""
    read = "docker swarm join-token -q worker"
    old = cluster.host(read).strip()
    ended = cluster.swarmlay("swarm", "rotate", "--yes", "-v")
    new = cluster.host(read).strip()
    address = cluster.swarmlay.lab.host("manager-1").address
    join = f"docker swarm join --token {{}} {address}:2377 2>&1 || true"
    leave = "docker swarm leave --force >/dev/null;"
    said = cluster.swarmlay.host("worker-1", leave + join.format(old))
    again = cluster.swarmlay("up", cluster.playbook, "--yes", "--no-check")

    assert ended.code == 0, ended.err + ended.out
    assert old != new
    assert "join token is necessary" in said
    assert again.code == 0, again.err + again.out
    for token in (old, new):
        assert token not in ended.out + ended.err + again.out + again.err


def test_a_new_ca_reaches_every_node(cluster: Cluster) -> None:
    """Every node gets a certificate of it, and the tokens, which name it, are shown if asked."""
    root = "docker swarm ca | sha256sum"
    before = cluster.host(root)
    ended = cluster.swarmlay("swarm", "rotate", "--ca", "--show", "--yes")

    assert ended.code == 0, ended.err + ended.out
    assert cluster.host(root) != before
    assert cluster.host("docker swarm join-token -q worker").strip() in ended.out
    status = cluster.host("docker node ls --format '{{.TLSStatus}}'").split()
    assert status == ["Ready"] * 4


# Upgrades


def test_an_upgrade_rolls_stops_at_a_failure_and_goes_on(cluster: Cluster) -> None:
    """Somebody always answers; the worker fails and stays drained; the next run completes it."""
    leader = led_by(cluster)
    cluster.swarmlay.host("worker-1", FAILS)
    with asking(cluster.swarmlay.lab, 8080) as load:
        stopped = cluster.upgrade("--to", cluster.versions[0])
        node = json.loads(cluster.host("docker node inspect worker-1 -f '{{json .Spec}}'"))
        after = installed(cluster)
        cluster.swarmlay.host("worker-1", "rm /etc/apt/apt.conf.d/99fails")
        resumed = cluster.upgrade("--to", cluster.versions[0])

    assert stopped.code == 1, stopped.err + stopped.out
    assert engines(stopped)[2:] == [leader, "worker-1"]
    assert rolled(stopped) == ["drain", "upgrade", "activate"] * 4
    results = {r["action"]: r["outcome"] for r in stopped.json["results"]}
    assert results["worker-1:engine:upgrade"] == "failed"
    assert list(results.values())[-1] == "skipped"
    assert node["Availability"] == "drain"
    assert node["Labels"]["io.swarmlay.upgrade"] == "active"
    assert after.pop("worker-1") != cluster.versions[0]
    assert set(after.values()) == {cluster.versions[0]}

    assert resumed.code == 0, resumed.err + resumed.out
    assert engines(resumed) == ["worker-1"]
    assert set(installed(cluster).values()) == {cluster.versions[0]}
    assert availabilities(cluster) == {"active"}
    assert load.failed == []
    assert load.answered > 50


def test_only_forward(cluster: Cluster) -> None:
    """The newest where no version is asked for; back is refused (4); what is there is left."""
    newest = cluster.upgrade("--at-once", "2")
    again = cluster.upgrade()
    back = cluster.upgrade("--to", cluster.versions[0])

    assert newest.code == 0, newest.err + newest.out
    assert set(installed(cluster).values()) == {cluster.versions[1]}
    assert (again.code, again.json["actions"]) == (0, [])
    assert back.code == 4, back.err + back.out
    assert "downgrade" in back.json["blocked"][0]["reason"]


def led_by(cluster: Cluster) -> str:
    """The manager that leads now."""
    rows = cluster.host("docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").splitlines()
    return next(row.split()[0] for row in rows if row.endswith("Leader"))


def engines(ended: Ended) -> list[str]:
    """Whose engine it was, in the order in which they ended."""
    return [r["host"] for r in ended.json["results"] if r["action"].endswith("engine:upgrade")]


def rolled(ended: Ended) -> list[str]:
    """What was done, in the order in which it ended."""
    return [r["action"].rpartition(":")[2] for r in ended.json["results"]]


# A bug report


def test_an_export_holds_everything_but_secrets(cluster: Cluster, tmp_path: Path) -> None:
    """A folder a host; tokens and what looks like a password are hidden; a dead host says why."""
    cluster.host("docker service create -d --name leaky -e DB_PASSWORD=hunter2 nginx >/dev/null")
    inventory = tmp_path / "more.yml"
    lab = cluster.swarmlay.lab
    nobody = lab.bridge_address.rpartition(".")[0] + ".250"
    hosts = {"ghost": {"address": nobody, "connect_timeout": 2}}
    source = {"lab": lab.name}
    inventory.write_text(json.dumps({"cluster": lab.name, "source": source, "hosts": hosts}))
    words = ("logs", "export", str(tmp_path / "report"), "--tar")
    ended = cluster.swarmlay(*words, inventory=str(inventory))
    cluster.host("docker service rm leaky >/dev/null")
    archive = tmp_path / "report.tar.gz"
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        texts = [f.read().decode() for m in tar if (f := tar.extractfile(m)) is not None]

    assert ended.code == 3, ended.err + ended.out
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert "report/ghost/unreachable.txt" in names
    assert "report/manager-1/docker-journal.txt" in names
    assert "report/cluster/services.json" in names
    whole = "".join(texts)
    assert "leaky" in whole
    assert "hunter2" not in whole
    assert "SWMTKN-1-" not in whole


# The worst day


def test_a_backup_comes_back_on_new_hosts(
    cluster: Cluster,
    fresh_lab: Callable[..., Lab],
    swarmlay_on: Callable[[Lab], Swarmlay],
    tmp_path: Path,
) -> None:
    """Saved from a manager that does not lead; restored elsewhere, its service runs again."""
    file = tmp_path / "swarm.backup"
    cluster.host(
        "docker config inspect motd >/dev/null 2>&1 || echo hello | docker config create motd -"
    )
    leader = cluster.host("docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'")
    taken = cluster.swarmlay("swarm", "backup", str(file), "--yes", "--allow-restart")
    old = swarm_id(cluster.swarmlay, "manager-1")
    lab = fresh_lab(workers=1)
    inventory = tmp_path / "new.yml"
    name = cluster.swarmlay.lab.name
    inventory.write_text(json.dumps({"cluster": name, "source": {"lab": lab.name}}))
    new = swarmlay_on(lab)
    words = ("swarm", "restore", str(file), cluster.playbook, "--yes", "--no-color")
    ended = new(*words, inventory=str(inventory), timeout=600)

    assert taken.code == 0, taken.err + taken.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    source = taken.err.rpartition("from ")[2].strip()
    assert f"{source} Leader" not in leader
    assert ended.code == 0, ended.err + ended.out
    assert swarm_id(new, "manager") == old
    assert new.host("manager", "docker config ls --format '{{.Name}}'").strip() == "motd"
    assert "back" in new.host("manager", "docker network ls --format '{{.Name}}'").split()
    nodes = new.host("manager", "docker node ls --format '{{.Hostname}} {{.Status}}'")
    assert sorted(nodes.splitlines()) == ["manager Ready", "worker-1 Ready"]
    replicas = new.host("manager", "docker service ls --format '{{.Name}} {{.Replicas}}'")
    assert "web 2/2" in replicas
    assert any(_serves(h.address, 8080) for h in lab.hosts)


def swarm_id(swarmlay: Swarmlay, host: str) -> str:
    """The id of the swarm that a manager is in."""
    return swarmlay.host(host, "docker info --format '{{.Swarm.Cluster.ID}}'").strip()


def test_an_autolocked_swarm_is_unlocked_saved_and_restored(
    fresh_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    """Its key is handed over in a file only the operator reads, and is printed nowhere."""
    lab = fresh_lab(workers=0)
    swarmlay = Swarmlay(lab, {"XDG_STATE_HOME": str(tmp_path / "state")})
    inventory, file = tmp_path / "inventory.yml", tmp_path / "swarm.backup"
    inventory.write_text(json.dumps(_static(lab)))
    playbook = tmp_path / "locked.yml"
    playbook.write_text("swarm: {autolock: true}\nservices: {web: {image: nginx}}\n")
    where = str(inventory)
    ends = [swarmlay("up", str(playbook), "--yes", "--no-check", inventory=where, timeout=600)]
    keys = list((tmp_path / "state" / "swarmlay" / "unlock-keys").glob("*.key"))
    key = keys[0].read_text().strip()
    swarmlay.host("manager", "systemctl restart docker")
    locked = swarmlay.host("manager", "docker info --format '{{.Swarm.LocalNodeState}}'").strip()
    ends.append(swarmlay("swarm", "unlock", "--yes", inventory=where))
    ends.append(swarmlay("swarm", "backup", str(file), "--yes", "--allow-restart", inventory=where))
    swarmlay.host("manager", "docker swarm leave --force")
    words = ("swarm", "restore", str(file), "--yes", "--allow-restart")
    ends.append(swarmlay(*words, inventory=where, timeout=600))

    assert [e.code for e in ends] == [0, 0, 0, 0], ends[-1].err + ends[-1].out
    assert locked == "locked"
    assert stat.S_IMODE(keys[0].stat().st_mode) == 0o600
    assert key.startswith("SWMKEY-1-")
    assert str(keys[0]) in ends[0].err
    assert all(key not in e.out + e.err for e in ends)
    spec = "docker info --format '{{.Swarm.Cluster.Spec.EncryptionConfig.AutoLockManagers}}'"
    assert swarmlay.host("manager", spec).strip() == "true"
    assert "web" in swarmlay.host("manager", "docker service ls --format '{{.Name}}'")


def _static(lab: Lab) -> dict[str, object]:
    """An inventory that does not look for the lab in the state directory."""
    host = lab.host("manager")
    return {
        "cluster": "locked",
        "ssh": {"user": lab.user, "key": lab.key, "host_key": "off"},
        "engine": {"source": "distro"},
        "hosts": {"manager": {"address": host.address, "role": "manager"}},
    }
