"""Observed clusters with several managers, services and offers."""

from dataclasses import replace
from typing import Any

from provision.model.facts import Known
from provision.model.inventory import Inventory
from provision.model.labels import CLUSTER
from provision.model.observed import Cluster, Engine, NodeFact, ObservedState, ServiceFact, TaskFact
from provision.model.upgrades import Offer
from tests.unit.plan.worlds import SWARM_ID, bare, host, member, node, with_engine

NEWER = Offer("1.0", "2.0", "newer")
SAME = Offer("2.0", "2.0", "same")


def inventory(managers: int = 3, workers: int = 2) -> Inventory:
    """Hosts m1, m2 and so on, then w1 and so on."""
    hosts = [host(f"m{i}", "manager", f"10.9.0.{i}") for i in range(1, managers + 1)]
    hosts += [host(f"w{i}", address=f"10.9.0.{100 + i}") for i in range(1, workers + 1)]
    return Inventory(cluster="demo", hosts=tuple(hosts), path="inventory/demo.yml")


def world(
    wanted: Inventory,
    *,
    leader: str = "m1",
    autolock: bool = False,
    services: tuple[ServiceFact, ...] = (),
    tasks: tuple[TaskFact, ...] = (),
    **nodes: dict[str, Any],
) -> ObservedState:
    """Every host is a node of our swarm; ``m2={"state": "down"}`` changes one node."""
    facts = {
        h.name: with_engine(bare(h.name, h.ssh.address), member(wanted, h.name))
        for h in wanted.hosts
    }
    found = tuple(_node(wanted, h.name, leader, nodes) for h in wanted.hosts)
    spec = {"EncryptionConfig": {"AutoLockManagers": autolock}}
    labels = {CLUSTER: wanted.cluster}
    raw = {"Spec": spec}
    cluster = Cluster(
        "m1", SWARM_ID, labels=labels, nodes=found, services=services, tasks=tasks, raw=raw
    )
    return ObservedState(facts, Known(cluster))


def _node(wanted: Inventory, name: str, leader: str, nodes: dict[str, dict[str, Any]]) -> NodeFact:
    return node(wanted, name, **{"leader": name == leader, **nodes.get(name, {})})


def running(observed: ObservedState, host: str, *names: str) -> ObservedState:
    """The same world with containers that run on a host."""
    found = observed.hosts[host].engine
    assert isinstance(found, Known)
    assert isinstance(found.value, Engine)
    engine = Known(replace(found.value, running_containers=names))
    changed = replace(observed.hosts[host], engine=engine)
    return replace(observed, hosts={**observed.hosts, host: changed})


def service(name: str, replicas: int) -> ServiceFact:
    """A replicated service."""
    return ServiceFact(name, name, spec={"Mode": {"Replicated": {"Replicas": replicas}}})


def task(service: str, node: str, number: int) -> TaskFact:
    """A task that runs."""
    return TaskFact(f"{service}.{number}", service, node, number, "running", "running")
