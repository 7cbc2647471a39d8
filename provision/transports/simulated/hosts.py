"""Hosts in memory and the way to them; for tests, and held to the contract of the real ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from provision.errors import HostError, UsageError
from provision.model.actions import Docker, DockerOperation, Ref, Run, Step, Upload, Wait, WriteFile
from provision.model.probes import Answer
from provision.transports.commands import argv, stdin_of
from provision.transports.docker_api import EngineUnavailable
from provision.transports.docker_operations import operate
from provision.transports.failures import lost
from provision.transports.simulated.cluster import World
from provision.transports.simulated.disk import StoredFile
from provision.transports.simulated.engine import SimulatedEngine
from provision.transports.simulated.machine import Machine
from provision.transports.simulated.pipes import SimulatedPipe
from provision.transports.steps import perform_docker, wait_on_engine
from provision.transports.values import text_of

RunHandler: TypeAlias = Callable[[Sequence[str], str], Answer]
"""Answers a command: its words and stdin."""

OnStep: TypeAlias = Callable[[str, Step, bool], None]
"""Sees each step of a host, before and after it is done."""


@dataclass(slots=True)
class Failure:
    """A step that is to fail: which, how, and how often still."""

    matches: Callable[[Step], bool]
    answer: Answer | HostError
    times: int


@dataclass(slots=True)
class SimulatedHost:
    """A host in memory.

    Attributes:
        engine: None where Docker is not installed.
        machine: the system beneath, which answers what the test lays no answer down for.
        unreachable: what `connect` raises, if anything.
        answers: the answer to a script that contains the key (a probe's mark).
        on_ask: answers scripts that no key of ``answers`` is in.
        on_run: answers commands; without it every command ends with 0.
        on_open: makes the lines that a long-lived command says to a line that was sent.
        files: what steps wrote. done: every step that was carried out, in order.
        asked: every script. connections: how many sessions were opened.
    """

    name: str
    address: str
    engine: SimulatedEngine | None = None
    machine: Machine | None = None
    unreachable: HostError | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    on_ask: Callable[[str], Answer] | None = None
    on_run: RunHandler | None = None
    on_open: Callable[[Sequence[str], str | None], list[str]] | None = None
    files: dict[str, StoredFile] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    failures: list[Failure] = field(default_factory=list)
    _breaks_after: int | None = None

    def fail(
        self, matches: Callable[[Step], bool], answer: Answer | HostError, times: int = 1
    ) -> None:
        """Let the next *times* steps that match end with *answer* (or raise it)."""
        self.failures.append(Failure(matches, answer, times))

    def break_connection(self, after: int = 0) -> None:
        """Let the connection break at the request after *after* more."""
        self._breaks_after = after

    def reached(self) -> None:
        """One request arrives, or the connection breaks under it."""
        if self.unreachable is not None:
            raise self.unreachable
        if self._breaks_after is None:
            return
        if self._breaks_after == 0:
            self._breaks_after = None
            raise lost(self.name, "simulated")
        self._breaks_after -= 1

    def failure_for(self, step: Step) -> Answer | None:
        """The answer of a failure that was arranged for *step*."""
        for failure in self.failures:
            if failure.times > 0 and failure.matches(step):
                failure.times -= 1
                if isinstance(failure.answer, HostError):
                    raise failure.answer
                return failure.answer
        return None


class SimulatedTransport:
    """A way to simulated hosts; implements `provision.model.session.Transport`.

    Args:
        names: the hosts, addressed 10.0.0.11 and up.
        engine: the version of the Docker engine on all of them; None where there is none yet.
        images: what registries have (``nginx:latest``); None: everything.
        machines: whole Debian hosts, so that the verbs work on them: `observe` is answered, and
            commands have the effects of the real ones.

    Attributes:
        on_step: called with the host, the step and whether it was done, before and after each step;
            what it raises is what happens: a lost connection, a controller that is killed.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        engine: str | None = "20.10.24",
        images: Sequence[str] | None = None,
        machines: bool = False,
    ) -> None:
        self.on_step: OnStep = lambda _host, _step, _done: None
        self.world = World(images=None if images is None else set(images))
        self.hosts = {
            name: SimulatedHost(name, f"10.0.0.{11 + number}") for number, name in enumerate(names)
        }
        if machines:
            self._make_machines()
        if engine is not None:
            for name in names:
                self.install_engine(name, engine)

    def install_engine(self, host: str, version: str = "20.10.24") -> SimulatedEngine:
        """Put an engine on a host."""
        there = self.hosts[host]
        there.engine = SimulatedEngine(self.world, host, there.address, version)
        return there.engine

    def remove_engine(self, host: str) -> None:
        """Take an engine away, as purging its package does."""
        there = self.hosts[host]
        if there.engine is not None:
            there.engine.stop()
        there.engine = None

    def clock(self) -> float:
        """The simulated time, for `Environment.clock`."""
        return self.world.epoch

    def machine(self, host: str) -> Machine:
        """The system of a host that was made with ``machines``."""
        found = self.hosts[host].machine
        if found is None:
            raise UsageError(f"{host} was made without a machine")
        return found

    def _tell(self, host: str, step: Step, done: bool) -> None:
        self.on_step(host, step, done)

    def _make_machines(self) -> None:
        together: dict[str, Machine] = {}
        for name, there in self.hosts.items():
            there.machine = together[name] = Machine(
                name,
                there.address,
                self.world,
                install=partial(self.install_engine, name),
                remove=partial(self.remove_engine, name),
                engine=partial(getattr, there, "engine"),
                files=there.files,
                machines=together,
            )

    def connect(self, host: str) -> "SimulatedSession":
        """Open a session."""
        if host not in self.hosts:
            raise UsageError(f"There is no host {host} in the inventory")
        there = self.hosts[host]
        there.reached()
        there.connections += 1
        return SimulatedSession(there, self.world, self._tell)


class SimulatedSession:
    """An open way to a simulated host; implements `provision.model.session.Session`."""

    def __init__(
        self, host: SimulatedHost, world: World, on_step: OnStep = lambda *_: None
    ) -> None:
        self._host = host
        self._world = world
        self._on_step = on_step
        self._closed = False

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host.name

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """Answer a script from what the test laid down."""
        del timeout, sudo
        self._arrive()
        self._host.asked.append(script)
        for mark, answer in self._host.answers.items():
            if mark in script:
                return answer
        if self._host.on_ask:
            return self._host.on_ask(script)
        return self._host.machine.ask(script) if self._host.machine else Answer(0)

    def do(
        self,
        step: Step,
        values: Mapping[Ref, str],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Answer:
        """Carry out one step."""
        self._arrive()
        self._on_step(self.host, step, False)  # noqa: FBT003 - not done yet
        failure = self._host.failure_for(step)
        if failure is not None:
            return failure
        answer = self._carry_out(step, values, progress)
        self._host.done.append(step)
        self._on_step(self.host, step, True)  # noqa: FBT003 - it is done now
        return answer

    def docker(self, operation: DockerOperation, arguments: Mapping[str, Any]) -> Any:
        """Ask the simulated engine."""
        return self._door(operation, arguments, timeout=60.0)

    def open(self, words: Sequence[str], *, sudo: bool = True) -> SimulatedPipe:
        """Start a command that is talked with."""
        del sudo
        self._arrive()
        if self._host.on_open is None and self._host.machine is not None:
            reply, end = self._host.machine.open(words)
            return SimulatedPipe(words, lambda _words, line: reply(line), self.host, end)
        return SimulatedPipe(words, self._host.on_open, self.host)

    def close(self) -> None:
        """End the session."""
        self._closed = True

    def _arrive(self) -> None:
        if self._closed:
            raise lost(self.host, "the session was closed")
        self._host.reached()

    def _carry_out(
        self, step: Step, values: Mapping[Ref, str], progress: Callable[[str], None] | None
    ) -> Answer:
        match step:
            case Run():
                return self._run(step, values)
            case WriteFile():
                return self._store(step.path, text_of(step.content, values).encode(), step.mode)
            case Upload():
                return self._store(step.path, Path(step.source).read_bytes(), step.mode)
            case Docker():
                return perform_docker(self._door, step, values, progress)
            case Wait():
                return self._wait(step, values, progress)

    def _store(self, path: str, content: bytes, mode: int) -> Answer:
        self._host.files[path] = StoredFile(content, mode)
        return Answer(0)

    def _run(self, step: Run, values: Mapping[Ref, str]) -> Answer:
        words, stdin = argv(step, values), b"".join(stdin_of(step, values)).decode()
        if self._host.on_run:
            return self._host.on_run(words, stdin)
        return self._host.machine.run(words, stdin) if self._host.machine else Answer(0)

    def _wait(
        self, step: Wait, values: Mapping[Ref, str], progress: Callable[[str], None] | None
    ) -> Answer:
        if isinstance(step.predicate, Docker):
            return wait_on_engine(
                self._door, step, values, progress, now=self._now, sleep=self._world.sleep
            )
        end = self._world.seconds + step.timeout
        while True:
            said = self._run(step.predicate, values)
            if said.exit_code in step.predicate.accepts:
                return Answer(0, said.stdout, said.stderr)
            self._world.sleep(max(step.every, 0.1))
            if self._world.seconds > end:
                why = f"waited {step.timeout:.0f} s, because {step.why}"
                return Answer(said.exit_code, said.stdout, why)

    def _now(self) -> float:
        return self._world.seconds

    def _door(
        self,
        operation: DockerOperation,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        progress: Callable[[str], None] | None = None,
    ) -> Any:
        self._arrive()
        engine = self._host.engine
        if engine is None or not engine.running:
            why = "not installed" if engine is None else "it does not run"
            raise EngineUnavailable("The Docker engine cannot be reached", where=self.host, why=why)
        return operate(engine, operation, arguments, timeout, progress)


__all__ = [
    "Failure",
    "RunHandler",
    "SimulatedHost",
    "SimulatedSession",
    "SimulatedTransport",
    "StoredFile",
]
