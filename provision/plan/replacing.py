"""`node replace OLD NEW`: the new one joins and takes over before the old one goes. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provision.errors import UsageError
from provision.model.actions import Action, Blocked, Change, Docker, Plan
from provision.model.context import Context, member_id
from provision.model.departure import removed_id
from provision.model.inventory import Inventory
from provision.model.labels import HOST, MACHINE, NODE_LABELS
from provision.model.quorum import Quorum, votes
from provision.plan.departed import left_behind
from provision.plan.nodes import Subject, find, leaving, no_cluster, silence


@dataclass(frozen=True, slots=True)
class Replacement:
    """The host whose node goes, and the one that takes over its role and labels.

    Attributes:
        force: also where the old host is dead.
    """

    old: str
    new: str
    force: bool = False


def replacement(context: Context, deed: Replacement, up: Callable[[Inventory], Plan]) -> Plan:
    """The plan; *up* plans for an inventory in which the new host has the old one's role.

    A manager that works is replaced by joining first: the number of managers never dips. A dead one
    is taken out first: it counts for the quorum, and the join of the next can fail, too.

    Raises:
        UsageError: there is no such node, or no such host.
    """
    if refusal := no_cluster(context):
        return Plan(context.cluster_name, blocked=(refusal,))
    old = _old(context, deed)
    changed = _changed(context.inventory, deed.new, old)
    coming = up(changed)
    context = replace(context, inventory=changed)
    blocked = [b for b in coming.blocked if b.host in ("", deed.new)]
    blocked += _refused(context, old, deed)
    if blocked:
        return Plan(context.cluster_name, blocked=tuple(blocked), addresses=coming.addresses)
    inherits = _inherits(context, deed.new, old)
    join = [_with_labels(a, deed.new, inherits) for a in coming.actions]
    join += _labelling(context, deed.new, inherits, join)
    leave = list(leaving(context, old, f"{deed.new} takes its place"))
    return Plan(
        context.cluster_name,
        actions=tuple(_ordered(join, leave, old, deed.new)),
        notes=(*_notes(context, old, deed),),
        addresses=coming.addresses,
    )


def _old(context: Context, deed: Replacement) -> Subject:
    names = [h.name for h in context.inventory.hosts]
    if deed.new not in names or deed.new == deed.old:
        why = "it is the one to be replaced" if deed.new == deed.old else "not in the inventory"
        raise UsageError(
            f"{deed.new} cannot take the place of {deed.old}",
            where=context.inventory.path,
            why=why,
            hint=f"write the new host into the inventory first; hosts: {', '.join(names)}",
        )
    old = find(context, deed.old)
    if old is None:
        raise UsageError(f"{deed.old} is not a node of cluster {context.cluster_name}")
    return old


def _changed(inventory: Inventory, new: str, old: Subject) -> Inventory:
    """The inventory in which the new host has the old one's role."""
    hosts = (replace(h, role=old.node.role) if h.name == new else h for h in inventory.hosts)
    return replace(inventory, hosts=tuple(hosts), warnings=())


def _refused(context: Context, old: Subject, deed: Replacement) -> Iterator[Blocked]:
    if not old.answers and not deed.force:
        yield Blocked(
            deed.old,
            f"{silence(old)}; what swarmlay made there would stay",
            hint=f"swarmlay node replace --force {deed.old} {deed.new} goes on all the same",
            exit_code=3,
        )
    left = _quorum_left(context, old, deed.new)
    if old.node.role == "manager" and not left.kept:
        yield Blocked(
            deed.old,
            f"replacing it would lose the quorum: {left.words()}",
            hint="bring back another manager first",
            exit_code=4,
        )


def _quorum_left(context: Context, old: Subject, new: str) -> Quorum:
    quorum = Quorum.of(context.cluster.nodes if context.cluster else ())
    there = context.node(new) if context.is_member(new) else None
    comes_first = votes(old.node) and (there is None or there.role != "manager")
    return (quorum.with_one() if comes_first else quorum).without(old.node)


def _inherits(context: Context, new: str, old: Subject) -> dict[str, str]:
    """Labels of the old node that the new one has no word of its own about."""
    ours = (HOST, NODE_LABELS, MACHINE)
    own = context.inventory.host(new).labels
    return {k: v for k, v in old.node.labels.items() if k not in ours and k not in own}


def _with_labels(action: Action, new: str, inherits: Mapping[str, str]) -> Action:
    """The action that labels the new node, with the old one's labels as well."""
    if not action.id.endswith(f":nodes:{new}"):
        return action
    steps = tuple(
        replace(s, arguments={**s.arguments, "labels": {**inherits, **s.arguments["labels"]}})
        if isinstance(s, Docker) and "labels" in s.arguments
        else s
        for s in action.steps
    )
    words = "".join(f" --label-add {k}={v}" for k, v in inherits.items())
    after: Any = {"labels": {**inherits, **action.after_["labels"]}}
    commands = tuple(c.replace("update", f"update{words}", 1) for c in action.commands)
    return replace(action, steps=steps, after_=after, commands=commands)


def _labelling(
    context: Context, new: str, inherits: Mapping[str, str], join: list[Action]
) -> Iterator[Action]:
    """The new host is a node already: only the old one's labels are missing."""
    node = context.node(new) if context.is_member(new) else None
    planned = any(a.id.endswith(f":nodes:{new}") for a in join)
    if node is None or planned or inherits.items() <= dict(node.labels).items():
        return
    labels = {**inherits, **node.labels}
    words = " ".join(f"--label-add {k}={v}" for k, v in inherits.items())
    yield Action(
        id=f"{context.lead}:nodes:{new}",
        host=str(context.lead),
        resource="nodes",
        subject=f"node {new}",
        change=Change.UPDATE,
        why="it takes over the old node's labels",
        steps=(Docker("node.update", {"id": node.id, "labels": labels}),),
        before={"labels": dict(node.labels)},
        after_={"labels": labels},
        commands=(f"docker node update {words} {new}",),
    )


def _ordered(join: list[Action], leave: list[Action], old: Subject, new: str) -> Iterator[Action]:
    dead = old.node.role == "manager" and not votes(old.node)
    first, second = (leave, join) if dead else (join, leave)
    ends = frozenset(a.id for a in first)
    gone = frozenset(a.id for a in leave if a.id.endswith(removed_id(old.name)))
    every = {a.id for a in (*join, *leave)}
    for action in (*first, *second):
        before = ends if not dead and action in leave else frozenset[str]()
        if dead and action.id == member_id(new):
            before = gone
        yield replace(action, after=(action.after | before) & every)


def _notes(context: Context, old: Subject, deed: Replacement) -> Iterator[str]:
    yield f"{deed.new} takes over the role ({old.node.role}) and the labels of {deed.old}"
    if not old.answers:
        yield left_behind(context, deed.old, old.node)
    inventory = [f"take {deed.old} out"] if deed.old in context.observed.hosts else []
    inventory += [f"write `role: {old.node.role}` under {deed.new}"]
    yield f"in the inventory: {' and '.join(inventory)}, or the next up changes it back"
