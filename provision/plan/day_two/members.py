"""Who is who in an observed cluster, for verbs that work on one that is there."""

from collections.abc import Iterator

from provision.model.actions import Blocked, Docker, Ref, Step, Wait
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, Inventory
from provision.model.observed import Cluster, Membership, NodeFact, ObservedState
from provision.model.quorum import votes

UNLOCK_KEY = Ref("unlock key", secret=True)


def refused(observed: ObservedState) -> Blocked | None:
    """Why nothing can be done: there is no cluster, or it cannot be asked."""
    fact = observed.cluster
    if isinstance(fact, Unknown):
        return Blocked("", fact.reason, hint="`swarmlay status` shows who answers", exit_code=4)
    if fact.value is None:
        return Blocked("", "there is no swarm yet", hint="run `swarmlay up`", exit_code=4)
    return None


def cluster_of(observed: ObservedState) -> Cluster:
    """The cluster; ask `refused` before."""
    assert isinstance(observed.cluster, Known)  # noqa: S101 - refused() said so
    assert observed.cluster.value is not None  # noqa: S101 - refused() said so
    return observed.cluster.value


def membership(observed: ObservedState, host: str) -> Membership | None:
    """What the host's engine says of its swarm; None where that is not known."""
    facts = observed.hosts.get(host)
    fact = facts.swarm if facts else Unknown("not asked")
    return fact.value if isinstance(fact, Known) else None


def nodes(inventory: Inventory, observed: ObservedState) -> dict[str, NodeFact]:
    """The node of each host that is one, in the inventory's order."""
    cluster, found = cluster_of(observed), {}
    for host in inventory.hosts:
        member = membership(observed, host.name)
        node = cluster.node(member.node_id) if member and member.node_id else None
        if node is not None:
            found[host.name] = node
    return found


def dead(inventory: Inventory, observed: ObservedState) -> Iterator[Blocked]:
    """Hosts that cannot be reached."""
    for host in inventory.hosts:
        facts = observed.hosts[host.name]
        if isinstance(facts.reachable, Unknown):
            yield Blocked(
                host.name,
                facts.reachable.reason,
                hint=facts.unreachable_hint,
                exit_code=facts.unreachable_exit,
            )


def asked_for(host: str, inventory: Inventory, found: dict[str, NodeFact]) -> str:
    """The manager that is asked about *host*: the first that is not itself, if there is one."""
    others = (h.name for h in inventory.hosts if h.name in found and votes(found[h.name]))
    return next((name for name in others if name != host), host)


def autolocked(observed: ObservedState) -> bool:
    """Whether managers are locked when they restart."""
    spec = cluster_of(observed).raw.get("Spec") or {}
    return bool((spec.get("EncryptionConfig") or {}).get("AutoLockManagers"))


def key_read(observed: ObservedState) -> tuple[Step, ...]:
    """The unlock key is fetched, into memory only, where a manager will need it."""
    return (Docker("swarm.unlock_key", captures=UNLOCK_KEY),) if autolocked(observed) else ()


def awake(observed: ObservedState, node: NodeFact) -> tuple[Step, ...]:
    """On the host, after its engine restarted: unlocked where that is needed, and a member."""
    manager = node.role == "manager"
    unlock = Docker("swarm.unlock", {"key": UNLOCK_KEY}, timeout=90)
    locked = (unlock,) if manager and autolocked(observed) else ()
    active = Docker("swarm.is_active", {"role": "manager"} if manager else {})
    return (*locked, Wait(active, timeout=120, why="the node to be a member again", every=0.5))


def is_limited(host: Host, limit: frozenset[str] | None) -> bool:
    """Whether ``--limit`` leaves the host out."""
    return limit is not None and host.name not in limit
