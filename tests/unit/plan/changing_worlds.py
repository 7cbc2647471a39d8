"""Worlds in which nodes come, go and change roles."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from provision.model.actions import Action, Docker, Plan, Wait
from provision.model.facts import Known
from provision.model.inventory import Inventory
from provision.model.observed import Cluster, NodeFact, ObservedState, ServiceFact, TaskFact
from tests.unit.plan.worlds import host


def of(**roles: str) -> Inventory:
    """An inventory of these hosts, addressed in their order."""
    hosts = tuple(host(n, r, f"10.9.0.{i}") for i, (n, r) in enumerate(roles.items(), 1))
    return Inventory(cluster="demo", hosts=hosts, path="inventory/demo.yml")


THREE = {"m1": "manager", "m2": "manager", "m3": "manager", "w1": "worker"}


def cluster_of(world: ObservedState) -> Cluster:
    """The cluster that is known."""
    assert isinstance(world.cluster, Known)
    assert world.cluster.value is not None
    return world.cluster.value


def with_cluster(world: ObservedState, **changes: Any) -> ObservedState:
    """The same world, its cluster changed."""
    return replace(world, cluster=Known(replace(cluster_of(world), **changes)))


def with_nodes(world: ObservedState, changes: Mapping[str, Mapping[str, Any]]) -> ObservedState:
    """The same world, records of hosts changed."""
    nodes = tuple(replace(n, **changes.get(n.hostname, {})) for n in cluster_of(world).nodes)
    return with_cluster(world, nodes=nodes)


def with_record(world: ObservedState, *more: NodeFact) -> ObservedState:
    """The same world with records more."""
    return with_cluster(world, nodes=(*cluster_of(world).nodes, *more))


DEAD = {"state": "down", "reachability": "unreachable"}


def without_host(world: ObservedState, name: str) -> ObservedState:
    """The same world, as observed over an inventory that does not name a host any more."""
    return replace(world, hosts={n: f for n, f in world.hosts.items() if n != name})


def service(
    name: str, *, mode: Mapping[str, Any] | None = None, constraints: Iterable[str] = ()
) -> ServiceFact:
    """A service of ours."""
    template = {"Placement": {"Constraints": list(constraints)}}
    spec = {"Mode": mode or {"Replicated": {"Replicas": 1}}, "TaskTemplate": template}
    return ServiceFact(f"id-{name}", name, {"io.swarmlay.cluster": "demo"}, spec)


def running(world: ObservedState, where: str, *services: ServiceFact) -> ObservedState:
    """The same world with one task of each service on a host."""
    tasks = tuple(
        TaskFact(f"task-{s.name}", s.id, f"node-{where}", 1, "running", "running") for s in services
    )
    return with_cluster(world, services=services, tasks=tasks)


def action(plan: Plan, ending: str) -> Action:
    """The action whose id ends so."""
    return next(a for a in plan.actions if a.id.endswith(ending))


def operations(one: Action) -> list[str]:
    """What an action asks engines for, in its order."""
    asked = [s.predicate if isinstance(s, Wait) else s for s in one.steps]
    return [str(a.operation) for a in asked if isinstance(a, Docker)]
