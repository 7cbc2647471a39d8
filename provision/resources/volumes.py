"""Volumes: made by the mounts that name them; removed by `down --volumes`, and by nothing else."""

from collections.abc import Iterable, Iterator

from provision.model.actions import Action, Blocked, Change, Docker, Wait
from provision.model.context import Context, container_id, service_id
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.labels import PLAYBOOK
from provision.model.observed import VolumeFact


class Volumes:
    """Volumes that our services and containers made bear our labels, and stay."""

    name = "volumes"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Nothing: a volume is made where a task first needs it."""
        del context
        return ()

    def wanted(self, context: Context) -> Iterable[Action]:
        """Nothing, for the same reason; ``--prune`` takes no data away either."""
        del context
        return ()

    def unwanted(self, context: Context) -> Iterable[Action]:
        """With ``--volumes``: those with our labels, once nothing has them mounted."""
        if not context.options.volumes:
            return
        for host in context.hosts:
            for found in _ours(context, host):
                yield _remove(context, host, found)


def _ours(context: Context, host: Host) -> Iterator[VolumeFact]:
    fact, playbooks = context.facts(host.name).volumes, context.desired.playbooks
    for found in fact.value if isinstance(fact, Known) else ():
        named = not playbooks or found.labels.get(PLAYBOOK) in playbooks
        if context.owns(found.labels) and named:
            yield found


def _remove(context: Context, host: Host, found: VolumeFact) -> Action:
    cluster = context.cluster
    services = cluster.services if cluster else ()
    users = {f"{context.lead}:{service_id(s.name)}" for s in services}
    containers = context.facts(host.name).containers
    if isinstance(containers, Known):
        users |= {container_id(host.name, c.name) for c in containers.value}
    return Action(
        id=f"{host.name}:volumes:{found.name}",
        host=host.name,
        resource="volumes",
        subject=f"volume {found.name}",
        change=Change.DELETE,
        why="`--volumes`: its data goes, too",
        steps=(
            Wait(
                Docker("volume.is_unused", {"name": found.name}),
                timeout=60,
                why="what has it mounted to be gone",
            ),
            Docker("volume.remove", {"name": found.name}),
        ),
        after=frozenset(users),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker volume rm {found.name}",),
    )
