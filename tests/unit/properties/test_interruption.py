"""A plan of every kind of resource, cut off after every step: run again, it converges."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from provision.model.desired import DesiredState
from provision.model.report import UpReport
from provision.model.secret_text import SecretText
from tests.unit.api.worlds import Killed, Town, lost
from tests.unit.properties.test_convergence import is_one, ours

EVERYTHING = Path(__file__).parent / "everything.yml"
HOSTS = {"m1": "manager", "m2": "manager", "w1": "worker"}
LABELS = {"w1": {"zone": "a"}}
FEW, ALL = 15, pytest.param(1, marks=pytest.mark.slow)
"""Some steps at each commit, every one in the long run; of kills always every one."""


def town() -> Town:
    """Bare hosts behind three kinds of packet filter."""
    made = Town(HOSTS, LABELS)
    made.transport.machine("m2").filter.kind = "iptables"
    made.transport.machine("w1").filter.kind = "ufw"
    return made


@cache
def _read() -> DesiredState:
    wanted: DesiredState = town().load(EVERYTHING)
    return wanted


def everything() -> DesiredState:
    """The wish, as each run reads it: with a salt of its own, in case the cluster has none yet."""
    return replace(_read(), salt=SecretText(secrets.token_hex(32)))


def killed(_host: str) -> BaseException:
    """Kill -9: nothing of the controller gets to clean up."""
    return Killed()


def steps_of(verb: Callable[[Town], object], made: Town) -> int:
    """How many steps the verb takes."""
    count = [0]

    def counts(_host: str, _step: object, done: bool) -> None:
        count[0] += done

    made.transport.on_step = counts
    verb(made)
    made.calm()
    return count[0]


def up(made: Town) -> UpReport:
    """`up`, one host after the other, so that the same step is always the same."""
    return made.up(everything(), parallel=1)


def formed() -> Town:
    """Hosts on which everything is."""
    made = town()
    assert up(made).exit_code == 0
    return made


def is_whole(made: Town) -> None:
    """Everything is there once."""
    is_one(made)
    assert made.containers() == [("m1", "box1"), ("w1", "box2")]


def test_the_plan_uses_every_resource() -> None:
    """What is cut off below is the whole range of actions."""
    made = town()
    resources = {a.resource for a in made.plan(everything()).actions}

    assert resources >= {
        "engine",
        "ports",
        "underlay",
        "swarm",
        "nodes",
        "networks",
        "configs",
        "secrets",
        "services",
        "containers",
    }


def test_killed_after_every_step() -> None:
    """The next run completes it, without a second swarm, node, service or container."""
    for number in range(1, steps_of(up, town()) + 1):
        made = town()
        made.after_step(number, killed)
        with pytest.raises(Killed):
            up(made)
        made.calm()

        again = up(made)

        assert again.exit_code == 0, (number, [r for r in again.results if r.cause])
        is_whole(made)


@pytest.mark.parametrize("every", [FEW, ALL])
def test_connection_lost_at_every_step(every: int) -> None:
    """Before it was done, or after, when nobody knows whether it was."""
    for number in range(1, steps_of(up, town()) + 1, every):
        for breaks in (Town.before_step, Town.after_step):
            made = town()
            breaks(made, number, lost)
            broken = up(made)
            made.calm()

            again = up(made)

            assert broken.exit_code in (0, 1, 3), (number, broken.results)
            assert again.exit_code == 0, (number, [r for r in again.results if r.cause])
            is_whole(made)


@pytest.mark.parametrize("every", [FEW, ALL])
def test_down_killed_after_every_step(every: int) -> None:
    """The next `down --purge` leaves nothing."""

    def down(made: Town) -> object:
        return made.down(purge=True, parallel=1)

    for number in range(1, steps_of(down, formed()) + 1, every):
        made = formed()
        made.after_step(number, killed)
        with pytest.raises(Killed):
            down(made)
        made.calm()

        again = made.down(purge=True)

        assert (again.exit_code, again.residue) == (0, ()), (number, again.results)
        assert ours(made) == []
        assert made.engines() == []


def test_killed_between_the_actions() -> None:
    """As progress shows them: after each line, with all hosts at work at once."""
    actions = len(town().plan(everything()).actions)
    for number in range(1, actions + 1):
        made = town()
        seen: list[object] = []

        def on_event(event: object, seen: list[object] = seen, number: int = number) -> None:
            seen += [event] if type(event).__name__ == "Finished" else []
            if len(seen) == number:
                raise Killed

        with pytest.raises(Killed):
            made.up(everything(), on_event)

        assert up(made).exit_code == 0
        is_whole(made)
