"""Steps to deeds: each kind of the closed set is carried out by its own module."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
                return self._docker(step, values, progress)
            case Wait():
                return self._wait(step, values, progress)

    def _docker(
        self, step: Docker, values: Mapping[Ref, str], progress: Callable[[str], None] | None
    ) -> Answer:
        """The operation's answer; what the engine refuses is an answer, too."""
        arguments = data_of(step.arguments, values)
        try:
            value = self.engine(step.operation, arguments, timeout=step.timeout, progress=progress)
        except ActionFailed as error:
            return Answer(1, "", " - ".join(part for part in (error.what, error.why) if part))
        return Answer(0, value if isinstance(value, str) else "", "", value)

    def _wait(
        self, step: Wait, values: Mapping[Ref, str], progress: Callable[[str], None] | None
    ) -> Answer:
        predicate = step.predicate
        if isinstance(predicate, Run):
            return wait_for_command(self.shell, step, predicate, values)
        bound = replace(predicate, arguments=data_of(predicate.arguments, values))
        return wait_for_engine(self._ask, step, bound, progress)

    def _ask(self, predicate: Docker) -> Any:
        """A predicate's verdict; an engine that restarts is worth asking again."""
        try:
            return self.engine(predicate.operation, predicate.arguments, timeout=predicate.timeout)
        except ActionFailed as error:
            return {"done": False, "text": str(error), "failed": None}
