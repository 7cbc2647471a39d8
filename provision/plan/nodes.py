"""What `swarmlay node …` would do: one node drained, promoted, removed, replaced. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from provision.errors import UsageError
from provision.model.actions import Action, Blocked, Change, Docker, Plan
from provision.model.context import Context
from provision.model.departure import (
    asked,
    demoted,
    departed_host,
    departures,
    drained,
    is_it,
    runs_on,
)
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.labels import HOST
from provision.model.observed import HostFacts, NodeFact
from provision.model.quorum import Quorum
from provision.plan.changing import on_host
from provision.plan.departed import left_behind
from provision.plan.moving import immovable, stays
from provision.resources.nodes.roles import promoted
from provision.resources.swarm.refusals import cluster_refused

Verb: TypeAlias = Literal["drain", "activate", "promote", "demote", "remove"]
VERBS: tuple[Verb, ...] = get_args(Verb)


@dataclass(frozen=True, slots=True)
class NodeDeed:
    """One of `node`'s verbs on one host.

    Attributes:
        force: (remove) also a node whose host is dead, or whose tasks cannot move.
    """

    verb: Verb
    host: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """The node that is meant: its host, Swarm's record, and what the host says if it answers."""

    host: Host
    node: NodeFact
    facts: HostFacts | None

    @property
    def name(self) -> str:
        """The host's name."""
        return self.host.name

    @property
    def answers(self) -> bool:
        """Whether the host can be asked and is this node."""
        return is_it(self.facts, self.node)


def plan_deed(context: Context, deed: NodeDeed) -> Plan:
    """The plan of one verb; empty where it is so already.

    Raises:
        UsageError: there is no such host, or it is no node.
    """
    if refusal := no_cluster(context):
        return Plan(context.cluster_name, blocked=(refusal,))
    subject = find(context, deed.host)
    if subject is None:
        if deed.verb == "remove" and deed.host in context.observed.hosts:
            return Plan(context.cluster_name, notes=(f"{deed.host} is not a node",))
        raise UsageError(
            f"{deed.host} is not a node of cluster {context.cluster_name}",
            hint=f"nodes: {', '.join(_names(context)) or 'none'}",
        )
    blocked = tuple(_REFUSALS[deed.verb](context, subject, deed))
    if blocked:
        return Plan(context.cluster_name, blocked=blocked)
    actions = tuple(_DEEDS[deed.verb](context, subject))
    planned = {a.id for a in actions}
    return Plan(
        context.cluster_name,
        actions=tuple(replace(a, after=a.after & planned) for a in actions),
        notes=tuple(_NOTES[deed.verb](context, subject)),
    )


def no_cluster(context: Context) -> Blocked | None:
    """Why there is no cluster of ours to change, if so."""
    if context.observed.cluster == Known(None):
        return Blocked("", "there is no swarm yet", hint="run `swarmlay up`", exit_code=4)
    return next(iter(cluster_refused(context)), None)


def find(context: Context, name: str) -> Subject | None:
    """The node of a host of the inventory, or of one that left it."""
    if gone := context.departed().get(name):
        host = departed_host(context.inventory, name, gone)
        return Subject(host, gone, context.observed.departed.get(name))
    if name not in context.observed.hosts:
        return None
    facts = context.facts(name)
    node = context.node(name) or _labelled(context, name)
    return Subject(context.inventory.host(name), node, facts) if node else None


def _labelled(context: Context, name: str) -> NodeFact | None:
    nodes = context.cluster.nodes if context.cluster else ()
    return next((n for n in nodes if n.labels.get(HOST) == name), None)


def _names(context: Context) -> list[str]:
    return [n for n in (*context.observed.hosts, *context.departed()) if find(context, n)]


# What is refused -------------------------------------------------------------------------------


def _nothing(context: Context, subject: Subject, deed: NodeDeed) -> Iterator[Blocked]:
    del context, subject, deed
    yield from ()


def _promotable(context: Context, subject: Subject, deed: NodeDeed) -> Iterator[Blocked]:
    del context, deed
    if subject.node.state != "ready":
        yield Blocked(
            subject.name,
            f"its node is {subject.node.state}: as a manager it would only cost the quorum",
            hint="bring it back first",
            exit_code=4,
        )


def _demotable(context: Context, subject: Subject, deed: NodeDeed) -> Iterator[Blocked]:
    node, cluster = subject.node, context.cluster
    if node.role != "manager" or cluster is None:
        return
    left = Quorum.of(cluster.nodes).without(node)
    if not left.kept:
        yield Blocked(
            subject.name,
            f"{'demoting' if deed.verb == 'demote' else 'removing'} it would lose the quorum: "
            f"{left.words()}",
            hint="promote or bring back another manager first",
            exit_code=4,
        )


def _removable(context: Context, subject: Subject, deed: NodeDeed) -> Iterator[Blocked]:
    yield from _demotable(context, subject, deed)
    if deed.force:
        return
    if not subject.answers:
        yield Blocked(
            subject.name,
            f"{silence(subject)}; what swarmlay made there would stay",
            hint=f"swarmlay node remove --force {subject.name} removes its node all the same",
            exit_code=3,
        )
    elif stuck := tuple(immovable(context, subject.node)):
        yield Blocked(
            subject.name,
            "; ".join(stuck),
            hint="make room for them elsewhere, or --force removes the node all the same",
            exit_code=4,
        )


def silence(subject: Subject) -> str:
    """Why the host cannot be asked to leave by itself."""
    facts = subject.facts
    if facts is None:
        return f"it cannot be reached at {subject.node.address}"
    if isinstance(facts.reachable, Unknown):
        return f"it cannot be reached: {facts.reachable.reason}"
    return "the host says that it is not this node"


# What is done ----------------------------------------------------------------------------------


def _drain(context: Context, subject: Subject) -> Iterator[Action]:
    node, tasks = subject.node, context.cluster.tasks if context.cluster else ()
    if node.availability != "drain" or any(runs_on(t, node) for t in tasks):
        yield drained(context, subject.name, node, "asked for")


def _activate(context: Context, subject: Subject) -> Iterator[Action]:
    node, by = subject.node, asked(context, subject.name)
    if node.availability == "active":
        return
    yield Action(
        id=f"{by}:nodes:{subject.name}:active",
        host=by,
        resource="nodes",
        subject=f"node {subject.name}",
        change=Change.UPDATE,
        why="asked for",
        steps=(Docker("node.update", {"id": node.id, "availability": "active"}),),
        before={"availability": node.availability},
        after_={"availability": "active"},
        commands=(f"docker node update --availability active {subject.name}",),
    )


def _promote(context: Context, subject: Subject) -> Iterator[Action]:
    if subject.node.role != "manager":
        yield replace(promoted(context, subject.name, subject.node), why="asked for")


def _demote(context: Context, subject: Subject) -> Iterator[Action]:
    if subject.node.role == "manager":
        yield demoted(context, subject.name, subject.node, "asked for")


def leaving(context: Context, subject: Subject, why: str) -> Iterator[Action]:
    """Everything that takes a node out and leaves nothing of ours on its host."""
    facts = subject.facts if subject.answers else None
    if facts is not None:
        yield from on_host(context, subject.host, facts, why)
    for action in departures(context, subject.host, subject.node, facts, why):
        # What cannot move was said, and --force was given, before it came to this.
        stuck = action.id.endswith(":drain") and any(immovable(context, subject.node))
        yield replace(action, lax=True) if stuck else action


def _remove(context: Context, subject: Subject) -> Iterator[Action]:
    return leaving(context, subject, "asked for")


# What is said ----------------------------------------------------------------------------------


def _said_of_drain(context: Context, subject: Subject) -> Iterator[str]:
    yield from (f"{subject.name}: {words}" for words in stays(context, subject.node))
    alone = subject.facts.containers if subject.facts else Unknown("not asked")
    if isinstance(alone, Unknown):
        return
    names = [c.name for c in alone.value if context.owns(c.labels) and c.state == "running"]
    if names:
        yield f"{subject.name}: containers outside Swarm go on there: {', '.join(names)}"


def _said_of_role(context: Context, subject: Subject) -> Iterator[str]:
    """The inventory has the last word: the next `up` would take the change back."""
    becomes = "worker" if subject.node.role == "manager" else "manager"
    if subject.name in context.observed.hosts and subject.host.role != becomes:
        yield (
            f"the inventory still makes {subject.name} a {subject.host.role}: "
            f"write `role: {becomes}` there, or the next up changes it back"
        )
    managers = Quorum.of(context.cluster.nodes if context.cluster else ()).managers
    count = managers + (1 if becomes == "manager" else -1)
    if count % 2 == 0:
        yield f"{count} managers bear no more failures than {count - 1}: an odd number is better"


def _said_of_removal(context: Context, subject: Subject) -> Iterator[str]:
    yield from (f"{subject.name}: {words}" for words in stays(context, subject.node))
    if not subject.answers:
        yield left_behind(context, subject.name, subject.node)
    if subject.name in context.observed.hosts:
        yield f"take {subject.name} out of the inventory, too: the next up would let it join again"


def _silent(context: Context, subject: Subject) -> Iterator[str]:
    del context, subject
    yield from ()


_REFUSALS: Mapping[Verb, Callable[[Context, Subject, NodeDeed], Iterable[Blocked]]] = (
    MappingProxyType(
        {
            "drain": _nothing,
            "activate": _nothing,
            "promote": _promotable,
            "demote": _demotable,
            "remove": _removable,
        }
    )
)
_DEEDS: Mapping[Verb, Callable[[Context, Subject], Iterable[Action]]] = MappingProxyType(
    {
        "drain": _drain,
        "activate": _activate,
        "promote": _promote,
        "demote": _demote,
        "remove": _remove,
    }
)
_NOTES: Mapping[Verb, Callable[[Context, Subject], Iterable[str]]] = MappingProxyType(
    {
        "drain": _said_of_drain,
        "activate": _silent,
        "promote": _said_of_role,
        "demote": _said_of_role,
        "remove": _said_of_removal,
    }
)
