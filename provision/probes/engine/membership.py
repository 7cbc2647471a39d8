"""What the host's engine says of its swarm."""

from collections.abc import Mapping
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Membership
from provision.probes.engine.certificate import subject
from provision.probes.engine.http import Reply

# A node's certificate names the cluster as its organisation; a worker knows it from nowhere else.
_ORGANISATION = "2.5.4.10"


def membership(found: Mapping[str, str], info: Reply) -> Fact[Membership]:
    """The engine's own words; a silent engine that never kept swarm state is in none."""
    if info.problem and "docker-state.json" not in found:
        return Known(Membership("inactive"))
    if info.problem:
        return Unknown(f"it was in a swarm, and its engine does not answer ({info.problem})")
    return Known(_membership(info.body["Swarm"], found.get("certificates/swarm-node.crt", "")))


def _membership(swarm: Mapping[str, Any], certificate: str) -> Membership:
    state = swarm["LocalNodeState"]
    joined = state != "inactive"
    return Membership(
        state=state,
        node_id=swarm.get("NodeID", ""),
        node_address=swarm.get("NodeAddr", ""),
        cluster_id=_cluster_id(swarm, certificate) if joined else "",
        manager=bool(swarm.get("ControlAvailable")),
        error=swarm.get("Error", ""),
        remote_managers=tuple(m["Addr"] for m in swarm.get("RemoteManagers") or ()),
    )


def _cluster_id(swarm: Mapping[str, Any], certificate: str) -> str:
    told = (swarm.get("Cluster") or {}).get("ID", "")
    return told or subject(certificate).get(_ORGANISATION, "")
