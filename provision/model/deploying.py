# ruff: noqa: RUF012 - pydantic copies a model's defaults
"""What a service's ``deploy`` says of resources, restarts, updates and placement."""

from typing import Literal

from pydantic import Field

from provision.model.document import Document


class Shares(Document):
    """CPU in cores, memory in bytes."""

    cpus: float | None = None
    memory: int | None = None


class Limits(Shares):
    """What a task cannot exceed."""

    pids: int | None = None


class DiscreteResource(Document):
    """So many of a kind that the engines' ``node-generic-resources`` announce."""

    kind: str
    value: int


class GenericResource(Document):
    """A resource of the operator's own."""

    discrete_resource_spec: DiscreteResource


class Reservations(Shares):
    """What is set aside for a task."""

    generic_resources: list[GenericResource] = []


class Resources(Document):
    """What a task may use and what is set aside for it."""

    limits: Limits = Field(default_factory=Limits)
    reservations: Reservations = Field(default_factory=Reservations)


class RestartPolicy(Document):
    """When a task is started again."""

    condition: Literal["none", "on-failure", "any"] | None = None
    delay: float | None = None
    max_attempts: int | None = None
    window: float | None = None


class UpdateConfig(Document):
    """How a service is updated or rolled back."""

    parallelism: int | None = None
    delay: float | None = None
    failure_action: Literal["pause", "continue", "rollback"] | None = None
    monitor: float | None = None
    max_failure_ratio: float | None = None
    order: Literal["stop-first", "start-first"] | None = None


class Placement(Document):
    """Where tasks may run; ``preferences`` are labels to spread over."""

    constraints: list[str] = []
    preferences: list[dict[str, str]] = []
    max_replicas_per_node: int | None = None
