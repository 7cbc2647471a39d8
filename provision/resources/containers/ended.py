"""What jobs leave on hosts: containers of tasks that ended, which Swarm never removes.

The engine keeps them when the job is removed, together with its claim on their volumes.
"""

from collections.abc import Iterator
from typing import Final

from provision.model.actions import Action, Change, Docker
from provision.model.context import Context, container_id, service_id
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.observed import ContainerFact

SERVICE: Final = "com.docker.swarm.service.name"
"""The label by which the engine marks containers of tasks."""


def of_task(container: ContainerFact) -> bool:
    """Whether Swarm made it, not a playbook's ``containers``."""
    return SERVICE in container.labels


def unwanted(context: Context) -> Iterator[Action]:
    """`down`: those of our jobs go after the job."""
    for host in context.hosts:
        fact = context.facts(host.name).containers
        for found in fact.value if isinstance(fact, Known) else ():
            service = found.labels.get(SERVICE)
            named = not context.desired.playbooks or service in context.desired.services
            if service is not None and context.owns(found.labels) and named:
                yield _remove(context, host, found, service)


def _remove(context: Context, host: Host, found: ContainerFact, service: str) -> Action:
    return Action(
        id=container_id(host.name, found.name),
        host=host.name,
        resource="containers",
        subject=f"container of job {service}",
        change=Change.DELETE,
        why="Swarm keeps what a job leaves",
        steps=(Docker("container.remove", {"id": found.id, "force": True}, timeout=60),),
        after=frozenset({f"{context.lead}:{service_id(service)}"}),
        commands=(f"docker rm --force {found.name}",),
    )
