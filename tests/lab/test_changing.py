"""Clusters that change, on real hosts: nodes drained, removed, replaced, made anew, moved."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from tests.lab.inventories import Changing
from tests.lab.swarmlay import Swarmlay

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ALL = {"manager": "manager", "worker-1": "worker", "worker-2": "worker", "worker-3": "worker"}
TWO = {name: role for name, role in ALL.items() if name != "worker-3"}
WEB = """
networks:
  shared: {driver: overlay, attachable: true}
services:
  web:
    image: busybox
    command: sleep 3600
    networks: [shared]
    stop_grace_period: 1s
    deploy: {replicas: 6, endpoint_mode: dnsrr}
"""
PINNED = """
services:
  pinned:
    image: busybox
    command: sleep 3600
    stop_grace_period: 1s
    deploy: {placement: {constraints: ["node.labels.disk == ssd"]}}
"""
STATE = "docker info -f '{{.Swarm.LocalNodeState}}'"
DOWN = "timeout 110 sh -c 'until docker node ls | grep -q Down; do sleep 1; done'"
BLANK = """
systemctl stop docker docker.socket containerd
umount -l /var/lib/docker 2>/dev/null
rm -rf /var/lib/docker/* /var/lib/swarmlay
rm -f /etc/machine-id; systemd-machine-id-setup >/dev/null 2>&1
systemctl start docker
"""


@pytest.fixture(scope="module")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A service over all nodes, on a network."""
    path = tmp_path_factory.mktemp("changing") / "web.yml"
    path.write_text(WEB)
    return str(path)


@pytest.fixture(scope="module")
def cluster(
    fresh_lab: Callable[..., Lab],
    swarmlay_on: Callable[[Lab], Swarmlay],
    tmp_path_factory: pytest.TempPathFactory,
    playbook: str,
) -> Changing:
    """A manager and two workers that run the service; worker-3 is bare."""
    path = tmp_path_factory.mktemp("changing") / "inventory.yml"
    made = Changing(swarmlay_on(fresh_lab(managers=1, workers=3)), path, "changing")
    made.write(TWO)
    up = made("up", playbook, "--yes", "--no-check", "-o", "json")
    assert up.code == 0, up.err + up.out[-3000:]
    return made


@pytest.fixture(autouse=True)
def settled(cluster: Changing, playbook: str) -> None:
    """Every test begins with manager, worker-1 and worker-2, all active, and six tasks."""
    cluster.write(TWO)
    up = cluster("up", playbook, "--prune", "--yes", "--no-check", "-o", "json")
    assert up.code == 0, up.err + up.out[-3000:]
    for name in TWO:
        assert cluster.node("activate", name).code == 0


def running(cluster: Changing, service: str = "web") -> dict[str, int]:
    """How many tasks of a service run on which node."""
    form = "--filter desired-state=running --format '{{.Node}} {{.CurrentState}}'"
    said = cluster.host("manager", f"docker service ps {service} {form}")
    places = [line.split()[0] for line in said.splitlines() if " Running" in line]
    return {place: places.count(place) for place in places}


def test_drain_waits_for_the_tasks_and_activate_takes_it_back(cluster: Changing) -> None:
    """When it ends no task is there and six run; a second drain has nothing to do."""
    drained = cluster.node("drain", "worker-1")
    again = cluster.node("drain", "worker-1")
    places = running(cluster)
    noted = cluster("plan", "-o", "json").json["notes"]
    active = cluster.node("activate", "worker-1")

    assert drained.code == 0, drained.err + drained.out[-2000:]
    assert drained.json["actions"][0]["commands"] == [
        "docker node update --availability drain worker-1"
    ]
    assert again.json["actions"] == []
    assert "worker-1" not in places
    assert sum(places.values()) == 6
    assert any("worker-1 is set to drain" in note for note in noted)
    assert active.code == 0
    assert cluster.nodes("manager")["worker-1"] == "Ready Active"


def test_what_cannot_move_is_named_with_the_reason(cluster: Changing, tmp_path: Path) -> None:
    """A task bound to a label of one node: drain fails with why, remove refuses beforehand."""
    pinned = tmp_path / "pinned.yml"
    pinned.write_text(PINNED)
    path = str(pinned)
    cluster.write(TWO, labels={"worker-2": "{disk: ssd}"})
    up = cluster("up", path, "--yes", "--no-check", "-o", "json")
    assert up.code == 0, up.err + up.out[-2000:]

    removed = cluster.node("remove", "worker-2")
    drained = cluster.node("drain", "worker-2")
    cluster.node("activate", "worker-2")
    cluster("down", path, "--yes")

    assert removed.code == 4, removed.err + removed.out[-2000:]
    reason = "service pinned cannot move: no other active node fulfils node.labels.disk == ssd"
    assert removed.json["blocked"][0]["reason"] == reason
    assert any(reason in note for note in drained.json["notes"])
    assert drained.code == 1
    assert "service pinned cannot move" in drained.json["results"][0]["cause"]


def test_a_host_that_left_the_inventory_is_named_then_pruned_then_comes_again(
    cluster: Changing, playbook: str
) -> None:
    """Named by plan; --prune drains it, lets it leave and closes what was open; it joins again."""
    cluster.write({n: r for n, r in TWO.items() if n != "worker-2"})

    plan = cluster("plan", playbook, "-o", "json")
    pruned = cluster("up", playbook, "--prune", "--yes", "--no-check", "-o", "json")
    nodes, places = cluster.nodes("manager"), running(cluster)
    state = cluster.host("worker-2", STATE).strip()
    cluster.write(TWO)
    back = cluster("up", playbook, "--yes", "--no-check", "-o", "json")

    assert any("worker-2 (ready" in n and "--prune" in n for n in plan.json["notes"])
    assert plan.json["actions"] == []
    assert pruned.code == 0, pruned.err + pruned.out[-2000:]
    assert pruned.json["second_plan"]["converged"] is True
    assert sorted(nodes) == ["manager", "worker-1"]
    assert (sum(places.values()), state) == (6, "inactive")
    assert back.code == 0, back.err + back.out[-2000:]
    assert cluster.nodes("manager")["worker-2"] == "Ready Active"


def test_a_dead_host_is_pruned_and_what_is_left_there_is_said(
    cluster: Changing, playbook: str
) -> None:
    """Nobody answers at its address: the record goes; back again it leaves and joins anew."""
    cluster.host("worker-2", "systemctl stop docker docker.socket; systemctl mask docker.socket")
    cluster.host(
        "worker-2",
        "nohup sh -c 'sleep 0.5; systemctl stop ssh; sleep 45;"
        " systemctl start ssh' >/dev/null 2>&1 &",
    )
    cluster.host("manager", DOWN)
    cluster.write({n: r for n, r in TWO.items() if n != "worker-2"})

    pruned = cluster("up", playbook, "--prune", "--yes", "--no-check", "-o", "json")
    nodes = cluster.nodes("manager")
    wait_for_ssh(cluster, "worker-2")
    cluster.host("worker-2", "systemctl unmask docker.socket; systemctl start docker")
    cluster.write(TWO)
    back = cluster("up", playbook, "--yes", "--no-check", "-o", "json")

    assert pruned.code == 0, pruned.err + pruned.out[-2000:]
    assert any("docker swarm leave --force" in note for note in pruned.json["notes"])
    assert sorted(nodes) == ["manager", "worker-1"]
    assert back.code == 0, back.err + back.out[-3000:]
    assert cluster.nodes("manager")["worker-2"] == "Ready Active"


def wait_for_ssh(cluster: Changing, name: str) -> None:
    """Until a host's sshd answers again."""
    for _ in range(120):
        with suppress(AssertionError):
            cluster.host(name, "true")
            return
        time.sleep(1)
    raise AssertionError(name)


def test_replace_takes_over_labels_and_the_old_one_leaves_clean(
    cluster: Changing, playbook: str
) -> None:
    """The new host joins before the old one is drained; a label set by hand goes along."""
    cluster.host("manager", "docker node update --label-add rack=7 worker-2 >/dev/null")
    cluster.write({**TWO, "worker-3": "worker"}, labels={"worker-2": "{zone: b}"})
    assert cluster("up", playbook, "--yes", "--no-check", "--limit", "worker-2").code == 0

    done = cluster.node("replace", "worker-2", "worker-3")
    labels = cluster.host("manager", "docker node inspect -f '{{json .Spec.Labels}}' worker-3")
    nodes, places = cluster.nodes("manager"), running(cluster)

    assert done.code == 0, done.err + done.out[-3000:]
    assert done.json["second_plan"]["converged"] is True
    order = [r["action"] for r in done.json["results"]]
    assert order.index("worker-3:swarm:member") < order.index("manager:nodes:worker-2:drain")
    assert sorted(nodes) == ["manager", "worker-1", "worker-3"]
    assert '"rack":"7"' in labels
    assert '"zone":"b"' in labels
    assert sum(places.values()) == 6
    assert cluster.host("worker-2", STATE).strip() == "inactive"


def test_the_only_manager_is_replaced_without_a_moment_without_one(
    cluster: Changing, playbook: str
) -> None:
    """The new manager joins first and sees the old one off; then the other way round."""
    cluster.write({"manager": "manager", "worker-1": "worker", "worker-3": "manager"})
    cluster.write({**TWO, "worker-3": "manager"})

    done = cluster.node("replace", "manager", "worker-3")
    nodes = cluster.nodes("worker-3")
    cluster.write(
        {"worker-3": "manager", "worker-1": "worker", "manager": "manager", "worker-2": "worker"}
    )
    back = cluster.node("replace", "worker-3", "manager")

    assert done.code == 0, done.err + done.out[-3000:]
    assert nodes["worker-3"] == "Ready Active Reachable"
    assert "manager" not in nodes
    assert back.code == 0, back.err + back.out[-3000:]
    assert cluster.nodes("manager")["manager"] == "Ready Active Reachable"
    assert playbook


def test_a_host_made_anew_is_recognised(cluster: Changing, playbook: str) -> None:
    """Same address, new machine-id, empty engine: it joins, its old record goes, why is said."""
    old = cluster.host("manager", "docker node inspect -f '{{.ID}}' worker-2").strip()
    cluster.host("worker-2", BLANK)

    up = cluster("up", playbook, "--yes", "--no-check", "-o", "json")

    assert up.code == 0, up.err + up.out[-3000:]
    removal = next(a for a in up.json["actions"] if a["id"] == f"manager:nodes:worker-2:{old}")
    assert "made anew (another machine-id)" in removal["why"]
    assert up.json["second_plan"]["converged"] is True
    assert sorted(cluster.nodes("manager")) == ["manager", "worker-1", "worker-2"]


def test_objects_that_left_the_playbook_are_named_then_pruned_in_order(
    cluster: Changing, playbook: str, tmp_path: Path
) -> None:
    """Service before network: the other order leaks addresses. Nothing goes without --prune."""
    other = tmp_path / "other.yml"
    other.write_text("networks:\n  another: {driver: overlay}\n")

    named = cluster("up", str(other), "--yes", "--no-check", "-o", "json")
    still = running(cluster)
    pruned = cluster("up", str(other), "--prune", "--yes", "--no-check", "-o", "json")
    networks = cluster.host("manager", "docker network ls --format '{{.Name}}'").split()

    assert any("service web, network shared" in note for note in named.json["notes"])
    assert sum(still.values()) == 6
    assert pruned.code == 0, pruned.err + pruned.out[-2000:]
    order = [r["action"] for r in pruned.json["results"]]
    assert order == ["manager:services:web", "manager:networks:shared"]
    assert ("shared" in networks, "another" in networks) == (False, True)
    assert playbook


def test_a_network_that_would_be_made_anew_says_what_it_touches(
    cluster: Changing, tmp_path: Path
) -> None:
    """Docker cannot change one; refused with the services on it, nothing is done."""
    changed = tmp_path / "changed.yml"
    changed.write_text(WEB.replace("attachable: true", "attachable: false"))

    refused = cluster("up", str(changed), "--yes", "--no-check", "-o", "json")

    assert refused.code == 4, refused.err + refused.out[-2000:]
    assert "used by service web" in refused.json["blocked"][0]["reason"]
    assert sum(running(cluster).values()) == 6


def test_a_changed_host_key_is_refused_until_forgotten(cluster: Changing) -> None:
    """Exit 3 and the command that forgets the key of a host that was made anew."""
    keys = cluster.host(
        "worker-1", "mkdir -p /root/k && cp -a /etc/ssh/ssh_host_* /root/k; echo ok"
    )
    assert keys == "ok\n"
    cluster.host(
        "worker-1",
        "rm /etc/ssh/ssh_host_*; ssh-keygen -A >/dev/null; nohup sh -c 'sleep "
        "0.3; systemctl restart ssh; sleep 25; cp -a /root/k/* /etc/ssh/; systemctl restart"
        " ssh' >/dev/null 2>&1 &",
    )

    plan = cluster("plan", "-o", "json")
    wait_for_ssh(cluster, "worker-1")

    assert plan.code == 3, plan.err + plan.out[-2000:]
    blocked = next(b for b in plan.json["blocked"] if b["host"] == "worker-1")
    assert "swarmlay hosts forget" in blocked["hint"]


def test_a_worker_whose_address_changed_leaves_and_joins_with_consent(
    cluster: Changing, playbook: str
) -> None:
    """Its node still advertises the old address: what stops is named, --allow-restart agrees."""
    old = cluster.lab.host("worker-2").address
    new = cluster.lab.subnet.replace("0/24", "77")
    move(cluster, old, new)

    refused = cluster("up", playbook, "--yes", "--no-check", "-o", "json")
    done = cluster("up", playbook, "--yes", "--no-check", "--allow-restart", "-o", "json")
    form = "docker node inspect -f '{{.Status.Addr}}' worker-2"
    address = cluster.host("manager", form).strip()
    move(cluster, new, old)
    back = cluster("up", playbook, "--yes", "--no-check", "--allow-restart", "-o", "json")

    assert refused.code == 4, refused.err + refused.out[-2000:]
    assert "web" in refused.err
    assert done.code == 0, done.err + done.out[-3000:]
    joined = next(a for a in done.json["actions"] if a["id"] == "worker-2:swarm:member")
    assert old in joined["why"]
    assert address == new
    assert back.code == 0, back.err + back.out[-3000:]


def test_the_only_manager_with_another_address_is_told_what_to_do(
    cluster: Changing, playbook: str
) -> None:
    """Exit 4 with both ways out; after force-new-cluster, up lets the workers join anew."""
    old = cluster.lab.host("manager").address
    new = cluster.lab.subnet.replace("0/24", "78")
    move(cluster, old, new, host="manager")

    told = cluster("up", playbook, "--yes", "--no-check", "-o", "json")
    init = f"docker swarm init --force-new-cluster --advertise-addr {new}"
    forced = cluster.exec("manager", init)
    healed = cluster("up", playbook, "--yes", "--no-check", "--allow-restart", "-o", "json")
    nodes = cluster.exec("manager", "docker node ls --format '{{.Hostname}} {{.Status}}'")
    cluster.exec("manager", "docker service rm web")
    move(cluster, new, old, host="manager")
    cluster.exec("manager", init.replace(new, old))

    assert told.code == 4, told.err + told.out[-2000:]
    hint = next(b["hint"] for b in told.json["blocked"] if b["host"] == "manager")
    assert (old in hint, init in hint) == (True, True)
    assert forced.code == 0, forced.err
    assert healed.code == 0, healed.err + healed.out[-3000:]
    assert sorted(nodes.out.split("manager", 1)[1].split()) != []


def move(cluster: Changing, old: str, new: str, *, host: str = "worker-2") -> None:
    """Give a host another address, as a new lease does; the inventory follows."""
    gateway = cluster.lab.bridge_address
    steps = f"ip addr del {old}/24 dev eth0; ip addr add {new}/24 dev eth0"
    script = f"sleep 0.3; {steps}; ip route replace default via {gateway}"
    cluster.exec(host, f"nohup sh -c '{script}' >/dev/null 2>&1 &")
    cluster.write(TWO, addresses={host: new})
    for _ in range(60):
        if cluster.exec(host, "true").code == 0:
            return
    raise AssertionError(f"{host} does not answer at {new}")
