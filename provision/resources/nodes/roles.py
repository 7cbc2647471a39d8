"""Managers become workers and workers managers as the inventory says, never below the quorum."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from provision.model.actions import Action, Blocked, Change, Docker, Rescue, Wait
from provision.model.context import UNDERLAY_ID, Context, member_id, ports_id
from provision.model.departure import demoted, role_id
from provision.model.facts import Known
from provision.model.observed import NodeFact
from provision.model.quorum import Quorum, counts, votes


@dataclass(frozen=True, slots=True)
class _Loss:
    """One manager fewer: whose, and by what deed."""

    host: str
    node: NodeFact
    deed: str


def refused(context: Context) -> Iterator[Blocked]:
    """The managers that cannot be spared, counted step by step in the order of the plan."""
    cluster = context.cluster
    if cluster is None:
        return
    quorum = Quorum.of(cluster.nodes)
    for gains, losses in _in_order(context):
        for _ in range(gains):
            quorum = quorum.with_one()
        for loss in losses:
            left = quorum.without(loss.node)
            if left.kept:
                quorum = left
            else:
                yield _refusal(loss, left)


def _refusal(loss: _Loss, left: Quorum) -> Blocked:
    return Blocked(
        loss.host,
        f"{loss.deed} would lose the quorum: {left.words()}",
        hint="promote or bring back another manager first",
        exit_code=4,
    )


def _in_order(context: Context) -> Iterator[tuple[int, list[_Loss]]]:
    """Dead records go first, then managers are won, then those that work are lost."""
    yield 0, [_Loss(h, n, "removing its old record") for h, n in _old_managers(context)]
    joining = [h for h in context.hosts if h.is_manager and _joins(context, h.name)]
    won = 0 if context.founding else len(joining) + len(_promoted(context))
    lost = [_Loss(h, n, "demoting it") for h, n in _demoted(context)]
    if context.options.prune:
        lost += [_Loss(h, n, "removing it") for h, n in context.departed().items() if _manages(n)]
    yield won, sorted(lost, key=lambda loss: votes(loss.node))


def _joins(context: Context, host: str) -> bool:
    """Whether it is known to be no member: one that cannot be asked is no gain."""
    return isinstance(context.facts(host).swarm, Known) and not context.is_member(host)


def _old_managers(context: Context) -> Iterator[tuple[str, NodeFact]]:
    for host in context.hosts:
        for node in context.former(host.name):
            if counts(node):
                yield host.name, node


def _manages(node: NodeFact) -> bool:
    return node.role == "manager"


def _promoted(context: Context) -> list[tuple[str, NodeFact]]:
    return [
        (h.name, node)
        for h in context.hosts
        if h.is_manager and (node := _member(context, h.name)) and not _manages(node)
    ]


def _demoted(context: Context) -> list[tuple[str, NodeFact]]:
    found = [
        (h.name, node)
        for h in context.hosts
        if not h.is_manager and (node := _member(context, h.name)) and _manages(node)
    ]
    return sorted(found, key=lambda one: (votes(one[1]), one[0] == context.lead))


def _member(context: Context, host: str) -> NodeFact | None:
    return context.node(host) if context.is_member(host) else None


def changes(context: Context) -> Iterable[Action]:
    """Promotions one by one, then demotions one by one: the number of managers never dips."""
    made: list[Action] = []
    joined = {member_id(h.name) for h in context.hosts if h.is_manager}
    for host, node in _promoted(context):
        before = frozenset({a.id for a in made[-1:]} | joined)
        made.append(_after(promoted(context, host, node), before))
    for host, node in _demoted(context):
        won = {a.id for a in made} | joined
        why = "the inventory makes it a worker, it is a manager"
        made.append(_after(demoted(context, host, node, why), frozenset(won)))
    return made


def _after(action: Action, before: frozenset[str]) -> Action:
    return replace(action, after=action.after | before)


def promoted(context: Context, host: str, node: NodeFact) -> Action:
    """A worker becomes a manager; one that the others cannot reach is demoted again at once."""
    lead = str(context.lead)
    became = Docker("node.has_role", {"id": node.id, "role": "manager"})
    back = Rescue(
        lead,
        (Docker("node.update", {"id": node.id, "role": "worker"}),),
        f"{host} was demoted again, so that it does not cost the quorum",
    )
    return Action(
        id=f"{lead}:{role_id(host)}",
        host=lead,
        resource="nodes",
        subject=f"node {host}",
        change=Change.UPDATE,
        why="the inventory makes it a manager, it is a worker",
        steps=(
            Wait(Docker("node.is_ready", {"id": node.id}), timeout=60, why="node Ready"),
            Docker("node.update", {"id": node.id, "role": "manager"}),
            Wait(became, timeout=60, why=f"the other managers to reach {host}"),
        ),
        after=frozenset({ports_id(host), UNDERLAY_ID}),
        before={"role": "worker"},
        after_={"role": "manager"},
        commands=(f"docker node promote {host}",),
        rescue=back,
    )
