"""Several managers on real hosts: joined one by one, changed, lost; the quorum is never."""

from collections.abc import Callable

import pytest

from provision.lab.labs import Lab
from tests.lab.inventories import Changing
from tests.lab.swarmlay import Swarmlay

pytestmark = [pytest.mark.lab, pytest.mark.slow]

THREE = {"manager-1": "manager", "manager-2": "manager", "manager-3": "manager"}
FOUR = {**THREE, "worker-1": "worker"}
STOP = "systemctl stop docker docker.socket"
START = "systemctl start docker"
DOWN = "timeout 110 sh -c 'until docker node ls | grep -q Down; do sleep 1; done'"
ALIVE = (
    "timeout 60 sh -c 'until docker node ls >/dev/null 2>&1; do sleep 0.5; done';"
    "timeout 60 sh -c 'while docker node ls | grep -q Unreachable; do sleep 0.5; done'"
)


@pytest.fixture(scope="module")
def cluster(
    fresh_lab: Callable[..., Lab],
    swarmlay_on: Callable[[Lab], Swarmlay],
    tmp_path_factory: pytest.TempPathFactory,
) -> Changing:
    """Three managers and a worker, formed once."""
    path = tmp_path_factory.mktemp("managers") / "inventory.yml"
    made = Changing(swarmlay_on(fresh_lab(managers=3, workers=1)), path, "managers")
    made.write(FOUR)
    up = made("up", "--yes", "--no-check", "-o", "json")
    assert up.code == 0, up.err + up.out[-3000:]
    assert up.json["second_plan"]["converged"] is True
    return made


@pytest.fixture(autouse=True)
def settled(cluster: Changing) -> None:
    """Every test begins with all four hosts as the inventory of the beginning wants them."""
    cluster.write(FOUR)
    for name in FOUR:
        cluster.host(name, START)
    cluster.host("manager-1", ALIVE)
    up = cluster("up", "--yes", "--no-check", "-o", "json")
    assert up.code == 0, up.err + up.out[-3000:]


def test_three_managers_join_and_are_reachable(cluster: Changing) -> None:
    """One leader, two reachable, the worker a worker."""
    nodes = cluster.nodes("manager-1")

    assert nodes == {
        "manager-1": "Ready Active Reachable",
        "manager-2": "Ready Active Reachable",
        "manager-3": "Ready Active Reachable",
        "worker-1": "Ready Active",
    }


def test_roles_follow_the_inventory_even_the_leads(cluster: Changing) -> None:
    """The lead and the worker change places: promoted first, the lead demoted last, by another."""
    cluster.write({**FOUR, "manager-1": "worker", "worker-1": "manager"})

    up = cluster("up", "--yes", "--no-check", "-o", "json")

    assert up.code == 0, up.err + up.out[-3000:]
    assert [(a["host"], a["subject"]) for a in up.json["actions"] if a["resource"] == "nodes"] == [
        ("manager-2", "node worker-1"),
        ("manager-2", "node manager-1"),
    ]
    assert up.json["second_plan"]["converged"] is True
    nodes = cluster.nodes("manager-2")
    assert (nodes["manager-1"], nodes["worker-1"]) == ("Ready Active", "Ready Active Reachable")


def test_an_even_number_of_managers_is_a_warning(cluster: Changing) -> None:
    """Two bear no more failures than one; it is said, and done all the same."""
    cluster.write({**FOUR, "manager-3": "worker"})

    plan = cluster("plan", "-o", "json")

    assert plan.code == 0, plan.err
    assert any("managers" in note and "odd" in note for note in plan.json["notes"])


def test_what_would_lose_the_quorum_is_refused_with_the_numbers(cluster: Changing) -> None:
    """One of three is down: neither the inventory, nor `node`, nor `down --limit` takes another."""
    cluster.host("manager-2", STOP)
    cluster.host("manager-1", DOWN)
    cluster.write({**FOUR, "manager-3": "worker"})

    up = cluster("up", "--yes", "--no-check", "-o", "json", "--limit", "manager-3")
    cluster.write(FOUR)
    demote = cluster.node("demote", "manager-3")
    remove = cluster.node("remove", "manager-3")
    down = cluster("down", "--yes", "--limit", "manager-3", "-o", "json")

    for ended in (up, demote, remove, down):
        assert ended.code == 4, ended.err + ended.out[-2000:]
        reasons = [b["reason"] for b in ended.json["blocked"] if b["host"] == "manager-3"]
        assert "of 2 managers that are left 1 can be reached, 2 are needed" in reasons[0]
    assert cluster.nodes("manager-1")["manager-3"] == "Ready Active Reachable"


def test_a_dead_manager_may_go_and_the_others_go_on(cluster: Changing) -> None:
    """Removing the dead one is what helps: two of two are left; the next up brings it back."""
    cluster.host("manager-2", STOP)
    cluster.host("manager-1", DOWN)

    refused = cluster.node("remove", "manager-2")
    removed = cluster.node("remove", "manager-2", "--force")
    nodes = cluster.nodes("manager-1")

    assert refused.code == 3, refused.err + refused.out[-2000:]
    assert "--force" in refused.json["blocked"][0]["hint"]
    assert removed.code == 0, removed.err + removed.out[-2000:]
    assert sorted(nodes) == ["manager-1", "manager-3", "worker-1"]


def test_the_first_manager_unreachable_the_next_one_leads(cluster: Changing) -> None:
    """The others are changed under the next manager; the silent one is named: exit 3."""
    addresses = {"manager-1": cluster.lab.subnet.replace("0/24", "99")}
    cluster.write(FOUR, addresses=addresses, labels={"worker-1": "{zone: a}"})

    up = cluster("up", "--yes", "--no-check", "-o", "json")

    assert up.code == 3, up.err + up.out[-2000:]
    assert [b["host"] for b in up.json["blocked"]] == ["manager-1"]
    assert [(a["host"], a["subject"]) for a in up.json["actions"]] == [
        ("manager-2", "node worker-1")
    ]
    assert {r["outcome"] for r in up.json["results"]} == {"changed"}


def test_a_lost_quorum_is_called_that_and_nothing_is_touched(cluster: Changing) -> None:
    """Two of three cannot be reached: exit 3 with the numbers and the way back."""
    for name in ("manager-2", "manager-3"):
        cluster.host(name, STOP)
    gone = cluster.lab.subnet.replace("0/24", "99")
    other = cluster.lab.subnet.replace("0/24", "98")
    lost = "docker node ls 2>&1 | grep -q 'not have a leader'"
    cluster.host("manager-1", f'timeout 60 sh -c "until {lost}; do sleep 0.5; done"')
    cluster.write(FOUR, addresses={"manager-2": gone, "manager-3": other})

    up = cluster("up", "--yes", "-o", "json")
    drain = cluster.node("drain", "worker-1")

    for ended in (up, drain):
        assert ended.code == 3, ended.err + ended.out[-2000:]
        assert ended.json["actions"] == []
        words = " ".join(b["reason"] for b in ended.json["blocked"] if not b["host"])
        assert "no quorum: 2 of 3 managers" in words
        assert "manager-2, manager-3 cannot be asked" in words


def test_a_failed_join_of_a_manager_leaves_nothing_in_the_swarm(cluster: Changing) -> None:
    """2377 to the new manager is closed: what half joined is demoted and removed at once."""
    cluster.write(THREE)
    pruned = cluster("up", "--prune", "--yes", "--no-check", "-o", "json")
    assert pruned.code == 0, pruned.err + pruned.out[-2000:]
    cluster.write({**THREE, "worker-1": "manager"})
    cluster.host("worker-1", "iptables -t mangle -A PREROUTING -p tcp --dport 2377 -j DROP")

    failed = cluster("up", "--yes", "--no-check", "--force", "-o", "json")
    nodes = cluster.nodes("manager-1")
    cluster.host("worker-1", "iptables -t mangle -F PREROUTING")
    again = cluster("up", "--yes", "--no-check", "-o", "json")

    assert failed.code in (1, 5), failed.err + failed.out[-2000:]
    results = {r["action"]: r["cause"] for r in failed.json["results"]}
    cause = results["worker-1:swarm:member"]
    assert "does not cost the quorum" in cause
    assert nodes == dict.fromkeys(THREE, "Ready Active Reachable")
    assert again.code == 0, again.err + again.out[-2000:]
    assert cluster.nodes("manager-1")["worker-1"] == "Ready Active Reachable"
