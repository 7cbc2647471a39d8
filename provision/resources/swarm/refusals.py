"""What stands in the way of a swarm of ours, and what to do about it."""

from collections.abc import Iterator

from provision.model.actions import Blocked
from provision.model.context import SWARM_RECORD, Context
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.labels import CLUSTER
from provision.model.observed import Membership
from provision.model.quorum import Quorum

_NO_LEADER = ("does not have a leader", "too few managers are online")


def cluster_refused(context: Context) -> Iterator[Blocked]:
    """Why nothing in the swarm may be touched: it cannot be told, or it is not ours."""
    observed = context.observed.cluster
    if isinstance(observed, Unknown):
        yield _unknown(context, observed.reason)
        return
    cluster = observed.value
    if cluster is None or cluster.labels.get(CLUSTER) == context.cluster_name:
        return
    if not context.desired.swarm.adopt:
        other = cluster.labels.get(CLUSTER)
        whose = f"belongs to swarmlay's cluster {other!r}" if other else "was not made by swarmlay"
        yield Blocked(
            "",
            f"{cluster.lead} is a manager of swarm {cluster.id}, which {whose}",
            hint="to use it as it is, say `swarm: {adopt: true}` in a playbook; "
            f"to start afresh, run `docker swarm leave --force` on {cluster.lead}",
            exit_code=4,
        )


def _unknown(context: Context, reason: str) -> Blocked:
    """Nobody can say what the swarm is like: nothing in it is touched."""
    managers = context.inventory.managers
    silent = [h.name for h in managers if not _answers(context, h.name)]
    needed = len(managers) // 2 + 1
    few = len(managers) - len(silent) < needed and _was_there(context)
    if not few and not any(words in reason for words in _NO_LEADER):
        return Blocked("", reason, exit_code=3)
    missing = f" ({', '.join(silent)} cannot be asked)" if silent else ""
    return Blocked(
        "",
        f"the swarm has no quorum: {needed} of {len(managers)} managers must be up and reach one "
        f"another{missing}. What runs goes on, nothing can be changed: {reason}",
        hint="bring a manager back (start its host, or docker on it), then run again. Only if they "
        "are lost for good, on one that is left: docker swarm init --force-new-cluster "
        "--advertise-addr ITS-ADDRESS",
        exit_code=3,
    )


def _answers(context: Context, host: str) -> bool:
    return context.membership(host) is not None


def _was_there(context: Context) -> bool:
    """Whether a host is in a swarm, or was made a node of one."""
    return any(
        (m := context.membership(h.name)) is not None and m.state != "inactive"
        for h in context.hosts
    ) or any(_recorded(context, h.name) for h in context.hosts)


def host_refused(context: Context, host: Host) -> Iterator[Blocked]:
    """Why a host cannot be a node of ours."""
    fact = context.facts(host.name).swarm
    if isinstance(fact, Unknown):
        yield Blocked(host.name, f"its swarm state is unknown: {fact.reason}")
        return
    if fact.value is not None and (problem := _trouble(context, host, fact.value)):
        yield problem


def _trouble(context: Context, host: Host, membership: Membership) -> Blocked | None:
    if membership.state == "locked":
        return Blocked(
            host.name,
            "its swarm is locked (autolock) and must be unlocked first",
            hint="run `swarmlay swarm unlock`",
            exit_code=4,
        )
    if membership.state == "error" and not _removed(context, membership):
        return Blocked(
            host.name,
            f"its engine reports a swarm error: {membership.error}",
            hint=f"if the node can be given up, on {host.name}: docker swarm leave --force; "
            "then run up again",
            exit_code=4,
        )
    if membership.state == "active":
        return _other_swarm(context, host, membership) or _moved(context, host, membership)
    return None


def _removed(context: Context, membership: Membership) -> bool:
    """Whether it was a node of ours that the swarm does not know any more: it may join again."""
    cluster = context.cluster
    return (
        cluster is not None
        and context.owns(cluster.labels)
        and membership.cluster_id == cluster.id
        and cluster.node(membership.node_id) is None
    )


def _moved(context: Context, host: Host, membership: Membership) -> Blocked | None:
    """A manager with a new address joins again only if the others can do without it meanwhile."""
    old, node = context.moved(host.name), context.node(host.name)
    if not old or node is None or context.cluster is None or not membership.manager:
        return None
    left = Quorum.of(context.cluster.nodes).without(node)
    if left.kept and context.lead != host.name:
        return None
    new = context.addresses[host.name]
    return Blocked(
        host.name,
        f"its manager advertises {old}, which is on none of its interfaces any more (now {new}); "
        f"it cannot leave and join again: {left.words()}",
        hint=f"give it {old} back (a fixed lease), or on {host.name}: docker swarm init "
        f"--force-new-cluster --advertise-addr {new}; then run up again: the others join anew",
        exit_code=4,
    )


def _other_swarm(context: Context, host: Host, membership: Membership) -> Blocked | None:
    cluster = context.cluster
    if isinstance(context.observed.cluster, Unknown):
        return None  # what is not known cannot be another; the cluster itself is refused for it
    ours = cluster.id if cluster else "none yet"
    same = cluster is not None and membership.cluster_id in ("", cluster.id)
    if same and context.node(host.name) is not None:
        return None
    if cluster is not None and membership.cluster_id == cluster.id:
        return None  # removed from the swarm by hand: `_join` leaves and joins again
    if cluster is None and _recorded(context, host.name) == membership.cluster_id:
        return Blocked(
            host.name,
            f"is a node of this cluster's former swarm ({membership.cluster_id}), whose managers "
            "are in none any more",
            hint=f"if they were made anew, on {host.name}: docker swarm leave --force; then run "
            "up again",
            exit_code=4,
        )
    return Blocked(
        host.name,
        f"is a node of another swarm ({membership.cluster_id or 'id unknown'}; ours: {ours})",
        hint=f"if that swarm can do without it, on {host.name}: docker swarm leave --force",
        exit_code=4,
    )


def _recorded(context: Context, host: str) -> str:
    """The swarm that the host was made a node of, by its own note."""
    files = context.facts(host).files
    return files.value.get(SWARM_RECORD, "").strip() if isinstance(files, Known) else ""
