"""Clusters that change: what plans need beyond the resources when nodes come, go or lead. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provision.model.actions import Action, Blocked
from provision.model.context import Context
from provision.model.departure import asked, departed_host, is_it, role_id
from provision.model.desired import DesiredState
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.observed import HostFacts
from provision.model.quorum import Quorum
from provision.resources import RESOURCES

_LEFT = "its host left the inventory"


def lead_demoted_last(actions: Iterable[Action], context: Context) -> tuple[Action, ...]:
    """The same, with the demotion of the lead after all that the lead is still asked to do."""
    made = tuple(actions)
    last = {a.id for a in made if a.id.endswith(f":{role_id(str(context.lead))}")}
    others = frozenset(a.id for a in made if a.id not in last)
    return tuple(replace(a, after=others) if a.id in last else a for a in made)


def cleared(context: Context) -> Iterator[Action]:
    """What is ours on departed hosts that still answer: containers, firewall rules."""
    if context.lead is None or not context.options.prune:
        return
    nodes = context.departed()
    for name, facts in context.observed.departed.items():
        if name in nodes and is_it(facts, nodes[name]):
            host = departed_host(context.inventory, name, nodes[name])
            yield from on_host(context, host, facts, _LEFT)


def on_host(context: Context, host: Host, facts: HostFacts, why: str) -> Iterator[Action]:
    """Removal of what is ours on one host that leaves the cluster."""
    alone = replace(
        context,
        desired=DesiredState(),
        observed=replace(context.observed, hosts={host.name: facts}, cluster=Known(None)),
        hosts=(host,),
        addresses={},
    )
    drained = frozenset({f"{asked(context, host.name)}:nodes:{host.name}:drain"})
    for resource in RESOURCES:
        if resource.name in ("containers", "ports"):
            for action in resource.unwanted(alone):
                yield replace(action, why=why, after=action.after | drained)


def staying_lead(context: Context) -> str | None:
    """For `down --limit`: a manager that stays, to see the others off."""
    limit = context.options.limit or frozenset()
    others = (
        h.name
        for h in context.hosts
        if h.name not in limit
        and (member := context.membership(h.name))
        and member.manager
        and context.is_member(h.name)
    )
    return next(others, context.lead)


def refused_leaving(context: Context) -> Iterator[Blocked]:
    """Managers that `down --limit` may not take out: those that stay would have no quorum."""
    limit, cluster = context.options.limit, context.cluster
    if limit is None or cluster is None or context.swarm_stays or context.desired.playbooks:
        return
    nodes = {h.name: context.node(h.name) for h in context.hosts if h.name in limit}
    managers = {name: n for name, n in nodes.items() if n is not None and n.role == "manager"}
    quorum = Quorum.of(cluster.nodes)
    if len(managers) == quorum.managers and len(cluster.nodes) == len(nodes):
        return  # the whole cluster goes
    for name, node in managers.items():
        quorum = quorum.without(node)
        if not quorum.kept:
            yield Blocked(
                name,
                f"taking it out would lose the quorum: {quorum.words()}",
                hint="promote or bring back another manager first, or take everything down",
                exit_code=4,
            )
