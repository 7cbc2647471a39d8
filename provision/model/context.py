"""What every resource is given to plan with, and what a resource is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from provision.model.actions import Action, Blocked, Ref
from provision.model.desired import DesiredState
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, Inventory
from provision.model.labels import ADOPTED, HOST, is_ours
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
        """Whether the host is an active node of the observed cluster, at its own address."""
        membership, cluster = self.membership(host), self.cluster
        return (
            cluster is not None
            and membership is not None
            and membership.state == "active"
            and cluster.node(membership.node_id) is not None
            and not self.astray(host)
        )

    def astray(self, host: str) -> str:
        """Why a node must leave and join again though it says that it is active, or ""."""
        if old := self.moved(host):
            return f"its node advertises {old}, an address that it has no more"
        node, membership = self.node(host), self.membership(host)
        if node is None or membership is None or node.state != "down" or membership.manager:
            return ""
        known = {n.manager_address for n in self.cluster.nodes} if self.cluster else set()
        asks = [m for m in membership.remote_managers if m not in known]
        lost = len(asks) == len(membership.remote_managers) > 0
        return f"it looks for managers at {', '.join(asks)}, where none is any more" if lost else ""

    def moved(self, host: str) -> str:
        """The address that its node advertises and that it has no more; "" where all is well.

        Whoever made an adopted swarm may have had a reason (NAT): there it is not our business.
        """
        membership, interfaces = self.membership(host), self.facts(host).interfaces
        if membership is None or membership.state != "active" or not isinstance(interfaces, Known):
            return ""
        old = membership.node_address
        has = {a.partition("/")[0] for i in interfaces.value for a in i.addresses}
        known = old in {"", *has} or self.addresses.get(host, old) == old or self.adopted
        return "" if known else old

    def departed(self) -> dict[str, NodeFact]:
        """Nodes that we labelled and whose host the inventory does not name any more, by host."""
        if self.cluster is None:
            return {}
        members = self._member_ids()
        silent = [h for h in self.inventory.hosts if isinstance(self.facts(h.name).swarm, Unknown)]
        renamed = {a for h in silent for a in (h.ssh.address, h.private_address)}  # perhaps
        return {
            n.labels[HOST]: n
            for n in self.cluster.nodes
            if n.labels.get(HOST, "") not in {"", *self.observed.hosts}
            and n.id not in members
            and n.address not in renamed
        }

    def former(self, host: str) -> tuple[NodeFact, ...]:
        """Records of *host* that it is not any more: it was made anew, or left and joined again.

        Of a host that is a node now only those that are down; a record without our label is known
        by hostname and address (a join that failed half-way).
        """
        if self.cluster is None or isinstance(self.facts(host).swarm, Unknown):
            return ()  # whoever cannot be asked may be it still
        member, members = self.is_member(host), self._member_ids(host)
        return tuple(
            n
            for n in self.cluster.nodes
            if n.id not in members
            and (n.state == "down" or not member)
            and (n.labels.get(HOST) == host or self._alike(host, n))
        )

    def _alike(self, host: str, node: NodeFact) -> bool:
        same = self.facts(host).hostname == Known(node.hostname)
        half = node.role == "manager" and not node.reachability
        return same and HOST not in node.labels and (node.state == "down" or half)

    def _member_ids(self, host: str | None = None) -> set[str]:
        """Ids that hosts know as their own; *host* counts only if it is to stay what it is."""
        names = [n for n in self.observed.hosts if n != host or self.is_member(n)]
        return {m.node_id for n in names if (m := self.membership(n)) and m.node_id}

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
        return self.adopted or any(not self.owns(s.labels) for s in cluster.services)

    @property
    def adopted(self) -> bool:
        """Whether the swarm was made by hand."""
        return self.cluster is not None and self.cluster.labels.get(ADOPTED) == "true"

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
