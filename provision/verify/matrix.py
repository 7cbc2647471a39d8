"""The check of all layers: what was observed is judged, what was not is asked between hosts."""

from collections.abc import Mapping, Sequence

from provision.checks import control, hosts, overlay
from provision.checks.underlay import UnderlayHost
from provision.errors import UsageError
from provision.model.facts import Known, Unknown, known_or
from provision.model.findings import Cell, CheckReport
from provision.model.inventory import Inventory
from provision.model.observed import Cluster, NetworkFact, ObservedState
from provision.model.session import Session
from provision.verify.between import Scene, between
from provision.verify.ports import underlay


def check(
    inventory: Inventory,
    observed: ObservedState,
    sessions: Mapping[str, Session],
    *,
    networks: Sequence[str] = (),
    timeout: float = 30.0,
) -> CheckReport:
    """Check every layer and every overlay network (or those named).

    Args:
        inventory: which hosts there should be.
        observed: fresh facts; host and control layers are read off them.
        sessions: open sessions, by host.
        networks: names of overlay networks; empty means all.
        timeout: seconds for the conversation with one host.

    Raises:
        UsageError: a network that does not exist was named.
    """
    cluster = known_or(observed.cluster, None)
    chosen = _chosen(cluster, networks)
    below = _underlay(inventory, observed, sessions, cluster, timeout)
    cells = [*hosts.cells(observed), *below, *control.cells(observed)]
    if cluster is not None:
        above = between(_scene(inventory, observed, cluster, chosen), sessions, timeout)
        cells += [overlay.explained(cell, below) for cell in above]
    unreachable = tuple(
        f.host for f in observed.hosts.values() if not isinstance(f.reachable, Known)
    )
    return CheckReport(inventory.cluster, tuple(cells), unreachable)


def _chosen(cluster: Cluster | None, names: Sequence[str]) -> tuple[NetworkFact, ...]:
    if cluster is None:
        return ()
    there = overlay.overlays(cluster)
    known = [n.name for n in there]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise UsageError(
            f"There is no overlay network {', '.join(wrong)}",
            hint=f"These there are: {', '.join(known) or 'none'}.",
        )
    return overlay.overlays(cluster, names)


def _underlay(
    inventory: Inventory,
    observed: ObservedState,
    sessions: Mapping[str, Session],
    cluster: Cluster | None,
    timeout: float,
) -> tuple[Cell, ...]:
    """The ports, between the hosts that are in the swarm."""
    if cluster is None:
        return ()
    members = [
        UnderlayHost(h.name, m.manager, m.node_address)
        for h in inventory.hosts
        if (m := known_or(observed.hosts[h.name].swarm, None)) is not None and m.node_address
    ]
    port = int(cluster.raw.get("DataPathPort") or 4789)
    no_esp = [f for f in observed.hosts.values() if _lacks_esp(observed, f.host)]
    encrypted = any(overlay.encrypted(n) for n in cluster.networks) and not no_esp
    return underlay(
        members, sessions, data_path_port=port, encrypted=encrypted, timeout=min(timeout, 10.0)
    )


def _lacks_esp(observed: ObservedState, host: str) -> bool:
    kernel = known_or(observed.hosts[host].kernel, None)
    return kernel is not None and kernel.able.get("esp") is False


def _scene(
    inventory: Inventory,
    observed: ObservedState,
    cluster: Cluster,
    networks: tuple[NetworkFact, ...],
) -> Scene:
    """Ready nodes are asked; hosts that could not be observed appear as unknown."""
    ready = frozenset(control.ready(observed))
    silent = {
        f.host: f.swarm.reason for f in observed.hosts.values() if isinstance(f.swarm, Unknown)
    }
    members = {
        h.name: known_or(observed.hosts[h.name].swarm, None)
        for h in inventory.hosts
        if h.name in ready
    }
    return Scene(
        cluster,
        networks,
        tuple(h.name for h in inventory.hosts if h.name in ready or h.name in silent),
        silent,
        {h: m.node_address for h, m in members.items() if m is not None},
        {m.node_id: h for h, m in members.items() if m is not None},
        observed.hosts,
    )
