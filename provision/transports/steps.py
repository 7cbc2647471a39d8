"""Steps to deeds: each kind of the closed set is carried out by its own module."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from provision.errors import ActionFailed
from provision.model.actions import Docker, DockerOperation, Ref, Run, Step, Upload, Wait, WriteFile
from provision.model.probes import Answer
from provision.transports.commands import run
from provision.transports.files import upload, write_file
from provision.transports.long_steps import LongSteps
from provision.transports.shell import Shell
from provision.transports.values import data_of
from provision.transports.waiting import wait_for_command, wait_for_engine


class EngineDoor(Protocol):
    """Carries out one operation on the host's engine."""

    def __call__(
        self,
        operation: DockerOperation,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        progress: Callable[[str], None] | None = None,
    ) -> Any:
        """The operation's JSON data, or `ActionFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class Performer:
    """Carries out steps on one host.

    Attributes:
        shell: runs its commands.
        engine: carries out operations on its engine.
        long_steps: looks after commands that outlive the connection.
    """

    shell: Shell
    engine: EngineDoor
    long_steps: LongSteps

    def perform(
        self, step: Step, values: Mapping[Ref, str], progress: Callable[[str], None] | None
    ) -> Answer:
        """Carry out *step*."""
        match step:
            case Run(unit=None):
                return run(self.shell, step, values)
            case Run():
                return self.long_steps.run(self.shell, step, values, progress)
            case WriteFile():
                return write_file(self.shell, step, values)
            case Upload():
                return upload(self.shell, step)
            case Docker():
                return perform_docker(self.engine, step, values, progress)
            case Wait():
                return self._wait(step, values, progress)

    def _wait(
        self, step: Wait, values: Mapping[Ref, str], progress: Callable[[str], None] | None
    ) -> Answer:
        if isinstance(step.predicate, Run):
            return wait_for_command(self.shell, step, step.predicate, values)
        return wait_on_engine(self.engine, step, values, progress)


def perform_docker(
    engine: EngineDoor,
    step: Docker,
    values: Mapping[Ref, str],
    progress: Callable[[str], None] | None,
) -> Answer:
    """Carry out a `Docker` step; what the engine refuses is an answer, too.

    The answer's ``stdout`` is the scalar that ``captures`` keeps: an id or a token.
    """
    arguments = data_of(step.arguments, values)
    try:
        value = engine(step.operation, arguments, timeout=step.timeout, progress=progress)
    except ActionFailed as error:
        return Answer(1, "", " - ".join(part for part in (error.what, error.why) if part))
    return Answer(0, _scalar(value), "", value)


def wait_on_engine(
    engine: EngineDoor,
    step: Wait,
    values: Mapping[Ref, str],
    progress: Callable[[str], None] | None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Watch a `Docker` predicate."""
    if not isinstance(step.predicate, Docker):
        raise TypeError("not a predicate of the engine")
    predicate, arguments = step.predicate, data_of(step.predicate.arguments, values)

    def ask() -> Any:
        """A predicate's verdict; an engine that restarts is worth asking again."""
        try:
            return engine(predicate.operation, arguments, timeout=predicate.timeout)
        except ActionFailed as error:
            return {"done": False, "text": str(error), "failed": None}

    return wait_for_engine(ask, step, progress, now=now, sleep=sleep)


def _scalar(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("ID") or value.get("Id")
    return value if isinstance(value, str) else ""
