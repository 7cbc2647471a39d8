"""The instruction set: everything swarmlay may do to a host, as data.

A `Plan` is an ordered tuple of `Action`s; an action is one reason to touch one host; a step of it
is one instruction. The set of steps is closed: only transports carry them out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that an earlier step produces; it has no value in a plan.

    With ``secret`` the value must never reach argv, a log or an error text.
    """

    name: str
    secret: bool = False

    def __str__(self) -> str:
        return f"<{self.name}>"


Word: TypeAlias = str | Ref


@dataclass(frozen=True, slots=True)
class Run:
    """Run one command; words are quoted by the transport, never here.

    Attributes:
        words: argv. A secret `Ref` is not allowed here (``ps`` shows argv); use ``stdin``.
        stdin: text fed to the command.
        sudo: run as root.
        timeout: seconds until the command is given up.
        unit: a stable name: the command runs on the host under this name, detached from the
            connection (systemd-run or setsid, with a status file), and a later run that asks for
            the same unit and words re-attaches to it instead of starting it again.
        captures: keeps stripped stdout under this name.
        accepts: exit codes that are not a failure.
        environment: variables set for the command.
    """

    words: tuple[Word, ...]
    stdin: str | Ref | None = None
    sudo: bool = True
    timeout: float = 60.0
    unit: str | None = None
    captures: Ref | None = None
    accepts: frozenset[int] = frozenset({0})
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Put ``content`` at ``path`` (atomically, parents made, as root).

    The manifest must list the path before (`provision.resources.manifest`).
    """

    path: str
    content: str | Ref
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Upload:
    """Copy the local file ``source`` to ``path`` (atomically, as root)."""

    source: str
    path: str
    mode: int = 0o644


DockerOperation: TypeAlias = Literal[
    # reads: return JSON data as the Engine API gives it
    "info",
    "swarm.inspect",
    "swarm.unlock_key",
    "node.list",
    "network.list",
    "network.inspect",
    "service.list",
    "service.inspect",
    "service.logs",
    "task.list",
    "container.list",
    "container.inspect",
    "volume.list",
    "config.list",
    "secret.list",
    # changes
    "swarm.init",
    "swarm.join",
    "swarm.leave",
    "swarm.update",
    "swarm.token",
    "swarm.rotate",
    "swarm.unlock",
    "swarm.restore",
    "node.mark",
    "node.check_restart",
    "node.forget_others",
    "node.update",
    "node.remove",
    "node.expel",
    "node.check_quorum",
    "network.create",
    "network.remove",
    "service.create",
    "service.update",
    "service.remove",
    "container.create",
    "container.start",
    "container.remove",
    "image.pull",
    "volume.remove",
    "config.create",
    "config.remove",
    "secret.create",
    "secret.remove",
    # predicates for Wait: return {"done": bool, "text": progress, "failed": reason or None}
    "node.is_ready",
    "node.is_down",
    "node.is_drained",
    "node.has_role",
    "swarm.is_active",
    "swarm.is_ca_rotated",
    "swarm.is_recovered",
    "network.is_allocated",
    "network.is_gone",
    "service.is_converged",
    "service.is_gone",
    "container.is_running",
    "volume.is_unused",
]


@dataclass(frozen=True, slots=True)
class Docker:
    """One of swarmlay's verbs on the host's engine (the table is in `transports.docker_api`).

    The transport does read-modify-write and retries "update out of sequence". ``captures`` keeps
    the operation's scalar result (an id, a token).
    """

    operation: DockerOperation
    arguments: Mapping[str, Any] = field(default_factory=dict)
    captures: Ref | None = None
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Watch until ``predicate`` holds; fail with its last words after ``timeout`` seconds.

    A `Run` holds when its exit code is accepted. A `Docker` predicate answers
    ``{"done", "text", "failed"}``; ``failed`` ends the wait at once.
    """

    predicate: Run | Docker
    timeout: float
    why: str
    every: float = 0.2


Step: TypeAlias = Run | WriteFile | Upload | Docker | Wait


class Change(StrEnum):
    """What an action does to its subject."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    CHECK = "check"

    @property
    def sign(self) -> str:
        """Terraform's sign."""
        return {"create": "+", "update": "~", "delete": "-", "check": "?"}[self.value]


@dataclass(frozen=True, slots=True)
class Guard:
    """A question asked again just before an action: *predicate* must still hold.

    ``otherwise`` says what the plan believed; the action fails with "plan is stale".
    """

    predicate: Run
    otherwise: str


@dataclass(frozen=True, slots=True)
class Rescue:
    """What is done at once, on *host*, when an action failed half-way and must not stay so."""

    host: str
    steps: tuple[Step, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Action:
    """One reason to touch one host.

    Attributes:
        id: ``host:resource:subject``, unique in a plan.
        resource: the family member that wants it (``engine``, ``ports``, ``swarm``, …).
        subject: what is changed, for the reader (``network test-net``).
        before, after_: the difference, as short texts or data; None where there is none.
        commands: what a person would type for the same effect.
        after: ids of actions that must have succeeded before.
        restarts: what is stopped meanwhile; not empty means ``--allow-restart`` is needed.
        gate: the name of a function that `apply` calls instead of steps (``underlay``).
        lax: a failure is reported but does not stop dependents (teardown).
        rescue: what is done at once when it failed.
    """

    id: str
    host: str
    resource: str
    subject: str
    change: Change
    why: str
    steps: tuple[Step, ...] = ()
    after: frozenset[str] = frozenset()
    before: Any = None
    after_: Any = None
    commands: tuple[str, ...] = ()
    guard: Guard | None = None
    restarts: tuple[str, ...] = ()
    gate: str | None = None
    lax: bool = False
    rescue: Rescue | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A host (or the cluster, host="") for which nothing is planned, and why.

    ``exit_code`` follows the table in docs: 3 unreachable, 4 refused, 1 unknown facts.
    """

    host: str
    reason: str
    hint: str = ""
    exit_code: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in the order a person should read them.

    Attributes:
        blocked: hosts left out, with the reason.
        notes: what the reader should know (warnings, unmanaged objects, address table).
        asleep: hosts whose engine is started first; what else they need is planned when it runs.
        complete: no host is blocked.
    """

    cluster: str
    actions: tuple[Action, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    addresses: tuple["AdvertisedAddress", ...] = ()
    asleep: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Nothing was left out."""
        return not self.blocked

    @property
    def converged(self) -> bool:
        """What is observed is what is wanted."""
        return self.complete and not self.actions


@dataclass(frozen=True, slots=True)
class AdvertisedAddress:
    """Which address a node advertises, and why."""

    host: str
    address: str
    why: str
