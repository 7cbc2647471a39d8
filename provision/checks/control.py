"""Swarm's own view: every host a Ready node of one cluster, and a majority of managers."""

from provision.model.facts import Known, Unknown
from provision.model.findings import Cell, State
from provision.model.observed import Cluster, HostFacts, NodeFact, ObservedState

LAYER = "control"


def cells(observed: ObservedState) -> tuple[Cell, ...]:
    """One cell a host, and one for the managers."""
    if isinstance(observed.cluster, Unknown):
        reason = observed.cluster.reason
        return (_cell("", "swarm", State.UNKNOWN, "a manager answers", reason=reason),)
    cluster = observed.cluster.value
    if cluster is None:
        why = "no manager of the inventory is in a swarm"
        return (_cell("", "swarm", State.FAILED, "a swarm", reason=why),)
    nodes = (_node(facts, cluster) for facts in observed.hosts.values())
    return (_quorum(cluster), *nodes)


def _quorum(cluster: Cluster) -> Cell:
    managers = [n for n in cluster.nodes if n.role == "manager"]
    up = [n for n in managers if n.leader or n.reachability != "unreachable"]
    found = f"{len(up)} of {len(managers)} managers reachable"
    ok = 2 * len(up) > len(managers)
    return _cell(
        "",
        "quorum",
        State.OK if ok else State.FAILED,
        "a majority of the managers is reachable",
        found=found,
        reason="" if ok else found,
    )


def _node(facts: HostFacts, cluster: Cluster) -> Cell:
    expected = "its node is Ready"
    if isinstance(facts.swarm, Unknown):
        return _cell(facts.host, "node", State.UNKNOWN, expected, reason=facts.swarm.reason)
    membership = facts.swarm.value
    if membership is None or membership.state != "active":
        said = "inactive" if membership is None else membership.state
        why = f"it is not in the swarm (state {said})"
        return _cell(facts.host, "node", State.FAILED, expected, found=said, reason=why)
    problem = _problem(cluster.node(membership.node_id))
    found = problem or "ready"
    state = State.FAILED if problem else State.OK
    return _cell(facts.host, "node", state, expected, found=found, reason=problem)


def _problem(node: NodeFact | None) -> str:
    if node is None:
        return "the manager does not know this node: it is in another swarm, or was removed"
    return "" if node.state == "ready" else f"the manager says its node is {node.state}"


def ready(observed: ObservedState) -> tuple[str, ...]:
    """Hosts that are nodes of the cluster, ready and active: where containers may be asked of."""
    if not isinstance(observed.cluster, Known) or observed.cluster.value is None:
        return ()
    cluster = observed.cluster.value
    return tuple(f.host for f in observed.hosts.values() if _usable(f, cluster))


def _usable(facts: HostFacts, cluster: Cluster) -> bool:
    if not isinstance(facts.swarm, Known) or facts.swarm.value is None:
        return False
    node = cluster.node(facts.swarm.value.node_id)
    return node is not None and node.state == "ready" and node.availability == "active"


def _cell(
    host: str, probe: str, state: State, expected: str, *, found: str = "", reason: str = ""
) -> Cell:
    subject = host or "swarm"
    return Cell(
        LAYER, subject, probe, host, host, state, expected=expected, found=found, reason=reason
    )
