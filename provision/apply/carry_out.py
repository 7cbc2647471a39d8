"""One action on one host: guard, then its steps in order; the first that fails ends it."""

from collections.abc import Callable
from dataclasses import dataclass

from provision.apply.values import Values
from provision.errors import SwarmlayError
from provision.model.actions import Action, Docker, Run, Step, Wait
from provision.model.probes import Answer
from provision.model.results import Outcome, Result
from provision.model.session import Session


@dataclass(frozen=True, slots=True)
class Job:
    """What carrying out needs besides the action."""

    session: Session
    values: Values
    clock: Callable[[], float]
    progress: Callable[[str], None]


def carry_out(action: Action, job: Job) -> Result:
    """Do the action; a host's fault becomes a failed result, never an exception."""
    began = job.clock()

    def ended(outcome: Outcome, cause: str = "", hint: str = "", exit_code: int = 1) -> Result:
        return Result(
            action.id,
            action.host,
            outcome,
            cause=job.values.redacted(cause),
            hint=hint,
            seconds=round(job.clock() - began, 3),
            exit_code=exit_code,
        )

    try:
        if stale := _stale(action, job):
            return ended(Outcome.FAILED, f"plan is stale: {stale}", "run again")
        for step in action.steps:
            answer = job.session.do(step, job.values, progress=job.progress)
            if not _accepted(step, answer):
                return ended(Outcome.FAILED, _cause(step, answer))
            _keep(step, answer, job.values)
    except SwarmlayError as error:
        cause = f"{error.what} ({error.why})" if error.why else error.what
        return ended(Outcome.FAILED, cause, error.hint, error.exit_code)
    return ended(Outcome.CHANGED)


def _stale(action: Action, job: Job) -> str:
    """Ask the guard's question again: the world may have moved since the plan was made."""
    if action.guard is None:
        return ""
    answer = job.session.do(action.guard.predicate, job.values)
    if _accepted(action.guard.predicate, answer):
        return ""
    return f"when it was made, {action.guard.otherwise}; that is no longer so"


def _accepted(step: Step, answer: Answer) -> bool:
    return answer.exit_code in step.accepts if isinstance(step, Run) else answer.ok


def _cause(step: Step, answer: Answer) -> str:
    said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
    words = " / ".join(line.strip() for line in said[-3:] if line.strip())
    match step:
        case Run(words=command):
            return f"{command[0]} ended with {answer.exit_code}: {words or 'it said nothing'}"
        case Wait(why=why):
            return f"waited for {why}: {words}"
        case _:
            return words or f"{type(step).__name__} failed"


def _keep(step: Step, answer: Answer, values: Values) -> None:
    if isinstance(step, Run | Docker) and step.captures is not None:
        produced = answer.stdout.strip() if isinstance(step, Run) else _scalar(answer)
        values.keep(step.captures, produced)


def _scalar(answer: Answer) -> str:
    value = answer.value
    if isinstance(value, dict):  # an object is known by its id
        value = value.get("ID") or value.get("Id")
    return str(value if value is not None else answer.stdout.strip())
