"""Rotation and unlocking, planned."""

from dataclasses import replace
from typing import Any

from provision.model.actions import Docker, Wait
from provision.model.desired import DesiredState, SwarmWanted
from provision.model.facts import Known, Unknown
from provision.model.observed import Membership, ObservedState
from provision.model.secret_text import NO_TEXT, SecretText
from provision.plan import plan_up
from provision.plan.day_two import plan_rotate, plan_unlock
from provision.plan.day_two.members import UNLOCK_KEY
from tests.unit.day_two.worlds import inventory, world
from tests.unit.plan.worlds import changed, nothing

KEY = SecretText("SWMKEY-1-secret")


def locked(*hosts: str) -> ObservedState:
    """A world in which some managers are locked, and the cluster cannot be asked."""
    observed = replace(world(inventory()), cluster=Unknown("locked"))
    for name in hosts:
        observed = changed(observed, name, swarm=Known(Membership("locked")))
    return observed


def rotated(*wanted: str, **changes: Any) -> list[str]:
    """The ids of the actions."""
    plan = plan_rotate(inventory(), world(inventory(), **changes), wanted)
    return [a.id for a in plan.actions]


def test_the_ca_is_rotated_before_the_tokens() -> None:
    """A token holds the CA's fingerprint; they follow one another on the lead."""
    names = rotated("worker", "manager", "ca")
    plan = plan_rotate(inventory(), world(inventory()), ("worker", "ca"))

    assert names == ["m1:swarm:rotate-ca", "m1:swarm:rotate-worker", "m1:swarm:rotate-manager"]
    assert plan.actions[1].after == {"m1:swarm:rotate-ca"}
    assert isinstance(plan.actions[0].steps[-1], Wait)


def test_the_ca_stays_while_a_node_is_away() -> None:
    """It could not get a certificate, and the rotation would never end."""
    plan = plan_rotate(inventory(), world(inventory(), w1={"state": "down"}), ("ca",))

    assert plan.actions == ()
    assert "w1 could not get a new certificate" in plan.blocked[0].reason
    assert rotated("worker", w1={"state": "down"}) == ["m1:swarm:rotate-worker"]


def test_there_is_no_unlock_key_without_autolock() -> None:
    """It is refused with what turns autolock on."""
    plan = plan_rotate(inventory(), world(inventory()), ("unlock_key",))

    assert plan.blocked[0].exit_code == 4
    assert "autolock: true" in plan.blocked[0].hint
    assert rotated("unlock_key", autolock=True) == ["m1:swarm:rotate-unlock-key"]


def test_all_locked_managers_are_unlocked_at_once() -> None:
    """They need one another for a quorum, so none waits for another."""
    plan = plan_unlock(inventory(), locked("m1", "m2", "m3"), KEY)

    assert [a.host for a in plan.actions] == ["m1", "m2", "m3"]
    assert {a.after for a in plan.actions} == {frozenset()}


def test_the_key_is_in_no_text_of_the_plan() -> None:
    """Neither in what is shown nor in a repr."""
    plan = plan_unlock(inventory(), locked("m1"), KEY)

    assert "secret" not in repr(plan)
    assert UNLOCK_KEY.secret
    step = plan.actions[0].steps[0]
    assert isinstance(step, Docker)
    assert step.arguments["key"] == KEY


def test_without_a_key_nothing_is_tried() -> None:
    """Exit 2, with the ways to give it; with nobody locked no key is needed."""
    plan = plan_unlock(inventory(), locked("m1"), NO_TEXT)

    assert plan.actions == ()
    assert plan.blocked[0].exit_code == 2
    assert "SWARMLAY_UNLOCK_KEY" in plan.blocked[0].hint
    assert plan_unlock(inventory(), world(inventory()), NO_TEXT).converged


def test_a_playbook_turns_autolock_on() -> None:
    """Once; without a word on it nothing is turned off."""
    wanted = inventory()
    locks = replace(nothing(), swarm=SwarmWanted(autolock=True))

    def ids(desired: DesiredState, **changes: Any) -> set[str]:
        return {a.id for a in plan_up(wanted, desired, world(wanted, **changes)).actions}

    assert "m1:swarm:autolock" in ids(locks)
    assert "m1:swarm:autolock" not in ids(locks, autolock=True)
    assert ids(nothing(), autolock=True) == ids(nothing())
