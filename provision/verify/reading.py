"""Reads from all engines what expectations are judged against."""

from collections.abc import Mapping, Sequence
from typing import Any

from provision.checks.expectations import World
from provision.model.facts import known_or
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.verify import prober
from provision.verify.crew import Crew

_EVERYWHERE = {"containers": "/containers/json?all=1", "networks": "/networks"}
_ON_LEAD = {"nodes": "/nodes", "services": "/services", "tasks": "/tasks"}


def world(crew: Crew, inventory: Inventory, observed: ObservedState, timeout: float) -> World:
    """The world now; hosts that do not answer are named in its problems."""
    cluster = known_or(observed.cluster, None)
    lead = cluster.lead if cluster is not None else ""
    hosts = [h.name for h in inventory.hosts if h.name not in crew.lost]
    paths = {h: _EVERYWHERE | (_ON_LEAD if h == lead else {}) for h in hosts}
    said = prober.read(crew, paths, timeout)
    members = {h: known_or(f.swarm, None) for h, f in observed.hosts.items()}
    return World(
        inventory,
        {h: _list(replies, "containers") for h, replies in said.items()},
        {h: _list(replies, "networks") for h, replies in said.items()},
        _list(said.get(lead, {}), "nodes"),
        _list(said.get(lead, {}), "services"),
        _list(said.get(lead, {}), "tasks"),
        {m.node_id: h for h, m in members.items() if m is not None},
        {h: m.node_address for h, m in members.items() if m is not None},
        dict(crew.lost) | {h: why for h, r in said.items() if (why := r["containers"].problem)},
    )


def _list(replies: Mapping[str, prober.Reply], tag: str) -> Sequence[Mapping[str, Any]]:
    reply = replies.get(tag)
    return reply.data or () if reply is not None else ()
