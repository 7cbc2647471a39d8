"""Whether a service is what it should be: its tasks counted, its failures told in full."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from provision.errors import ActionFailed
from provision.transports.docker_operations.asking import Request, inside, verdict
from provision.transports.docker_operations.logs import last_lines
from provision.transports.docker_operations.placement import fits

_OFTEN = 3
_PATIENCE = 10.0
_STEADY = 0.3
_STEADY_AGAIN = 5.0
_ENDED = frozenset({"failed", "rejected"})
_VANISHED = "no such container"
"""What an engine says of tasks that ended while it was stopped: no fault of theirs."""
_BROKEN_UPDATE = {
    "paused": "the update is paused",
    "rollback_started": "the update failed and is rolled back",
    "rollback_paused": "the roll-back is paused",
    "rollback_completed": "the update failed and was rolled back",
}
_WORDS = (
    ("no such image", "the image cannot be had, neither on the node nor from a registry"),
    ("port is already allocated", "a port that it publishes is in use on the node"),
    ("host-mode port already in use", "a port that it publishes is in use on the nodes"),
    ("address already in use", "an address that it needs is in use on the node"),
    ("executable file not found", "the image has no such command"),
    ("non-zero exit", "its command ended with an error"),
    ("no suitable node", "no node may or can run it"),
    ("network not found", "its network does not reach the node"),
)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is of interest in one task."""

    id: str
    slot: str
    node: str
    state: str
    desired: str
    error: str
    created: str
    updated: str
    exit_code: int | None
    current: bool


def is_converged(request: Request) -> Any:
    """Whether as many tasks of the present spec run as there should."""
    service = request.found_or_none(f"/services/{request.id()}")
    if service is None:
        return verdict(done=False, text="gone", failed="the service does not exist any more")
    if _is_job(service):
        return _job(request, service)
    tasks = _tasks(request, service)
    wanted = _wanted(request, service)
    running = sum(1 for task in tasks if _runs(task))
    text = f"{running}/{wanted} tasks running"
    stuck = _broken_update(request, service, tasks) or _first_failure(request, service, tasks)
    if stuck is not None:
        return verdict(done=False, text=f"{text}; {stuck}", failed=stuck)
    updating = inside(service, "UpdateStatus", "State", default="completed") == "updating"
    leaving = _leaving(request, tasks)
    finished = _finished(service, tasks)
    if running + finished == wanted and not updating and not leaving:
        shaky = _shaky(request, tasks)
        return verdict(done=shaky is None, text=text if shaky is None else f"{text}; {shaky}")
    return verdict(
        done=False, text=text + _aside(request, tasks, updating=updating, leaving=leaving)
    )


def _is_job(service: Mapping[str, Any]) -> bool:
    mode = inside(service, "Spec", "Mode", default={})
    return "ReplicatedJob" in mode or "GlobalJob" in mode


def _job(request: Request, service: Mapping[str, Any]) -> Any:
    """Whether the tasks of a job's present run came to a good end, each in its place."""
    run = inside(service, "JobStatus", "JobIteration", "Index", default=0)
    listed = request.listed("/tasks", filters={"service": [str(service.get("ID"))]})
    present = [t for t in listed if inside(t, "JobIteration", "Index", default=0) == run]
    tasks = sorted((_of_job(service, task) for task in present), key=lambda task: task.created)
    wanted, slots = _wanted_of_job(request, service), _slots(tasks)
    done = sum(1 for slot in slots if any(task.state == "complete" for task in slot))
    text = f"{done}/{wanted} tasks completed"
    if done >= wanted:
        return verdict(done=True, text=text)
    open_ = [slot for slot in slots if not any(task.state == "complete" for task in slot)]
    stuck = next((found for slot in open_ if (found := _lost(request, service, slot))), None)
    return verdict(done=False, text=f"{text}; {stuck}" if stuck else text, failed=stuck)


def _of_job(service: Mapping[str, Any], task: Mapping[str, Any]) -> _Task:
    """The first place of a replicated job has the number 0, which the engine leaves out."""
    read = _read(task, inside(task, "Spec", default={}))
    if inside(service, "Spec", "Mode", "ReplicatedJob") is None:
        return read
    return replace(read, slot=str(task.get("Slot") or 0))


def _wanted_of_job(request: Request, service: Mapping[str, Any]) -> int:
    spec = inside(service, "Spec", default={})
    if inside(spec, "Mode", "GlobalJob") is not None:
        return sum(1 for node in request.listed("/nodes") if _ready(node) and fits(spec, node))
    job = inside(spec, "Mode", "ReplicatedJob", default={})
    return int(job.get("TotalCompletions") or job.get("MaxConcurrent") or 1)


def _lost(request: Request, service: Mapping[str, Any], slot: list[_Task]) -> str | None:
    """The reason why a place of a job will not come to a good end, as far as one can tell."""
    policy = inside(service, "Spec", "TaskTemplate", "RestartPolicy", default={})
    failures = [task for task in slot if task.state in _ENDED]
    attempts = int(policy.get("MaxAttempts") or 0)
    last = len(failures) > attempts if attempts else len(failures) >= _OFTEN
    if failures and (last or _never_again(service)):
        return _told(request, failures[-1], times=len(failures), logs=True)
    return _told(request, slot[-1]) if _persists(request, slot[-1]) else None


def is_gone(request: Request) -> Any:
    """Whether neither the service nor a task of it is left on nodes that live."""
    given = str(request.need("id"))
    service = request.found_or_none(f"/services/{request.id()}")
    if service is not None:
        return verdict(done=False, text="the service is still there")
    left = [t for t in request.listed("/tasks") if t.get("ServiceID") == given and not _rests(t)]
    if left:
        alive = {n.get("ID") for n in request.listed("/nodes") if _ready(n)}
        left = [t for t in left if not t.get("NodeID") or t.get("NodeID") in alive]
    text = f"{len(left)} tasks are still stopping" if left else "gone"
    return verdict(done=not left, text=text)


def _rests(task: Mapping[str, Any]) -> bool:
    """Whether a job's task has ended: Swarm keeps its record for ever, also without the job."""
    ended = inside(task, "Status", "State", default="") in {*_ENDED, "complete", "shutdown"}
    return ended and task.get("JobIteration") is not None


def _tasks(request: Request, service: Mapping[str, Any]) -> list[_Task]:
    template = inside(service, "Spec", "TaskTemplate", default={})
    listed = request.listed("/tasks", filters={"service": [str(service.get("ID"))]})
    return sorted((_read(task, template) for task in listed), key=lambda task: task.created)


def _read(task: Mapping[str, Any], template: Mapping[str, Any]) -> _Task:
    node = str(task.get("NodeID") or "")
    return _Task(
        id=str(task.get("ID", "")),
        slot=str(task.get("Slot") or node),
        node=node,
        state=str(inside(task, "Status", "State", default="")),
        desired=str(task.get("DesiredState", "")),
        error=str(inside(task, "Status", "Err", default="")),
        created=str(task.get("CreatedAt", "")),
        updated=str(task.get("UpdatedAt", "")),
        exit_code=inside(task, "Status", "ContainerStatus", "ExitCode"),
        current=_same(inside(task, "Spec", default={}), template),
    )


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two task specs are so alike that Swarm would not replace the task.

    Only what always leads to a new task is compared: a changed constraint, for one, need not.
    """
    keys = ("ContainerSpec", "Networks", "ForceUpdate")
    return all(_bare(one.get(key)) == _bare(other.get(key)) for key in keys)


def _bare(value: Any) -> Any:
    """*value* without what is empty: the engine leaves such things out, or not, as it likes."""
    if isinstance(value, Mapping):
        bare = {key: _bare(item) for key, item in value.items()}
        return {key: item for key, item in bare.items() if item not in (None, {}, [], "", 0)}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value or None


def _runs(task: _Task) -> bool:
    return task.current and task.state == "running" and task.desired == "running"


def _wanted(request: Request, service: Mapping[str, Any]) -> int:
    """How many tasks there should be; for a global service one on each node that may run it."""
    given = request.maybe("replicas")
    if given is not None:
        return int(given)
    spec = inside(service, "Spec", default={})
    if inside(spec, "Mode", "Global") is not None:
        return sum(1 for node in request.listed("/nodes") if _ready(node) and fits(spec, node))
    return int(inside(spec, "Mode", "Replicated", "Replicas", default=1))


def _ready(node: Mapping[str, Any]) -> bool:
    return bool(inside(node, "Status", "State") == "ready")


def _shaky(request: Request, tasks: list[_Task]) -> str | None:
    """Why what runs now may not run in a moment, or None.

    A command that ends at once is seen running in between: a task counts when it has run for a
    moment, and for longer where another one failed in its place. Ages are the managers'.
    """
    now = _moment(str(inside(request.found("/info"), "SystemTime", default="")))
    for slot in _slots(tasks):
        failed = [task for task in slot if task.current and task.state in _ENDED]
        needed = _STEADY_AGAIN if failed else _STEADY
        for task in slot:
            age = _age(task.updated, now) if _runs(task) else None
            if age is not None and 0 <= age < needed:
                return _told(request, failed[-1]) if failed else "just started"
    return None


def _leaving(request: Request, tasks: list[_Task]) -> bool:
    """Whether tasks are still stopping; on a node that is down they seem to for ever."""
    left = [task for task in tasks if task.state == "running" and not _runs(task)]
    if not left:
        return False
    alive = {node.get("ID") for node in request.listed("/nodes") if _ready(node)}
    return any(task.node in alive for task in left)


def _broken_update(request: Request, service: Mapping[str, Any], tasks: list[_Task]) -> str | None:
    status = inside(service, "UpdateStatus", default={})
    words = _BROKEN_UPDATE.get(str(inside(status, "State")))
    if words is None:
        return None
    failed = [task for task in tasks if task.state in _ENDED]
    message = inside(status, "Message", default="")
    why = _told(request, failed[-1], logs=True) if failed else message
    return f"{words}: {why}" if why else words


def _first_failure(request: Request, service: Mapping[str, Any], tasks: list[_Task]) -> str | None:
    """The reason why some slot will not come up, as far as one can tell."""
    for slot in _slots(tasks):
        if any(_runs(task) for task in slot):
            continue
        current = [task for task in slot if task.current]
        failures = [t for t in current if t.state in _ENDED]
        own = [t for t in failures if _VANISHED not in t.error.lower()]
        if len(own) >= _OFTEN or (failures and _never_again(service)):
            return _told(request, failures[-1], times=len(failures), logs=True)
        if current and _persists(request, current[-1]):
            return _told(request, current[-1])
    return None


def _slots(tasks: Iterable[_Task]) -> list[list[_Task]]:
    slots: dict[str, list[_Task]] = {}
    for task in tasks:
        slots.setdefault(task.slot, []).append(task)
    return list(slots.values())


def _never_again(service: Mapping[str, Any]) -> bool:
    """Whether a task that ended is not started again."""
    policy = inside(service, "Spec", "TaskTemplate", "RestartPolicy", default={})
    return bool(inside(policy, "Condition") == "none")


def _finished(service: Mapping[str, Any], tasks: list[_Task]) -> int:
    """How many slots came to a good end, where that is no reason to start them again."""
    policy = inside(service, "Spec", "TaskTemplate", "RestartPolicy", default={})
    if inside(policy, "Condition") not in {"none", "on-failure"}:
        return 0
    return len({task.slot for task in tasks if task.current and task.state == "complete"})


def _persists(request: Request, task: _Task) -> bool:
    """Whether a task has been waiting for a node for so long that it is no passing state.

    Ages are taken by the engine's clock: this machine's may differ.
    """
    if task.state != "pending" or not task.error:
        return False
    age = _age(task.created, _moment(str(inside(request.found("/info"), "SystemTime", default=""))))
    return age is not None and age > float(request.maybe("patience", _PATIENCE))


def _age(text: str, now: datetime | None) -> float | None:
    moment = _moment(text)
    return None if now is None or moment is None else (now - moment).total_seconds()


def _moment(text: str) -> datetime | None:
    """A time as the engine writes it: in UTC or with an offset, down to nanoseconds."""
    head, dot, tail = text.partition(".")
    fraction = ""
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        fraction, tail = f".{tail[:digits][:6]:0<6}", tail[digits:]
    try:
        return datetime.fromisoformat(head + fraction + tail.replace("Z", "+00:00"))
    except ValueError:
        return None


def _aside(request: Request, tasks: list[_Task], *, updating: bool, leaving: bool) -> str:
    """What else a person who waits wants to know."""
    failed = [task for task in tasks if task.current and task.error and not _runs(task)]
    if failed:
        return f"; {_told(request, failed[-1])}"
    if updating:
        return ", updating"
    return ", old tasks are stopping" if leaving else ""


def _told(request: Request, task: _Task, *, times: int = 0, logs: bool = False) -> str:
    """A failure in full words: where, why, in the engine's words, and the last of its own."""
    where = f"task {task.slot}" if task.slot != task.node else "a task"
    if task.node:
        where += f" on {_hostname(request, task.node)}"
    often = f" failed {times} times" if times > 1 else ""
    why = _in_words(task)
    words = _last_words(request, task) if logs and "non-zero exit" in task.error else ""
    return f"{where}{often}: {why}" + (f"; its last words: {words}" if words else "")


def _in_words(task: _Task) -> str:
    lower = task.error.lower()
    meaning = next((text for pattern, text in _WORDS if pattern in lower), "")
    if "non-zero exit" in lower and task.exit_code is not None:
        meaning = f"its command ended with exit code {task.exit_code}"
    return f"{meaning} ({task.error})" if meaning else task.error or "it does not start"


def _hostname(request: Request, node: str) -> str:
    try:
        found = request.found_or_none(f"/nodes/{node}")
    except ActionFailed:
        found = None
    return str(inside(found, "Description", "Hostname", default=node))


def _last_words(request: Request, task: _Task) -> str:
    try:
        return last_lines(request, f"/tasks/{task.id}/logs")
    except ActionFailed:
        return ""
