"""What was observed: facts of hosts and of the cluster, typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from provision.model.facts import Fact, Unknown
from provision.model.secret_text import NO_TEXT, SecretText

NOT_ASKED: Unknown = Unknown("not asked")


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """``/etc/os-release``: id (``debian``), id_like, version_id, codename, pretty name."""

    id: str
    version_id: str
    codename: str = ""
    id_like: tuple[str, ...] = ()
    pretty: str = ""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel and what it can do (a module that could be loaded counts as able).

    Attributes:
        able: ability (``vxlan br_netfilter ip_vs esp``) → True, False; absent = could not tell.
    """

    release: str
    able: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface and its addresses in CIDR form."""

    name: str
    mtu: int
    mac: str
    up: bool
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One route: destination in CIDR form (``0.0.0.0/0`` for the default)."""

    destination: str
    device: str
    gateway: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """The host's clock minus the controller's, at the middle of the round trip (seconds)."""

    offset: float
    round_trip: float


@dataclass(frozen=True, slots=True)
class Packages:
    """The package manager.

    Attributes:
        installed: version by package name, of those swarmlay cares about.
        held: packages held back.
        interrupted: dpkg was interrupted and must be repaired.
        locked_by: who holds the lock now (``unattended-upgr (812)``), or "".
        cloud_init: ``done``, ``running``, ``absent``, ``error`` …
    """

    installed: Mapping[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    interrupted: bool = False
    locked_by: str = ""
    cloud_init: str = "absent"


Protocol: TypeAlias = Literal["tcp", "udp", "esp", "any"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of swarmlay's, or one that opens what we want: port, protocol, from whom (CIDR).

    Attributes:
        port: 0 stands for every port (and is the port of ``esp``, which has none).
        protocol: ``any`` in somebody's rule that does not look at it.
        ours: the rule carries swarmlay's comment; ``cluster`` is the one it names.
    """

    port: int
    protocol: Protocol
    source: str
    ours: bool = True
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class FirewallState:
    """The firewall in force.

    Attributes:
        backend: the family member in force (``ufw``, ``iptables``, ``none``), or one that is not
            supported (``firewalld``): then ``supported`` is False and the host is blocked.
        filtering: IPv4 packets that no rule accepts are dropped or rejected on INPUT.
        filtering_v6: the same for IPv6.
        rules: what really opens ports now (no drop comes first), ours and others'.
        drops: rules that drop or reject one of swarm's usual ports, verbatim.
        dropped: what explicit rules drop or reject, whatever the port.
        persistent: our rules survive a reboot.
        variant: where iptables' rules are: ``nft``, ``legacy`` or ``nft+legacy``.
        detail: how it was recognised.
    """

    backend: str
    supported: bool = True
    filtering: bool = False
    rules: tuple[Rule, ...] = ()
    drops: tuple[str, ...] = ()
    persistent: bool = True
    detail: str = ""
    filtering_v6: bool = False
    dropped: tuple[Rule, ...] = ()
    variant: str = ""


STOPPED = "it is installed but does not run"
"""The `Engine.problem` of an engine that only has to be started."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The Docker engine (``docker info``); not running: it is installed and does not answer.

    Attributes:
        package: ``docker-ce``, ``docker.io`` or "" (installed otherwise).
        daemon: daemon.json as found; ``daemon_text`` verbatim ("" when there is none).
        running_containers: names of containers that a restart would stop.
        live_restore: engine keeps containers over restarts (incompatible with swarm).
        insecure: the engine's API is open on TCP without TLS.
        http_proxy, https_proxy, no_proxy: as the daemon sees them.
        data_root: where it keeps its data. enabled: it starts with the host.
    """

    version: str = ""
    api_version: str = ""
    package: str = ""
    running: bool = False
    problem: str = ""
    daemon: Mapping[str, Any] = field(default_factory=dict)
    daemon_text: str = ""
    running_containers: tuple[str, ...] = ()
    live_restore: bool = False
    arch: str = ""
    operating_system: str = ""
    insecure: bool = False
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    data_root: str = "/var/lib/docker"
    enabled: bool = True


SwarmState: TypeAlias = Literal["inactive", "pending", "active", "error", "locked"]


@dataclass(frozen=True, slots=True)
class Membership:
    """What the host's engine says of its swarm.

    Attributes:
        cluster_id: from the node certificate (also on workers) or the engine; "" if unknown.
        manager: the node runs a manager now.
        error: the engine's own words in state ``error`` or ``pending``.
        reachable_managers: addresses of the managers it knows.
    """

    state: SwarmState
    node_id: str = ""
    node_address: str = ""
    cluster_id: str = ""
    manager: bool = False
    error: str = ""
    remote_managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerFact:
    """A container on a host."""

    id: str
    name: str
    image: str
    state: str
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeFact:
    """A volume on a host that carries a cluster's label."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody listens on a port (``kernel`` where no process does, as with VXLAN)."""

    port: int
    protocol: Literal["tcp", "udp"]
    process: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Everything one script learnt of one host.

    ``reachable`` is Unknown with the reason when the host could not be asked at all; then every
    other fact is Unknown too. ``engine`` and ``swarm`` are ``Known(None)`` when there is no engine.
    ``conflicts`` names other engines in the way: ``snap``, ``podman-docker``, ``rootless``.
    ``networks`` are those that end at the host, ``volumes`` those with a cluster's label.
    ``files`` holds the text of files swarmlay may write, as far as they exist; a keyring's value
    is its SHA-256. ``manifest`` is the parsed manifest or ``Known(None)``.
    """

    host: str
    reachable: Fact[bool] = NOT_ASKED
    unreachable_exit: int = 3
    unreachable_hint: str = ""
    os: Fact[OperatingSystem] = NOT_ASKED
    architecture: Fact[str] = NOT_ASKED
    hostname: Fact[str] = NOT_ASKED
    machine_id: Fact[str] = NOT_ASKED
    kernel: Fact[Kernel] = NOT_ASKED
    interfaces: Fact[tuple[Interface, ...]] = NOT_ASKED
    routes: Fact[tuple[Route, ...]] = NOT_ASKED
    nameservers: Fact[tuple[str, ...]] = NOT_ASKED
    clock: Fact[Clock] = NOT_ASKED
    packages: Fact[Packages] = NOT_ASKED
    firewall: Fact[FirewallState] = NOT_ASKED
    engine: Fact[Engine | None] = NOT_ASKED
    conflicts: Fact[tuple[str, ...]] = NOT_ASKED
    swarm: Fact[Membership | None] = NOT_ASKED
    containers: Fact[tuple[ContainerFact, ...]] = NOT_ASKED
    networks: Fact[tuple["NetworkFact", ...]] = NOT_ASKED
    volumes: Fact[tuple[VolumeFact, ...]] = NOT_ASKED
    listeners: Fact[tuple[Listener, ...]] = NOT_ASKED
    files: Fact[Mapping[str, str]] = NOT_ASKED
    manifest: Fact[Mapping[str, Any] | None] = NOT_ASKED


@dataclass(frozen=True, slots=True)
class NodeFact:
    """Swarm's record of a host."""

    id: str
    hostname: str
    role: Literal["manager", "worker"]
    availability: Literal["active", "pause", "drain"]
    state: str
    address: str
    leader: bool = False
    manager_address: str = ""
    reachability: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    engine_version: str = ""


@dataclass(frozen=True, slots=True)
class NetworkFact:
    """A network as the lead manager sees it; ``raw`` is the Engine API's object."""

    id: str
    name: str
    driver: str
    scope: str
    attachable: bool = False
    internal: bool = False
    subnets: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """A service; ``spec`` is the Engine API's ServiceSpec."""

    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    update_state: str = ""


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A config or a secret; nobody is told what it holds."""

    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskFact:
    """A task of a service."""

    id: str
    service_id: str
    node_id: str
    slot: int
    state: str
    desired_state: str
    error: str = ""
    message: str = ""
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the lead manager's Engine API says.

    Attributes:
        lead: the host that was asked.
        salt: what hashes of secrets are keyed by; no label shows it.
        spec: the swarm's spec (labels, default pools, data-path port in ``raw``).
    """

    lead: str
    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[NodeFact, ...] = ()
    networks: tuple[NetworkFact, ...] = ()
    services: tuple[ServiceFact, ...] = ()
    tasks: tuple[TaskFact, ...] = ()
    configs: tuple[StoredFact, ...] = ()
    secrets: tuple[StoredFact, ...] = ()
    salt: SecretText = NO_TEXT
    raw: Mapping[str, Any] = field(default_factory=dict)

    def node(self, node_id: str) -> NodeFact | None:
        """The node with this id."""
        return next((n for n in self.nodes if n.id == node_id), None)


@dataclass(frozen=True, slots=True)
class ObservedState:
    """Facts of every host, and of the cluster as its lead manager sees it.

    ``cluster`` is ``Known(None)`` when every manager of the inventory is known to be outside any
    swarm, Unknown when that cannot be told. ``departed`` are hosts that left the inventory and are
    still nodes, as far as they were asked.
    """

    hosts: Mapping[str, HostFacts]
    cluster: Fact[Cluster | None] = NOT_ASKED
    departed: Mapping[str, HostFacts] = field(default_factory=dict)
