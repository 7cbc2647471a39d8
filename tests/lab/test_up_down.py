"""The main job on real hosts: bare, up, nothing to change, drift, down, bare again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.lab.labs import Lab
from tests.lab.snapshots import SCRIPT, differences
from tests.lab.swarmlay import Ended, Swarmlay

pytestmark = pytest.mark.lab

OVERLAY = str(Path(__file__).parents[2] / "playbooks" / "overlay.yml")
LOGINS = "journalctl -u ssh --no-pager -o cat | grep -c 'Accepted publickey' || true"


@pytest.fixture(scope="module")
def swarmlay(fresh_lab: Callable[..., Lab], swarmlay_on: Callable[[Lab], Swarmlay]) -> Swarmlay:
    """The command line on three bare hosts."""
    return swarmlay_on(fresh_lab())


@pytest.fixture(scope="module")
def before(swarmlay: Swarmlay) -> dict[str, str]:
    """The hosts before anything was done."""
    return swarmlay.hosts(SCRIPT)


@pytest.fixture(scope="module")
def formed(swarmlay: Swarmlay, before: dict[str, str]) -> Ended:
    """The end of the first `up`."""
    assert before
    return swarmlay("up", OVERLAY, "--yes", "-o", "json")


def test_plan_from_bare_hosts_touches_nothing(swarmlay: Swarmlay, before: dict[str, str]) -> None:
    """The whole way is planned, and the hosts are as they were."""
    ended = swarmlay("plan", OVERLAY, "--detailed-exitcode", "-o", "json")

    assert ended.code == 6, ended.err
    assert {a["resource"] for a in ended.json["actions"]} >= {"engine", "swarm", "networks"}
    for name, text in swarmlay.hosts(SCRIPT).items():
        assert differences(before[name], text) == []


def test_up_from_bare_hosts_ends_with_a_green_matrix(formed: Ended) -> None:
    """Docker, swarm, networks, services, containers; what the kernel lacks is unavailable."""
    assert formed.code == 0, formed.err + formed.out[-3000:]
    report = formed.json
    assert {r["outcome"] for r in report["results"]} <= {"changed", "unchanged"}
    states = {c["state"] for c in report["check"]["cells"] if c["layer"] == "overlay"}
    assert states == {"ok"}
    assert report["check"]["summary"]["overlay"]["ok"] > 12


def test_a_second_up_changes_nothing_over_one_connection(swarmlay: Swarmlay, formed: Ended) -> None:
    """Empty plan, no results, one SSH login a host."""
    assert formed.code == 0
    logins = swarmlay.hosts(LOGINS)

    again = swarmlay("up", OVERLAY, "--yes", "--no-check", "-o", "json")
    after = swarmlay.hosts(LOGINS)

    assert again.code == 0, again.err
    assert again.json["converged"] is True
    assert again.json["actions"] == []
    # one by swarmlay, one by the script that counts
    assert {n: int(after[n]) - int(logins[n]) for n in after} == dict.fromkeys(after, 2)


def test_the_seeds_ping_answers(swarmlay: Swarmlay, formed: Ended) -> None:
    """`ping alpine2` from alpine1, across hosts: where the tutorial ended in silence."""
    assert formed.code == 0

    said = swarmlay.host("manager", "docker exec alpine1 ping -c 2 -W 2 alpine2")

    assert "2 packets received" in said or "2 received" in said


def test_drift_is_planned_and_repaired(swarmlay: Swarmlay, formed: Ended) -> None:
    """Somebody scaled by hand and removed a container."""
    assert formed.code == 0
    swarmlay.host("manager", "docker service scale -d my-nginx=2 >/dev/null; docker rm -f alpine1")

    planned = swarmlay("plan", OVERLAY, "-o", "json").json
    repaired = swarmlay("up", OVERLAY, "--yes", "-o", "json")

    touched = {(a["host"], a["id"].split(":", 1)[1]) for a in planned["actions"]}
    assert touched == {("manager", "services:my-nginx"), ("manager", "containers:alpine1")}
    assert repaired.code == 0, repaired.err
    replicas = swarmlay.host("manager", "docker service ls --format '{{.Replicas}}'").strip()
    assert replicas == "5/5"


def test_no_output_holds_a_join_token(swarmlay: Swarmlay, formed: Ended) -> None:
    """Neither the report nor the progress, nor the hosts' logs."""
    script = "docker swarm join-token -q worker; docker swarm join-token -q manager"
    tokens = swarmlay.host("manager", script).split()
    assert all(t.startswith("SWMTKN-") for t in tokens)
    journals = "".join(swarmlay.hosts("journalctl --no-pager -o cat; cat /var/log/*.log").values())
    verbose = swarmlay("up", OVERLAY, "--yes", "-v")

    for token in tokens:
        for text in (formed.out, formed.err, verbose.out, verbose.err, journals):
            assert token not in text
            assert token.split("-")[3] not in text


def cells_of(ended: Ended, layer: str) -> list[Any]:
    """Cells of one layer."""
    return [c for c in ended.json["cells"] if c["layer"] == layer]


def test_what_the_kernel_lacks_is_said_once(swarmlay: Swarmlay, formed: Ended) -> None:
    """No ip_vs here: one unavailable cell a layer, exit 0, never green."""
    assert formed.code == 0
    able = "test -e /proc/net/ip_vs || modprobe -n -q ip_vs && echo yes || echo no"
    if "yes" in swarmlay.host("manager", able):
        pytest.skip("this kernel has ip_vs: the layers are really checked")

    ended = swarmlay("check", "-o", "json")

    assert ended.code == 0, ended.err
    assert [c["state"] for c in cells_of(ended, "service")] == ["unavailable"]
    assert [c["state"] for c in cells_of(ended, "ingress")] == ["unavailable"]


def test_down_purge_leaves_the_hosts_as_they_were(
    swarmlay: Swarmlay, before: dict[str, str], formed: Ended
) -> None:
    """Nothing differs but what docs/data-safety.md publishes; and again is fine."""
    assert formed.code == 0

    down = swarmlay("down", "--purge", "--yes", "-o", "json")
    again = swarmlay("down", "--purge", "--yes", "-o", "json")

    assert down.code == 0, down.err + down.out[-3000:]
    assert down.json["residue"] == []
    for name, text in swarmlay.hosts(SCRIPT).items():
        assert differences(before[name], text) == []
    assert (again.code, again.json["actions"]) == (0, [])
