"""Where a backup is taken, what it holds, and where it may come back."""

import hashlib
import json
import stat
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision.api.day_two.backup import _write, read_backup
from provision.errors import UsageError
from provision.model.actions import Docker, Plan, Upload
from provision.model.context import PlanOptions
from provision.model.desired import DesiredState
from provision.model.inventory import Inventory
from provision.model.observed import Membership, ObservedState
from provision.model.secret_text import NO_TEXT, SecretText
from provision.plan.day_two import Backup, Restoration, plan_backup, plan_restore
from tests.unit.day_two.worlds import inventory, running, world
from tests.unit.plan.worlds import bare_world, changed, with_engine

STATE = b"the state of a swarm"
BACKUP = Backup(
    cluster="demo",
    swarm_id="swarm1",
    node_id="node-m2",
    host="m2",
    engine="24.0.7",
    autolock=False,
    managers=3,
    data_path_port=4789,
    labels={"io.swarmlay.cluster": "demo"},
    sha256=hashlib.sha256(STATE).hexdigest(),
    created="2030-01-01T00:00:00+00:00",
)


def saved_from(observed: ObservedState, wanted: Inventory) -> str:
    """The host that a backup would be taken from."""
    return plan_backup(wanted, observed).actions[-1].host


def test_a_manager_that_does_not_lead_is_chosen() -> None:
    """Of those, one on which nothing runs."""
    wanted = inventory()
    observed = running(world(wanted, leader="m1"), "m2", "web.1")

    assert saved_from(observed, wanted) == "m3"
    assert saved_from(running(observed, "m3", "web.2"), wanted) == "m2"
    assert saved_from(world(wanted, leader="m2"), wanted) == "m1"


def test_the_others_are_counted_first() -> None:
    """By a manager that stays, after which alone the engine is stopped."""
    count, save = plan_backup(inventory(), world(inventory(), leader="m1")).actions

    assert count.host != save.host
    assert isinstance(count.steps[0], Docker)
    assert count.steps[0].operation == "node.check_restart"
    assert save.after == {count.id}


def test_the_only_manager_is_stopped_only_with_consent() -> None:
    """What stops is named, with the control plane."""
    wanted = inventory(1, 1)
    plan = plan_backup(wanted, running(world(wanted), "m1", "web.1"))

    assert plan.actions[-1].restarts == ("the only manager", "web.1")


def test_an_autolocked_backup_of_several_managers_warns() -> None:
    """Docker founds no new cluster from it, and now is the time to know."""
    notes = plan_backup(inventory(), world(inventory(), autolock=True)).notes

    assert any("turn autolock off" in note for note in notes)


def restored(
    observed: ObservedState | None = None, key: SecretText = NO_TEXT, **backup: Any
) -> Plan:
    """The plan to restore onto one manager and one worker."""
    wanted = inventory(1, 1)
    what = Restoration(
        wanted,
        DesiredState(),
        observed or bare_world(wanted),
        replace(BACKUP, **backup),
        "/tmp/state",  # noqa: S108 - never opened
        key,
    )
    return plan_restore(what, PlanOptions())


def test_bare_hosts_get_engines_before_the_state() -> None:
    """The state comes after engine and ports of the manager; nobody is initialised or joined."""
    plan = restored()
    ids = [a.id for a in plan.actions]

    assert ids[-1] == "m1:swarm:restore"
    assert "m1:engine:docker" in plan.actions[-1].after
    assert not any(a.id.endswith(":swarm:member") for a in plan.actions)
    assert isinstance(plan.actions[-1].steps[0], Upload)
    assert plan.actions[-1].steps[0].mode == 0o600


def test_other_old_nodes_are_forgotten() -> None:
    """The node is the new host's; records of hosts of the same name wait for them."""
    steps = [s for s in restored().actions[-1].steps if isinstance(s, Docker)]
    found = {s.operation: s.arguments for s in steps}

    assert found["node.mark"]["id"] == "node-m2"
    assert found["node.mark"]["labels"]["io.swarmlay.host"] == "m1"
    assert found["node.forget_others"] == {"keep": "node-m2", "hosts": ["w1"]}
    assert found["swarm.restore"]["advertise_addr"] == "10.9.0.1"


def test_a_host_of_a_swarm_keeps_it() -> None:
    """Exit 4, and what to do where that swarm is lost."""
    wanted = inventory(1, 1)
    joined = with_engine(bare_world(wanted).hosts["w1"], Membership("active", "x", "", "other"))
    plan = restored(changed(bare_world(wanted), "w1", swarm=joined.swarm))

    assert [(b.host, b.exit_code) for b in plan.blocked] == [("w1", 4)]
    assert "swarm leave" in plan.blocked[0].hint


def test_the_cluster_keeps_its_name() -> None:
    """Objects carry it: under another one they would be somebody else's."""
    plan = restored(cluster="shop")

    assert plan.blocked[0].exit_code == 4
    assert "cluster: shop" in plan.blocked[0].hint


def test_a_locked_backup_needs_its_key() -> None:
    """Exit 2 without; with several managers Docker cannot do it at all: 4."""
    key = SecretText("k")
    steps = restored(key=key, autolock=True, managers=1).actions[-1].steps
    operations = [s.operation for s in steps if isinstance(s, Docker)]

    assert restored(autolock=True, managers=1).blocked[0].exit_code == 2
    assert restored(key=key, autolock=True).blocked[0].exit_code == 4
    assert operations.index("swarm.unlock") < operations.index("swarm.restore")


def test_a_swarm_that_lives_is_left_alone() -> None:
    """Also where nodes have other names than the backup's: its state is newer than any backup."""
    wanted = inventory(1, 1)
    lives = world(wanted, m1={"labels": {}})

    assert restored(lives, node_id="node-m1").actions == ()
    assert restored(lives, node_id="node-m9").actions == ()


def test_what_was_cut_off_is_completed() -> None:
    """The state is not replaced again; only the lost nodes and the old name go."""
    wanted = inventory(1, 1)
    remains = world(wanted, m1={"labels": {}}, w1={"state": "down", "id": "node-old"})
    action = restored(remains, node_id="node-m1").actions[-1]
    operations = [s.operation for s in action.steps if isinstance(s, Docker)]

    assert operations == ["node.mark", "node.forget_others", "swarm.inspect"]
    assert not any(isinstance(s, Upload) for s in action.steps)


def test_a_file_holds_what_was_saved(tmp_path: Path) -> None:
    """And is its owner's only."""
    path = tmp_path / "deep" / "swarm.backup"
    _write(path, BACKUP, STATE)

    assert read_backup(path) == (BACKUP, STATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["swarm.backup"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """The checksum is of what was on the host."""
    path = tmp_path / "swarm.backup"
    _write(path, replace(BACKUP, sha256="0" * 64), STATE)

    with pytest.raises(UsageError, match="checksum"):
        read_backup(path)


@pytest.mark.parametrize("kind", ["absent", "text", "tar"])
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, kind: str) -> None:
    """With its name, never with a traceback."""
    path = tmp_path / "file"
    if kind == "text":
        path.write_text(json.dumps({}))
    if kind == "tar":
        with tarfile.open(path, "w") as tar:
            tar.add(__file__, arcname="other")

    with pytest.raises(UsageError, match="is no backup"):
        read_backup(path)
