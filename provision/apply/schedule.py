"""Walk the plan's graph on a bounded pool: one lane a host; a failure skips only what needs it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import TypeAlias

from provision.apply.carry_out import Job, carry_out
from provision.apply.values import Values
from provision.errors import ActionFailed, HostError, Refused, SwarmlayError
from provision.model.actions import Action, Plan
from provision.model.results import Event, Finished, Outcome, Progress, Result, Started
from provision.model.session import Session

Gate: TypeAlias = Callable[[Action], Result]
"""What an action with a ``gate`` does in place of steps."""


@dataclass(slots=True)
class _Run:
    """The state of one walk."""

    actions: Mapping[str, Action]
    graph: TopologicalSorter[str]
    waiting: list[Action] = field(default_factory=list)
    running: dict[Future[Result], Action] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Means:
    """What actions are carried out with."""

    sessions: Mapping[str, Session | HostError]
    gates: Mapping[str, Gate]
    values: Values
    clock: Callable[[], float]
    tell: Callable[[Event], None]
    before_each: Callable[[], None]
    stop: threading.Event


def apply(
    plan: Plan,
    sessions: Mapping[str, Session | HostError],
    *,
    clock: Callable[[], float],
    gates: Mapping[str, Gate] | None = None,
    parallel: int = 10,
    before_each: Callable[[], None] = lambda: None,
    on_event: Callable[[Event], None] = lambda _event: None,
) -> tuple[Result, ...]:
    """Carry out *plan*; one result an action, in the order in which they ended.

    Args:
        plan: what to do.
        sessions: an open session per host, or why there is none.
        clock: seconds, monotonic.
        gates: functions for actions that have no steps.
        parallel: how many hosts are worked on at once.
        before_each: called before each action; raises when it must not begin (lock, time).
        on_event: told as actions begin, progress and end.
    """
    walk = _Run(
        {a.id: a for a in plan.actions}, TopologicalSorter({a.id: a.after for a in plan.actions})
    )
    walk.graph.prepare()
    means = _Means(sessions, gates or {}, Values(), clock, on_event, before_each, threading.Event())
    results: list[Result] = []
    with ThreadPoolExecutor(max(1, parallel)) as pool:
        try:
            for result in _walk(walk, means, pool):
                results.append(result)
                on_event(Finished(result))
        except BaseException:
            # Ctrl-C: nothing new begins; what runs on a host ends there (long steps survive).
            means.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            _close(sessions)
            raise
    return tuple(results)


def _close(sessions: Mapping[str, Session | HostError]) -> None:
    for session in sessions.values():
        if not isinstance(session, HostError):
            session.close()


def _walk(walk: _Run, means: _Means, pool: ThreadPoolExecutor) -> Iterator[Result]:
    while walk.graph.is_active():
        walk.waiting += (walk.actions[name] for name in walk.graph.get_ready())
        yield from _skipped(walk)
        _start(walk, means, pool)
        for future in wait(walk.running, return_when=FIRST_COMPLETED).done:
            action, result = walk.running.pop(future), future.result()
            if result.outcome is Outcome.FAILED and not action.lax:
                walk.lost[action.id] = result.cause
            walk.graph.done(action.id)
            yield result


def _skipped(walk: _Run) -> Iterator[Result]:
    """What depends on something that failed is not tried; that is true transitively."""
    for action in list(walk.waiting):
        blockers = sorted(action.after & walk.lost.keys())
        if blockers:
            walk.waiting.remove(action)
            walk.lost[action.id] = f"needs {blockers[0]}"
            walk.graph.done(action.id)
            yield Result(
                action.id, action.host, Outcome.SKIPPED, f"needs {blockers[0]}, which failed"
            )


def _start(walk: _Run, means: _Means, pool: ThreadPoolExecutor) -> None:
    busy = {action.host for action in walk.running.values()}
    for action in list(walk.waiting):
        if action.host not in busy:
            busy.add(action.host)
            walk.waiting.remove(action)
            walk.running[pool.submit(_one, action, means)] = action


def _one(action: Action, means: _Means) -> Result:
    if means.stop.is_set():
        return Result(action.id, action.host, Outcome.SKIPPED, "interrupted")
    try:
        means.before_each()
    except (Refused, ActionFailed) as error:
        return Result(
            action.id,
            action.host,
            Outcome.FAILED,
            error.what,
            error.hint,
            exit_code=error.exit_code,
        )
    means.tell(Started(action.id, action.host))
    if action.gate is not None:
        return _through_gate(action, means)
    session = means.sessions.get(action.host)
    if session is None or isinstance(session, HostError):
        return _unreachable(action, session)
    job = Job(session, means.values, means.clock, _reporter(action, means.tell))
    result = carry_out(action, job)
    return _rescued(action, result, means) if result.outcome is Outcome.FAILED else result


def _rescued(action: Action, result: Result, means: _Means) -> Result:
    """The failed result, after what must not stay half-done was taken back."""
    rescue = action.rescue
    session = means.sessions.get(rescue.host) if rescue else None
    if rescue is None or session is None or isinstance(session, HostError):
        return result
    job = Job(session, means.values, means.clock, _reporter(action, means.tell))
    steps = replace(action, steps=rescue.steps, guard=None)
    undone = carry_out(steps, job)
    said = rescue.why if undone.outcome is Outcome.CHANGED else f"not undone: {undone.cause}"
    return replace(result, cause=f"{result.cause}; {said}")


def _through_gate(action: Action, means: _Means) -> Result:
    try:
        return means.gates[action.gate or ""](action)
    except SwarmlayError as error:
        return Result(
            action.id,
            action.host,
            Outcome.FAILED,
            str(error),
            error.hint,
            exit_code=error.exit_code,
        )


def _unreachable(action: Action, error: HostError | None) -> Result:
    why = str(error) if error else "no session was opened"
    return Result(action.id, action.host, Outcome.FAILED, why, exit_code=HostError.exit_code)


def _reporter(action: Action, tell: Callable[[Event], None]) -> Callable[[str], None]:
    return lambda text: tell(Progress(action.id, action.host, text))
