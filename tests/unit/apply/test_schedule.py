"""Carrying out a plan: lanes, failures, gates, values, guards; on hosts that are plain objects."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provision.apply import apply
from provision.errors import ActionFailed, HostUnreachable, Refused
from provision.model.actions import (
    Action,
    Change,
    Docker,
    DockerOperation,
    Guard,
    Plan,
    Ref,
    Run,
    Step,
)
from provision.model.probes import Answer
from provision.model.results import Outcome, Result
from provision.model.session import Pipe

TOKEN = Ref("worker join token", secret=True)


@dataclass
class OneHost:
    """A session that records what it was told; `Run(("false",))` fails, ``lost`` loses the host."""

    host: str = "h"
    done: list[Step] = field(default_factory=list)
    bound: list[dict[Ref, str]] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """Nothing asks."""
        raise AssertionError(script, timeout, sudo)

    def docker(self, operation: DockerOperation, arguments: Mapping[str, Any]) -> Any:
        """Nothing reads."""
        raise AssertionError(operation, arguments)

    def open(self, words: Sequence[str], *, sudo: bool = True) -> Pipe:
        """Nothing is piped."""
        raise AssertionError(words, sudo)

    def close(self) -> None:
        """Nothing to end."""

    def do(
        self,
        step: Step,
        values: Mapping[Ref, str],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Answer:
        """Record the step; answer by its first word."""
        del progress
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.done.append(step)
            self.bound.append(dict(values))
        time.sleep(0.002)
        with self.lock:
            self.at_once -= 1
        match step:
            case Run(words=("false", *_)):
                return Answer(1, "", "no: SWMTKN-1-abc is wrong")
            case Run(words=("lost", *_)):
                raise HostUnreachable("connection lost", hint="run again")
            case Docker(operation="swarm.token"):
                return Answer(0, value="SWMTKN-1-abc")
            case _:
                return Answer(0, "")


def action(name: str, *steps: Step, after: Sequence[str] = (), **extra: Any) -> Action:
    """An action called ``host:x:thing``."""
    return Action(
        id=name,
        host=name.split(":", maxsplit=1)[0],
        resource="x",
        subject=name,
        change=Change.CREATE,
        why="",
        steps=steps or (Run(("true",)),),
        after=frozenset(after),
        **extra,
    )


def walk(
    *actions: Action, hosts: Mapping[str, OneHost] | None = None, **extra: Any
) -> dict[str, Result]:
    """Apply and index by action."""
    sessions = hosts if hosts is not None else {a.host: OneHost() for a in actions}
    results = apply(Plan("demo", actions), sessions, clock=time.monotonic, **extra)
    return {r.action: r for r in results}


def test_a_failure_skips_only_what_depends_on_it() -> None:
    """k0sctl went on with a host's later steps after an earlier one failed."""
    results = walk(
        action("a:x:1"),
        action("b:x:1", Run(("false",))),
        action("b:x:2", after=["b:x:1"]),
        action("a:x:2", after=["b:x:2"]),
        action("c:x:1"),
    )

    assert {n: r.outcome for n, r in results.items()} == {
        "a:x:1": Outcome.CHANGED,
        "b:x:1": Outcome.FAILED,
        "b:x:2": Outcome.SKIPPED,
        "a:x:2": Outcome.SKIPPED,
        "c:x:1": Outcome.CHANGED,
    }


def test_a_host_never_does_two_things_at_once() -> None:
    """One lane a host, hosts side by side."""
    hosts = {f"h{n}": OneHost() for n in range(4)}
    results = walk(*(action(f"h{n}:x:{m}") for n in range(4) for m in range(6)), hosts=hosts)

    assert len(results) == 24
    assert {h.most for h in hosts.values()} == {1}


def test_a_lax_failure_stops_nobody() -> None:
    """Teardown goes on around what could not be removed."""
    results = walk(action("a:x:1", Run(("false",)), lax=True), action("a:x:2", after=["a:x:1"]))

    assert [r.outcome for r in results.values()] == [Outcome.FAILED, Outcome.CHANGED]


def test_a_secret_reaches_the_step_and_no_text() -> None:
    """The token is bound where it is needed, and hidden in the error that quotes it."""
    host = OneHost()
    results = walk(
        action("m:x:token", Docker("swarm.token", {"role": "worker"}, captures=TOKEN)),
        action("m:x:join", Run(("false",)), after=["m:x:token"]),
        hosts={"m": host},
    )

    assert host.bound[-1] == {TOKEN: "SWMTKN-1-abc"}
    assert "SWMTKN" not in results["m:x:join"].cause
    assert "<hidden>" in results["m:x:join"].cause


def test_a_lost_host_is_a_result_with_its_exit_code() -> None:
    """Not an exception that hides the other hosts' results."""
    results = walk(action("a:x:1", Run(("lost",))), action("b:x:1"))

    assert (results["a:x:1"].outcome, results["a:x:1"].exit_code) == (Outcome.FAILED, 3)
    assert results["b:x:1"].outcome is Outcome.CHANGED


def test_a_guard_that_does_not_hold_stops_the_action() -> None:
    """The world moved since the plan was made."""
    host = OneHost()
    guard = Guard(Run(("false",)), otherwise="the host was in no swarm")
    results = walk(action("a:x:1", Run(("init",)), guard=guard), hosts={"a": host})

    assert "plan is stale" in results["a:x:1"].cause
    assert Run(("init",)) not in host.done


def test_a_gate_decides_instead_of_steps() -> None:
    """The underlay check fails: what depends on it is not tried."""

    def closed(gated: Action) -> Result:
        return Result(gated.id, gated.host, Outcome.FAILED, "blocked", exit_code=5)

    results = walk(
        action("a:x:gate", gate="underlay"),
        action("a:x:join", after=["a:x:gate"]),
        gates={"underlay": closed},
    )

    assert [r.outcome for r in results.values()] == [Outcome.FAILED, Outcome.SKIPPED]
    assert results["a:x:gate"].exit_code == 5


def test_a_lost_lock_stops_before_the_next_action() -> None:
    """Somebody else may be at work."""

    def lost() -> None:
        raise Refused("the lock was lost")

    host = OneHost()
    results = walk(action("a:x:1"), hosts={"a": host}, before_each=lost)

    assert results["a:x:1"].exit_code == 4
    assert host.done == []


def test_time_that_is_over_begins_nothing_more() -> None:
    """`--timeout`: what was done stays done, the rest is not begun."""

    def over() -> None:
        raise ActionFailed("not begun: the 5 s of --timeout are over")

    host = OneHost()
    results = walk(action("a:x:1"), hosts={"a": host}, before_each=over)

    assert results["a:x:1"].exit_code == 1
    assert host.done == []
