"""What becomes of a node's tasks when it is drained, as far as it can be foretold. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from provision.model.context import Context
from provision.model.departure import runs_on
from provision.model.observed import NodeFact, ServiceFact

_CONSTRAINT = re.compile(r"^\s*([\w.\-/]+)\s*(==|!=)\s*(.*?)\s*$")


def stays(context: Context, node: NodeFact) -> Iterator[str]:
    """What will not simply go on elsewhere, and why; a sentence each."""
    for service in _services_on(context, node):
        if "Global" in service.spec.get("Mode", {}):
            yield f"the task of global service {service.name} ends there"
            continue
        if reason := nowhere(context, service, node):
            yield f"service {service.name} cannot move: {reason}"
        if volumes := _local(service):
            yield f"service {service.name} moves, its data in {', '.join(volumes)} does not"


def immovable(context: Context, node: NodeFact) -> Iterator[str]:
    """Replicated services that no other node can take."""
    for service in _services_on(context, node):
        if "Replicated" in service.spec.get("Mode", {}) and (
            reason := nowhere(context, service, node)
        ):
            yield f"service {service.name} cannot move: {reason}"


def nowhere(context: Context, service: ServiceFact, node: NodeFact) -> str:
    """Why no other node can run a service's tasks; "" where one can, or it cannot be told."""
    nodes = context.cluster.nodes if context.cluster else ()
    others = [n for n in nodes if n.id != node.id and _takes_tasks(n)]
    if not others:
        return "no other node is ready and active"
    failed = [c for c in _constraints(service) if not any(_holds(c, n) for n in others)]
    if failed:
        return f"no other active node fulfils {' and '.join(failed)}"
    fitting = [n for n in others if all(_holds(c, n) for c in _constraints(service))]
    return "" if fitting else "no other active node fulfils all of its constraints"


def _services_on(context: Context, node: NodeFact) -> list[ServiceFact]:
    cluster = context.cluster
    if cluster is None:
        return []
    here = {t.service_id for t in cluster.tasks if runs_on(t, node)}
    return [s for s in cluster.services if s.id in here]


def _takes_tasks(node: NodeFact) -> bool:
    return node.state == "ready" and node.availability == "active"


def _template(service: ServiceFact) -> Mapping[str, Any]:
    template: Mapping[str, Any] = service.spec.get("TaskTemplate") or {}
    return template


def _constraints(service: ServiceFact) -> list[str]:
    return list((_template(service).get("Placement") or {}).get("Constraints") or ())


def _holds(constraint: str, node: NodeFact) -> bool:
    """Whether a node fulfils it, as Swarm reads it; what is not known of nodes is taken to hold."""
    found = _CONSTRAINT.match(constraint)
    value = _value(found[1], node) if found else None
    if found is None or value is None:
        return True
    return (value.lower() == found[3].lower()) == (found[2] == "==")


def _value(key: str, node: NodeFact) -> str | None:
    if key.startswith("node.labels."):
        return node.labels.get(key.removeprefix("node.labels."), "")
    plain = {"node.id": node.id, "node.hostname": node.hostname, "node.role": str(node.role)}
    return plain.get(key)


def _local(service: ServiceFact) -> list[str]:
    mounts = (_template(service).get("ContainerSpec") or {}).get("Mounts") or ()
    return [str(m.get("Source") or m.get("Target")) for m in mounts if m.get("Type") in _ON_HOST]


_ON_HOST = frozenset({"volume", "bind"})
