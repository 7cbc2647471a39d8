"""The Engine API's answers about a cluster, as facts."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from provision.model.labels import SALT
from provision.model.observed import (
    Cluster,
    NetworkFact,
    NodeFact,
    ServiceFact,
    StoredFact,
    TaskFact,
)
from provision.model.secret_text import SecretText


def cluster(lead: str, answers: Mapping[str, Any]) -> Cluster:
    """The cluster from the answers to ``swarm.inspect`` and the lists of a manager."""
    swarm = answers["swarm.inspect"]
    labels = swarm["Spec"].get("Labels") or {}
    return Cluster(
        lead=lead,
        id=swarm["ID"],
        labels={k: v for k, v in labels.items() if k != SALT},
        nodes=tuple(map(node, answers["node.list"])),
        networks=tuple(map(network, answers["network.list"])),
        services=tuple(map(service, answers["service.list"])),
        tasks=tuple(map(task, answers["task.list"])),
        configs=tuple(map(stored, answers["config.list"])),
        secrets=tuple(map(stored, answers["secret.list"])),
        salt=SecretText(labels.get(SALT, "")),
        raw={key: value for key, value in swarm.items() if key != "JoinTokens"},
    )


def node(found: Mapping[str, Any]) -> NodeFact:
    """One of ``/nodes``."""
    spec, description, status = found["Spec"], found.get("Description") or {}, found["Status"]
    manager = found.get("ManagerStatus") or {}
    return NodeFact(
        id=found["ID"],
        hostname=description.get("Hostname", ""),
        role=spec["Role"],
        availability=spec["Availability"],
        state=status["State"],
        address=_address(status.get("Addr", ""), manager.get("Addr", "")),
        leader=bool(manager.get("Leader")),
        manager_address=manager.get("Addr", ""),
        reachability=manager.get("Reachability", ""),
        labels=spec.get("Labels") or {},
        engine_version=(description.get("Engine") or {}).get("EngineVersion", ""),
    )


def _address(seen: str, manager: str) -> str:
    """The node's address; the only manager of a swarm is seen as 0.0.0.0, or as nothing."""
    try:
        unspecified = not seen or ipaddress.ip_address(seen).is_unspecified
    except ValueError:
        unspecified = False
    return manager.rpartition(":")[0].strip("[]") if unspecified and manager else seen


def network(found: Mapping[str, Any]) -> NetworkFact:
    """One of ``/networks``."""
    pools = (found.get("IPAM") or {}).get("Config") or ()
    return NetworkFact(
        id=found["Id"],
        name=found["Name"],
        driver=found.get("Driver", ""),
        scope=found.get("Scope", ""),
        attachable=bool(found.get("Attachable")),
        internal=bool(found.get("Internal")),
        subnets=tuple(pool["Subnet"] for pool in pools if pool.get("Subnet")),
        options=found.get("Options") or {},
        labels=found.get("Labels") or {},
        raw=found,
    )


def stored(found: Mapping[str, Any]) -> StoredFact:
    """One of ``/configs`` or ``/secrets``."""
    spec = found["Spec"]
    return StoredFact(id=found["ID"], name=spec["Name"], labels=spec.get("Labels") or {})


def service(found: Mapping[str, Any]) -> ServiceFact:
    """One of ``/services``."""
    return ServiceFact(
        id=found["ID"],
        name=found["Spec"]["Name"],
        labels=found["Spec"].get("Labels") or {},
        spec=found["Spec"],
        endpoint=found.get("Endpoint") or {},
        update_state=(found.get("UpdateStatus") or {}).get("State", ""),
    )


def task(found: Mapping[str, Any]) -> TaskFact:
    """One of ``/tasks``."""
    status = found.get("Status") or {}
    return TaskFact(
        id=found["ID"],
        service_id=found.get("ServiceID", ""),
        node_id=found.get("NodeID", ""),
        slot=found.get("Slot", 0),
        state=status.get("State", ""),
        desired_state=found.get("DesiredState", ""),
        error=status.get("Err", ""),
        message=status.get("Message", ""),
        container_id=(status.get("ContainerStatus") or {}).get("ContainerID", ""),
    )
