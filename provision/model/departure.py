"""How a node leaves a swarm so that nothing of it stays behind."""

from collections.abc import Iterator
from dataclasses import replace

from provision.model.actions import Action, Change, Docker, Run, Step, Wait
from provision.model.context import SWARM_RECORD, Context, container_id, member_id
from provision.model.facts import Known
from provision.model.inventory import Host, Inventory
from provision.model.observed import HostFacts, NodeFact, TaskFact
from provision.model.quorum import counts

_QUIET = (
    # After a leave the old ingress VXLAN lives on for seconds; a join then fails to bind 7946
    # or its tasks start 30 s late.
    'test -z "$(ss -Hlntu "( sport = :7946 or sport = :4789 or sport = :2377 )" 2>/dev/null)"'
)
MOVING = 600.0
"""Seconds for tasks to start elsewhere: images may have to be pulled there."""
RUNS = frozenset({"running", "starting", "ready", "preparing", "assigned", "accepted"})


RELEASE = 90.0
"""Seconds until a loaded host has taken the old swarm's VXLAN devices down; a second is usual."""


def left_quietly() -> tuple[Step, ...]:
    """Leave the swarm, and wait until its ports are free for another."""
    why = "the old swarm's ports to be released"
    quiet = Wait(Run(("sh", "-c", _QUIET)), timeout=RELEASE, why=why)
    return (Docker("swarm.leave", {"force": True}, timeout=60), quiet)


def forgotten() -> Run:
    """The host's own note of its swarm goes."""
    return Run(("rm", "-f", SWARM_RECORD))


def asked(context: Context, host: str) -> str:
    """The manager that is asked to change *host*'s node: the lead, unless it is the lead itself."""
    if context.lead != host:
        return str(context.lead)
    others = [h.name for h in context.hosts if h.name != host and not context.moved(h.name)]
    manage = [n for n in others if (member := context.membership(n)) and member.manager]
    will = [n for n in others if context.inventory.host(n).is_manager]
    return next(iter([n for n in will if n in manage] or will or manage), host)


def departed_host(inventory: Inventory, name: str, node: NodeFact) -> Host:
    """A host that left the inventory: its node's address, and SSH as its peers are reached."""
    like = inventory.hosts[0].ssh
    patience = min(like.connect_timeout, 5.0)
    ssh = replace(like, name=name, address=node.address, connect_timeout=patience, wait=0.0)
    return Host(name=name, role=node.role, ssh=ssh)


def role_id(host: str) -> str:
    """The id (without host) of the action that changes a node's role."""
    return f"nodes:{host}:role"


def former_id(host: str, node: NodeFact) -> str:
    """The id (without host) of the action that removes a record *host* left behind."""
    return f"nodes:{host}:{node.id}"


def removed_id(host: str) -> str:
    """The id (without host) of the action that removes a departed node's record."""
    return f"nodes:{host}:removed"


def drained(context: Context, host: str, node: NodeFact, why: str) -> Action:
    """No new tasks, and those that run there run elsewhere before anything else happens."""
    by = asked(context, host)
    update = Docker("node.update", {"id": node.id, "availability": "drain"})
    wait = Wait(
        Docker("node.is_drained", {"id": node.id, "services": moving(context, node)}),
        timeout=MOVING,
        why=f"the tasks of {host} to move",
        every=0.5,
    )
    return Action(
        id=f"{by}:nodes:{host}:drain",
        host=by,
        resource="nodes",
        subject=f"node {host}",
        change=Change.UPDATE,
        why=why,
        steps=(update, wait),
        before={"availability": node.availability},
        after_={"availability": "drain"},
        commands=(f"docker node update --availability drain {host}",),
    )


def moving(context: Context, node: NodeFact) -> list[str]:
    """Ids of the replicated services that have tasks on *node*."""
    cluster = context.cluster
    if cluster is None:
        return []
    here = {t.service_id for t in cluster.tasks if runs_on(t, node)}
    return [s.id for s in cluster.services if s.id in here and "Replicated" in s.spec["Mode"]]


def runs_on(task: TaskFact, node: NodeFact) -> bool:
    """Whether a task is (about to be) running on *node*."""
    return task.node_id == node.id and task.state in RUNS and task.desired_state == "running"


def demoted(context: Context, host: str, node: NodeFact, why: str) -> Action:
    """No manager any more, the quorum counted once more just before."""
    by = asked(context, host)
    became = Docker("node.has_role", {"id": node.id, "role": "worker"})
    return Action(
        id=f"{by}:{role_id(host)}",
        host=by,
        resource="nodes",
        subject=f"node {host}",
        change=Change.UPDATE,
        why=why,
        steps=(
            Docker("node.check_quorum", {"id": node.id}),
            Docker("node.update", {"id": node.id, "role": "worker"}),
            Wait(became, timeout=60, why=f"{host} to be a worker"),
        ),
        before={"role": "manager"},
        after_={"role": "worker"},
        commands=(f"docker node demote {host}",),
    )


def departures(
    context: Context, host: Host, node: NodeFact, facts: HostFacts | None, why: str
) -> Iterator[Action]:
    """Drain, demote, leave, remove: the whole way of one node out of the swarm.

    Args:
        context: what is observed.
        host: whose node it is; the inventory need not name it any more.
        node: Swarm's record of it.
        facts: what the host itself says; None where it cannot be asked.
        why: for the reader.
    """
    before = frozenset[str]()
    steps = []
    if node.state == "ready" and (node.availability != "drain" or moving(context, node)):
        steps.append(drained(context, host.name, node, why))
    if counts(node):
        steps.append(demoted(context, host.name, node, why))
    if is_it(facts, node):
        steps.append(_leave(host, facts, why))
    for action in (*steps, _remove(context, host.name, node, why)):
        yield _after(action, before)
        before = frozenset({action.id})


def _after(action: Action, before: frozenset[str]) -> Action:
    return replace(action, after=action.after | before)


def is_it(facts: HostFacts | None, node: NodeFact) -> bool:
    """Whether the host that answers is this node: another machine may have its address by now."""
    membership = facts.swarm.value if facts and isinstance(facts.swarm, Known) else None
    return membership is not None and membership.node_id == node.id


def _leave(host: Host, facts: HostFacts | None, why: str) -> Action:
    containers = facts.containers.value if facts and isinstance(facts.containers, Known) else ()
    return Action(
        id=member_id(host.name),
        host=host.name,
        resource="swarm",
        subject=f"{host.role} node",
        change=Change.DELETE,
        why=why,
        steps=(*left_quietly(), forgotten()),
        after=frozenset(container_id(host.name, c.name) for c in containers),
        commands=("docker swarm leave --force",),
    )


def removal(context: Context, node: NodeFact) -> tuple[Step, ...]:
    """The record goes; tasks that the swarm still believed to run there start elsewhere."""
    gone: tuple[Step, ...] = (Docker("node.remove", {"id": node.id, "force": True}),)
    if node.availability == "active" and (services := moving(context, node)):
        arguments = {"id": node.id, "services": services}
        moved = Docker("node.is_drained", arguments)
        gone += (Wait(moved, timeout=MOVING, why="its tasks to start elsewhere", every=0.5),)
    return gone


def _remove(context: Context, name: str, node: NodeFact, why: str) -> Action:
    by = asked(context, name)
    return Action(
        id=f"{by}:{removed_id(name)}",
        host=by,
        resource="nodes",
        subject=f"record of {name}",
        change=Change.DELETE,
        why=why,
        steps=removal(context, node),
        before={"state": node.state, "address": node.address, "role": node.role},
        commands=(f"docker node rm --force {node.id}",),
    )
