"""What Swarm's record of each host says: labels, role; no dead doubles, nobody who has left."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provision.model.actions import Action, Blocked, Change
from provision.model.context import Context, member_id
from provision.model.departure import (
    demoted,
    departed_host,
    departures,
    former_id,
    removal,
    removed_id,
)
from provision.model.facts import Known
from provision.model.labels import MACHINE
from provision.model.observed import NodeFact
from provision.model.quorum import counts
from provision.resources.nodes.records import record
from provision.resources.nodes.roles import changes, refused


class Nodes:
    """Labels and roles of nodes follow the inventory; labels set by hand stay."""

    name = "nodes"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """A role change or a removal that would lose the quorum is refused, with the numbers."""
        return refused(context)

    def wanted(self, context: Context) -> Iterable[Action]:
        """One action for each node whose record differs, one for each change of role."""
        if context.lead is None:
            return
        yield from _former(context)
        for host in context.hosts:
            if action := record(context, host):
                yield action
        yield from changes(context)
        if context.options.prune:
            yield from _pruned(context)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Nodes go with the swarm."""
        del context
        return ()


def _former(context: Context) -> Iterator[Action]:
    """Records of hosts that are other nodes by now, or none."""
    for host in context.hosts:
        for node in context.former(host.name):
            yield from _forget(context, host.name, node)


def _forget(context: Context, name: str, node: NodeFact) -> Iterator[Action]:
    lead, why = str(context.lead), _history(context, name, node)
    before: frozenset[str] = frozenset()
    if counts(node):
        demotion = demoted(context, name, node, why)
        yield replace(demotion, id=f"{lead}:{former_id(name, node)}:role", host=lead)
        before = frozenset({f"{lead}:{former_id(name, node)}:role"})
    if context.is_member(name):
        before |= {member_id(name)}
    yield Action(
        id=f"{lead}:{former_id(name, node)}",
        host=lead,
        resource="nodes",
        subject=f"old record of {name}",
        change=Change.DELETE,
        why=why,
        steps=removal(context, node),
        after=before,
        commands=(f"docker node rm --force {node.id}",),
    )


def _history(context: Context, name: str, node: NodeFact) -> str:
    """What became of the host that this record was of."""
    machine, was = context.facts(name).machine_id, node.labels.get(MACHINE)
    if astray := context.astray(name):
        return f"{name} joins as a new node: {astray}"
    if was and isinstance(machine, Known) and machine.value != was:
        return f"{name} was made anew (another machine-id); this is the node it was before"
    if context.is_member(name):
        return f"{name} is Ready as another node; this one is Down for good"
    return f"{name} is not this node any more: it left, or a join failed half-way"


def _pruned(context: Context) -> Iterator[Action]:
    """Nodes of hosts that left the inventory, one after the other."""
    blocked = {b.host for b in refused(context)}
    before: frozenset[str] = frozenset()
    for name, node in context.departed().items():
        if name in blocked:
            continue
        facts = context.observed.departed.get(name)
        host = departed_host(context.inventory, name, node)
        actions = list(departures(context, host, node, facts, "its host left the inventory"))
        yield from (replace(a, after=a.after | before) for a in actions)
        before = frozenset(a.id for a in actions if a.id.endswith(removed_id(name)))
