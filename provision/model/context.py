"""What every resource is given to plan with, and what a resource is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from provision.model.actions import Action, Blocked, Ref
from provision.model.desired import DesiredState
from provision.model.facts import Known
from provision.model.inventory import Host, Inventory
from provision.model.labels import ADOPTED, is_ours
from provision.model.observed import Cluster, HostFacts, Membership, NodeFact, ObservedState


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the operator allowed.

    Attributes:
        limit: names of the hosts that may be changed; None: all.
        prune: remove what we own and no playbook wants.
        purge: (down) also remove what the manifest lists. volumes: (down) also our volumes.
        underlay_gate: check ports between hosts before the swarm is formed.
        force: go on although the underlay check found blocked pairs.
    """

    limit: frozenset[str] | None = None
    prune: bool = False
    purge: bool = False
    volumes: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a resource may look at.

    Attributes:
        hosts: the hosts that are planned for (not blocked), in the inventory's order.
        addresses: host → the address it advertises.
        lead: the host on which cluster-wide objects are made (None: no manager can be asked).
        founding: the swarm does not exist yet and is to be initialised on ``lead``.
        pool: address pools for ``swarm init`` that are clear of every host's routes.
    """

    inventory: Inventory
    desired: DesiredState
    observed: ObservedState
    hosts: tuple[Host, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    lead: str | None = None
    founding: bool = False
    pool: tuple[str, ...] = ()
    options: PlanOptions = PlanOptions()

    @property
    def cluster_name(self) -> str:
        """The cluster's name in the inventory."""
        return self.inventory.cluster

    @property
    def cluster(self) -> Cluster | None:
        """The cluster as observed, or None where there is none yet."""
        return self.observed.cluster.value if isinstance(self.observed.cluster, Known) else None

    def facts(self, host: str) -> HostFacts:
        """What is known of *host*."""
        return self.observed.hosts[host]

    def membership(self, host: str) -> Membership | None:
        """The host's swarm membership; None where there is no engine or it could not be asked."""
        fact = self.facts(host).swarm
        return fact.value if isinstance(fact, Known) else None

    def is_member(self, host: str) -> bool:
        """Whether the host is an active node of the observed cluster."""
        membership, cluster = self.membership(host), self.cluster
        return (
            cluster is not None
            and membership is not None
            and membership.state == "active"
            and cluster.node(membership.node_id) is not None
        )

    def node(self, host: str) -> NodeFact | None:
        """Swarm's record of the host."""
        membership = self.membership(host)
        return self.cluster.node(membership.node_id) if self.cluster and membership else None

    @property
    def swarm_stays(self) -> bool:
        """Whether `down` leaves the swarm: it was adopted, or services of others run in it."""
        cluster = self.cluster
        if cluster is None:
            return False
        adopted = cluster.labels.get(ADOPTED) == "true"
        return adopted or any(not self.owns(s.labels) for s in cluster.services)

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is ours."""
        return is_ours(labels, self.cluster_name)


class Resource(Protocol):
    """A kind of thing swarmlay brings into being."""

    name: str

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Hosts (or the cluster) this resource refuses to plan for."""
        ...

    def wanted(self, context: Context) -> Iterable[Action]:
        """Actions of `up`, in reading order. Ids in ``after`` that are not planned are dropped."""
        ...

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Actions of `down` that undo it."""
        ...


def engine_id(host: str) -> str:
    """The id of the last action that makes the engine ready on *host*."""
    return f"{host}:engine:docker"


def ports_id(host: str) -> str:
    """The id of the action that opens swarm's ports on *host*."""
    return f"{host}:ports:swarm"


UNDERLAY_ID = "*:underlay:ports"


def member_id(host: str) -> str:
    """The id of the action after which *host* is an active node."""
    return f"{host}:swarm:member"


def network_id(name: str) -> str:
    """The id (without host) of the action that makes a network; see `Context.lead`."""
    return f"networks:{name}"


def service_id(name: str) -> str:
    """The id (without host) of the action on a service."""
    return f"services:{name}"


def container_id(host: str, name: str) -> str:
    """The id of the action on a standalone container."""
    return f"{host}:containers:{name}"


SWARM_RECORD = "/var/lib/swarmlay/swarm"
"""Holds the id of the swarm that this host was made a node of."""


def token_ref(role: str) -> Ref:
    """The name of a join token; its value exists only in memory, during `apply`."""
    return Ref(f"{role} join token", secret=True)


def node_ref(host: str) -> Ref:
    """The name of the id that a node gets when it joins."""
    return Ref(f"node id of {host}")
