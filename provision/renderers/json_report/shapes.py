"""The shapes of JSON output (``"schema": 1``), as types.

The code is checked against them, and docs/schema is made of them.
"""

from typing import Any, Literal

from typing_extensions import TypedDict

SCHEMA: Literal[1] = 1


class ActionShape(TypedDict):
    """One reason to touch one host."""

    id: str
    host: str
    resource: str
    subject: str
    change: Literal["create", "update", "delete", "check"]
    why: str
    before: Any
    after: Any
    commands: list[str]
    restarts: list[str]


class BlockedShape(TypedDict):
    """A host that was left out; ``host`` is "" for the whole cluster."""

    host: str
    reason: str
    hint: str
    exit_code: int


class AddressShape(TypedDict):
    """Which address a node advertises, and why."""

    host: str
    address: str
    why: str


class PlanShape(TypedDict):
    """``swarmlay plan -o json``."""

    schema: Literal[1]
    cluster: str
    complete: bool
    converged: bool
    actions: list[ActionShape]
    blocked: list[BlockedShape]
    notes: list[str]
    addresses: list[AddressShape]


class ResultShape(TypedDict):
    """How one action ended."""

    action: str
    host: str
    outcome: Literal["changed", "unchanged", "failed", "skipped"]
    cause: str
    hint: str
    seconds: float


CellShape = TypedDict(
    "CellShape",
    {
        "layer": str,
        "subject": str,
        "probe": str,
        "from": str,
        "to": str,
        "state": Literal["ok", "failed", "unknown", "unavailable"],
        "expected": str,
        "found": str,
        "reason": str,
        "hint": str,
        "command": str,
        "ms": float | None,
    },
)
"""One thing that was checked, between two hosts or (``from`` = ``to``) on one."""


class CountShape(TypedDict):
    """Cells of a layer, by state."""

    ok: int
    failed: int
    unknown: int
    unavailable: int


class CheckShape(TypedDict):
    """``swarmlay check -o json``."""

    schema: Literal[1]
    cluster: str
    ok: bool
    unreachable: list[str]
    cells: list[CellShape]
    summary: dict[str, CountShape]


class ResidueShape(TypedDict):
    """Something left on a host after ``down``."""

    host: str
    what: str
    remedy: str


class ChangeShape(PlanShape):
    """``swarmlay up -o json`` and ``swarmlay down -o json``: the plan, and what came of it.

    ``second_plan`` and ``check`` are null where there is none.
    """

    results: list[ResultShape]
    second_plan: PlanShape | None
    check: CheckShape | None
    residue: list[ResidueShape]
    checked: list[str]
    exit_code: int


class HostShape(TypedDict):
    """One host of the inventory."""

    name: str
    role: Literal["manager", "worker"]
    address: str
    port: int | None
    user: str | None
    private_address: str | None
    private_interface: str | None
    labels: dict[str, str]
    groups: list[str]


class HostsShape(TypedDict):
    """``swarmlay hosts list -o json``."""

    schema: Literal[1]
    cluster: str
    inventory: str
    hosts: list[HostShape]
    warnings: list[str]


class KnownShape(TypedDict):
    """A fact that is known; null means known to be absent."""

    known: Any


class UnknownShape(TypedDict):
    """A fact that is not known, and why."""

    unknown: str


class FactsShape(TypedDict):
    """``swarmlay hosts facts -o json``: host → fact → known or unknown."""

    schema: Literal[1]
    cluster: str
    hosts: dict[str, dict[str, KnownShape | UnknownShape]]


class StatusShape(TypedDict):
    """``swarmlay status -o json``: the facts, and the cluster as its lead manager sees it."""

    schema: Literal[1]
    cluster: str
    hosts: dict[str, dict[str, KnownShape | UnknownShape]]
    swarm: KnownShape | UnknownShape


class AnswerShape(TypedDict):
    """What a host answered; ``error`` says why there is no answer ("" where there is one)."""

    exit_code: int
    stdout: str
    stderr: str
    error: str


class ExecShape(TypedDict):
    """``swarmlay hosts exec -o json``."""

    schema: Literal[1]
    cluster: str
    hosts: dict[str, AnswerShape]


class ErrorFields(TypedDict):
    """What, where, why, and what to do; ``others`` are errors found together with it."""

    what: str
    where: str
    why: str
    hint: str
    exit_code: int
    others: list["ErrorFields"]


class ErrorShape(TypedDict):
    """Any verb that could not be carried out."""

    schema: Literal[1]
    error: ErrorFields
