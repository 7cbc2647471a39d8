"""plan: the difference between what is wanted and what is, as a value. Pure; refuses to guess."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provision.model.actions import Action, AdvertisedAddress, Blocked, Plan
from provision.model.context import Context, PlanOptions, Resource
from provision.model.desired import DesiredState
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, Inventory
from provision.model.observed import ObservedState
from provision.plan.addresses import choose
from provision.plan.asleep import asleep_notes, may_not_know, sleeping, woken
from provision.plan.changing import cleared, lead_demoted_last, refused_leaving, staying_lead
from provision.plan.nodes import NodeDeed, find, plan_deed
from provision.plan.notes import notes
from provision.plan.objects import OBJECTS, before_hosts, kept_volumes
from provision.plan.pools import choose_pool
from provision.plan.replacing import Replacement, replacement
from provision.plan.residue import keeps_swarm, residue
from provision.resources import RESOURCES

__all__ = [
    "NodeDeed",
    "PlanOptions",
    "Replacement",
    "is_node",
    "plan_down",
    "plan_node",
    "plan_replacement",
    "plan_up",
    "residue",
]


def plan_up(
    inventory: Inventory,
    desired: DesiredState,
    observed: ObservedState,
    options: PlanOptions | None = None,
) -> Plan:
    """What `up` would do.

    A host that could not be asked, or that a resource refuses, is left out and named in
    ``blocked``; what blocks the cluster (host "") leaves nothing but the hosts' own preparations.
    """
    options = options or PlanOptions()
    reachable, dead = _reachable(inventory, observed)
    chosen = choose(reachable, observed.hosts, desired.swarm.advertise) if reachable else ()
    context = _context(inventory, desired, observed, options, reachable, chosen=chosen)
    asleep = sleeping(context)
    context, blocked = _unblocked(context, asleep)
    first = woken(context, asleep)
    wanted = (a for r in RESOURCES for a in r.wanted(context))
    actions = _linked([*first, *wanted, *cleared(context)])
    actions = lead_demoted_last(actions, context)
    return Plan(
        cluster=inventory.cluster,
        actions=_limited(actions, options.limit),
        blocked=(*dead, *blocked),
        notes=(*notes(context), *asleep_notes(asleep)),
        addresses=chosen,
        asleep=tuple(h.name for h in asleep),
    )


def plan_down(
    inventory: Inventory,
    desired: DesiredState,
    observed: ObservedState,
    options: PlanOptions | None = None,
) -> Plan:
    """What `down` would do: everything of ours, or only what the given playbooks name.

    Teardown goes on around failures: the more is removed, the better.
    """
    options = options or PlanOptions()
    reachable, dead = _reachable(inventory, observed)
    context = _context(inventory, desired, observed, options, reachable)
    context = replace(context, lead=staying_lead(context))
    if refused := tuple(refused_leaving(context)):
        return Plan(cluster=inventory.cluster, blocked=(*dead, *refused))
    actions = [a for r in _teardown(desired) for a in r.unwanted(context)]
    ordered = _linked(replace(a, lax=True) for a in before_hosts(actions))
    return Plan(
        cluster=inventory.cluster,
        actions=_limited(ordered, options.limit),
        blocked=dead,
        notes=(*_down_notes(inventory, desired, observed), *kept_volumes(context)),
    )


def plan_node(inventory: Inventory, observed: ObservedState, deed: NodeDeed) -> Plan:
    """What one of `node`'s verbs would do.

    Raises:
        UsageError: there is no such node.
    """
    return plan_deed(_plain(inventory, observed), deed)


def is_node(inventory: Inventory, observed: ObservedState, host: str) -> bool:
    """Whether a host, of the inventory or departed, is a node of the cluster."""
    return find(_plain(inventory, observed), host) is not None


def plan_replacement(
    inventory: Inventory, desired: DesiredState, observed: ObservedState, deed: Replacement
) -> Plan:
    """What `node replace OLD NEW` would do.

    Raises:
        UsageError: there is no such node, or no such host.
    """

    def up(changed: Inventory) -> Plan:
        options = PlanOptions(limit=frozenset({deed.new}))
        return plan_up(changed, desired, observed, options)

    return replacement(_plain(inventory, observed), deed, up)


def _plain(inventory: Inventory, observed: ObservedState) -> Context:
    reachable, _ = _reachable(inventory, observed)
    return _context(inventory, DesiredState(), observed, PlanOptions(), reachable)


def _down_notes(
    inventory: Inventory, desired: DesiredState, observed: ObservedState
) -> tuple[str, ...]:
    kept = "" if desired.playbooks else keeps_swarm(inventory, observed)
    return (f"the swarm itself stays: {kept}",) if kept else ()


def _teardown(desired: DesiredState) -> Sequence[Resource]:
    rest = () if desired.playbooks else ("swarm", "ports", "engine")
    by_name = {r.name: r for r in RESOURCES}
    return [by_name[n] for n in (*OBJECTS, *rest)]


def _reachable(
    inventory: Inventory, observed: ObservedState
) -> tuple[tuple[Host, ...], tuple[Blocked, ...]]:
    reachable, dead = [], []
    for host in inventory.hosts:
        facts = observed.hosts[host.name]
        if isinstance(facts.reachable, Unknown):
            dead.append(
                Blocked(
                    host.name,
                    facts.reachable.reason,
                    hint=facts.unreachable_hint,
                    exit_code=facts.unreachable_exit,
                )
            )
        else:
            reachable.append(host)
    return tuple(reachable), tuple(dead)


def _context(
    inventory: Inventory,
    desired: DesiredState,
    observed: ObservedState,
    options: PlanOptions,
    hosts: tuple[Host, ...],
    *,
    chosen: tuple[AdvertisedAddress, ...] = (),
) -> Context:
    context = Context(
        inventory=inventory,
        desired=desired,
        observed=observed,
        hosts=hosts,
        addresses={a.host: a.address for a in chosen},
        founding=observed.cluster == Known(None),
        pool=_pool(desired, observed, hosts),
        options=options,
    )
    return replace(context, lead=_lead(context))


def _lead(context: Context) -> str | None:
    """The first manager that is to stay one; without any, the one that was asked."""
    if isinstance(context.observed.cluster, Unknown):
        return None
    cluster, managers = context.cluster, context.inventory.managers
    if cluster is None:
        return managers[0].name if managers else None
    staying = (h.name for h in context.hosts if h.is_manager and _leads(context, h.name))
    return next(staying, cluster.lead)


def _leads(context: Context, host: str) -> bool:
    membership = context.membership(host)
    return bool(membership and membership.manager and context.is_member(host))


def _pool(
    desired: DesiredState, observed: ObservedState, hosts: tuple[Host, ...]
) -> tuple[str, ...]:
    if desired.swarm.default_addr_pool is not None:
        return tuple(desired.swarm.default_addr_pool)
    if observed.cluster != Known(None):
        return ()
    return choose_pool(observed.hosts[h.name] for h in hosts)


def _unblocked(context: Context, asleep: tuple[Host, ...]) -> tuple[Context, tuple[Blocked, ...]]:
    """Ask every resource what it refuses, and leave those hosts out.

    What blocks the cluster, or the host that would found it, leaves no lead: hosts are prepared
    (engine, ports), and nothing is initialised or joined.
    """
    names = may_not_know(context, asleep)
    found = [b for r in RESOURCES for b in r.blocked(context) if b.host not in names]
    blocked = {b.host: b for b in reversed(found)}
    lead = None if "" in blocked or context.lead in blocked else context.lead
    hosts = tuple(h for h in context.hosts if h.name not in blocked and h not in asleep)
    ordered = tuple(b for b in found if blocked[b.host] is b)
    return replace(context, hosts=hosts, lead=lead), ordered


def _linked(actions: Iterable[Action]) -> tuple[Action, ...]:
    """The same, without dependencies on what is not planned."""
    made = tuple(actions)
    planned = {a.id for a in made}
    return tuple(replace(a, after=a.after & planned) for a in made)


def _limited(actions: tuple[Action, ...], limit: frozenset[str] | None) -> tuple[Action, ...]:
    """Only the limited hosts are changed; their peers' firewalls and reads stay."""
    if limit is None:
        return actions
    kept = [a for a in actions if a.host in limit or _shared(a, limit)]
    needed = {i for a in kept if a.resource in ("swarm", "nodes") for i in a.after}
    return _linked(a for a in kept if a.id in needed or not _only_for_joins(a))


def _only_for_joins(action: Action) -> bool:
    """What is done so that somebody may join: not for hosts that the limit leaves out."""
    return action.resource == "underlay" or action.id.endswith(":swarm:tokens")


_SHARED = frozenset({"ports", "underlay"})


def _shared(action: Action, limit: frozenset[str]) -> bool:
    """What others do for a limited host: let it in, tell tokens, keep its node's record."""
    if action.resource == "nodes":
        return action.id.split(":")[2] in limit
    return action.resource in _SHARED or action.id.endswith(":swarm:tokens")
