"""Small observed worlds, for tests of pure code."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provision.model.connection import SshTarget
from provision.model.desired import DesiredState
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, Inventory
from provision.model.labels import CLUSTER
from provision.model.observed import (
    Cluster,
    Engine,
    FirewallState,
    HostFacts,
    Interface,
    Kernel,
    Membership,
    NetworkFact,
    NodeFact,
    ObservedState,
    OperatingSystem,
    Packages,
    Route,
    ServiceFact,
)

SWARM_ID = "swarm1"
DEBIAN = OperatingSystem("debian", "12", "bookworm", (), "Debian GNU/Linux 12 (bookworm)")


def host(name: str, role: str = "worker", address: str = "198.51.100.1", **extra: Any) -> Host:
    """A host of an inventory."""
    target = SshTarget(name=name, address=address, known_hosts="known_hosts")
    return Host(name=name, role="manager" if role == "manager" else "worker", ssh=target, **extra)


def three(**extra: Any) -> Inventory:
    """One manager, two workers."""
    hosts = (
        host("m1", "manager", "10.9.0.1"),
        host("w1", address="10.9.0.2"),
        host("w2", address="10.9.0.3"),
    )
    return Inventory(cluster="demo", hosts=hosts, path="inventory/demo.yml", **extra)


def interface(name: str, *addresses: str, up: bool = True) -> Interface:
    """A network interface."""
    return Interface(name=name, mtu=1500, mac="02:00:00:00:00:01", up=up, addresses=addresses)


def bare(name: str, address: str) -> HostFacts:
    """A reachable Debian host without Docker and without a firewall."""
    return HostFacts(
        host=name,
        reachable=Known(value=True),
        os=Known(DEBIAN),
        architecture=Known("x86_64"),
        hostname=Known(name),
        machine_id=Known(f"id-{name}"),
        kernel=Known(Kernel("6.1", {"vxlan": True, "br_netfilter": True, "ip_vs": True})),
        interfaces=Known((interface("eth0", f"{address}/24"),)),
        routes=Known((Route("10.9.0.0/24", "eth0"), Route("0.0.0.0/0", "eth0", "10.9.0.254"))),
        nameservers=Known(("10.9.0.254",)),
        packages=Known(Packages()),
        firewall=Known(FirewallState("none")),
        engine=Known(None),
        conflicts=Known(()),
        swarm=Known(None),
        containers=Known(()),
        listeners=Known(()),
        files=Known({}),
        manifest=Known(None),
    )


def with_engine(facts: HostFacts, membership: Membership | None = None) -> HostFacts:
    """The same host with a running engine."""
    engine = Engine(version="24.0.7", package="docker-ce", running=True)
    return replace(facts, engine=Known(engine), swarm=Known(membership or Membership("inactive")))


def unreachable(name: str) -> HostFacts:
    """A host that does not answer."""
    reason = Unknown("no route to host")
    return HostFacts(host=name, reachable=reason, unreachable_hint="is it switched on?")


def bare_world(inventory: Inventory) -> ObservedState:
    """Nothing is there yet."""
    facts = {h.name: bare(h.name, h.ssh.address) for h in inventory.hosts}
    return ObservedState(facts, Known(None))


def node(inventory: Inventory, name: str, **extra: Any) -> NodeFact:
    """The node of a host, labelled as `up` leaves it."""
    found = inventory.host(name)
    base = NodeFact(
        id=f"node-{name}",
        hostname=name,
        role=found.role,
        availability="active",
        state="ready",
        address=found.ssh.address,
        leader=found.is_manager,
        reachability="reachable" if found.is_manager else "",
        labels={"io.swarmlay.host": name},
    )
    return replace(base, **extra)


def member(inventory: Inventory, name: str, swarm: str = SWARM_ID) -> Membership:
    """The host's own view of its membership."""
    found = inventory.host(name)
    return Membership("active", f"node-{name}", found.ssh.address, swarm, found.is_manager)


def swarm_world(
    inventory: Inventory,
    *,
    labels: Mapping[str, str] | None = None,
    networks: tuple[NetworkFact, ...] = (),
    services: tuple[ServiceFact, ...] = (),
) -> ObservedState:
    """Every host is a node of our swarm."""
    facts = {
        h.name: with_engine(bare(h.name, h.ssh.address), member(inventory, h.name))
        for h in inventory.hosts
    }
    cluster = Cluster(
        lead=inventory.managers[0].name,
        id=SWARM_ID,
        labels={CLUSTER: inventory.cluster} if labels is None else labels,
        nodes=tuple(node(inventory, h.name) for h in inventory.hosts),
        networks=networks,
        services=services,
    )
    return ObservedState(facts, Known(cluster))


def changed(world: ObservedState, name: str, **facts: Any) -> ObservedState:
    """The same world with other facts of one host."""
    hosts = {**world.hosts, name: replace(world.hosts[name], **facts)}
    return replace(world, hosts=hosts)


def nothing() -> DesiredState:
    """No playbook: a cluster and nothing on it."""
    return DesiredState()
