"""Teardown of the swarm: who leaves, and in which order."""

from collections.abc import Iterator
from dataclasses import replace

from provision.model.actions import Action, Change
from provision.model.context import SWARM_RECORD, Context, container_id, member_id
from provision.model.departure import departures, forgotten, left_quietly
from provision.model.facts import Known
from provision.model.inventory import Host


def leaves(context: Context) -> Iterator[Action]:
    """Workers leave, then managers, the lead last; with `--limit` the others go on."""
    if context.swarm_stays:
        return
    leaving = [h for h in context.hosts if _is_ours(context, h)]
    if stays := staying(context, leaving):
        yield from _few(context, [h for h in leaving if h not in stays])
        return
    others = [h for h in leaving if h.name != context.lead]
    for host in sorted(others, key=lambda h: h.is_manager):
        yield _leave(context, host, frozenset())
    for host in (h for h in leaving if h.name == context.lead):
        yield _leave(context, host, frozenset(member_id(h.name) for h in others))


def staying(context: Context, leaving: list[Host]) -> list[Host]:
    """The nodes that `--limit` leaves where they are."""
    limit = context.options.limit
    return [h for h in leaving if limit is not None and h.name not in limit]


def _few(context: Context, hosts: list[Host]) -> Iterator[Action]:
    """One after the other, each drained, demoted and removed: the others go on serving."""
    before: frozenset[str] = frozenset()
    for host in hosts:
        node = context.node(host.name)
        if node is None:
            yield _leave(context, host, frozenset())
            continue
        why = "it is taken out of the cluster"
        actions = list(departures(context, host, node, context.facts(host.name), why))
        yield from (replace(a, after=a.after | before) for a in actions)
        before = frozenset(a.id for a in actions)


def _is_ours(context: Context, host: Host) -> bool:
    """Only a host that we made a node leaves: in our cluster, or its record names its swarm."""
    membership = context.membership(host.name)
    if membership is None or membership.state == "inactive":
        return False
    cluster = context.cluster
    if cluster is not None and membership.cluster_id in ("", cluster.id):
        return context.owns(cluster.labels)
    return bool(membership.cluster_id) and membership.cluster_id == _recorded(context, host.name)


def _recorded(context: Context, host: str) -> str:
    files = context.facts(host).files
    return files.value.get(SWARM_RECORD, "").strip() if isinstance(files, Known) else ""


def _leave(context: Context, host: Host, after: frozenset[str]) -> Action:
    cluster = context.cluster
    gone = {f"{context.lead}:services:{s.name}" for s in cluster.services} if cluster else set()
    gone |= {f"{context.lead}:networks:{n.name}" for n in cluster.networks} if cluster else set()
    containers = context.facts(host.name).containers
    if isinstance(containers, Known):
        gone |= {container_id(host.name, c.name) for c in containers.value}
    return Action(
        id=member_id(host.name),
        host=host.name,
        resource="swarm",
        subject=f"{host.role} node",
        change=Change.DELETE,
        why="the cluster is taken down",
        steps=(*left_quietly(), forgotten()),
        after=after | gone,
        commands=("docker swarm leave --force",),
    )
