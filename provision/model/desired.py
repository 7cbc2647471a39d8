# ruff: noqa: RUF012 - pydantic copies a model's defaults
"""What should be true: the playbook's words, validated, in Compose's long forms.

Short forms (``"80:80"``, ``KEY=value`` lists) are made long by `load` before these models see them.
Durations are seconds (float), sizes are bytes (int).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import Field

from provision.model.deploying import Placement, Resources, RestartPolicy, UpdateConfig
from provision.model.document import FINGERPRINT, INTERFACE, PACKAGE_VERSION, URL, Document
from provision.model.secret_text import NO_TEXT, SecretText
from provision.model.storage import ConfigEntry, FileReference, SecretEntry, Volume


class Repository(Document):
    """Where Docker's packages come from, and the key that must have signed them.

    Attributes:
        url: base URL; the distribution's id is appended (``…/linux`` + ``/debian``).
        fingerprint: 40 hex digits of the signing key; a key with another one is refused.
    """

    url: str = Field(default="https://download.docker.com/linux", pattern=URL)
    fingerprint: str = Field(
        default="9DC858229FC7DD38854AE2D88D81803C0EBFCD88", pattern=FINGERPRINT
    )


class Proxy(Document):
    """HTTP proxies of the engine; the peers are added to ``no_proxy``."""

    http: str | None = Field(default=None, pattern=URL)
    https: str | None = Field(default=None, pattern=URL)
    no_proxy: str | None = None


class EngineWanted(Document):
    """Which Docker engine a host should have."""

    source: Literal["docker", "distro", "present"] = "docker"
    version: str | None = Field(default=None, pattern=PACKAGE_VERSION)
    daemon: dict[str, Any] = {}
    proxy: Proxy | None = None
    repository: Repository = Field(default_factory=Repository)

    def over(self, base: "EngineWanted | None") -> "EngineWanted":
        """These wishes over *base*: a key written here wins; ``daemon`` is merged key by key."""
        if base is None:
            return self
        wins = {name: getattr(self, name) for name in self.model_fields_set}
        if "daemon" in wins:
            wins["daemon"] = {**base.daemon, **self.daemon}
        return base.model_copy(update=wins)


class FirewallWanted(Document):
    """Who may reach the swarm's ports: the peers, or CIDRs as well; never the world."""

    open_to: Literal["peers"] | list[str] = "peers"


class SwarmWanted(Document):
    """The swarm itself."""

    advertise: str = Field(default="auto", pattern=INTERFACE)
    data_path_port: int = Field(default=4789, ge=1024, le=49151)
    default_addr_pool: list[str] | None = None
    subnet_size: int | None = Field(default=None, ge=8, le=29)
    autolock: bool = False
    adopt: bool = False


class IpamPool(Document):
    """One address pool of a network."""

    subnet: str | None = None
    gateway: str | None = None
    ip_range: str | None = None
    aux_addresses: dict[str, str] = {}


class Ipam(Document):
    """A network's address management."""

    driver: str | None = None
    config: list[IpamPool] = []
    options: dict[str, str] = {}


class HostNetwork(Document):
    """What is different about a network on one host: what is written replaces the network's own."""

    driver_opts: dict[str, str] | None = None
    ipam: Ipam | None = None


LOCAL_DRIVERS: Final = ("bridge", "macvlan", "ipvlan")
"""Drivers of networks that end at one host, unless a ``config_from`` spans the swarm."""


class Network(Document):
    """A network, in Compose's keys and three of swarmlay's own.

    Attributes:
        config_only: it only holds settings, on each host, for a network that names it.
        config_from: a swarm-wide network whose settings each host has in that ``config_only`` one.
        per_host: host → what differs there, for networks that are made on each host.
    """

    driver: str = "overlay"
    driver_opts: dict[str, str] = {}
    attachable: bool = False
    internal: bool = False
    enable_ipv6: bool = False
    ipam: Ipam = Field(default_factory=Ipam)
    labels: dict[str, str] = {}
    external: bool = False
    name: str | None = None
    config_only: bool = False
    config_from: str | None = None
    per_host: dict[str, HostNetwork] = {}

    @property
    def local(self) -> bool:
        """Whether it is made on each host for itself, not on a manager for all."""
        if self.config_from is not None:
            return False
        return self.config_only or self.driver in LOCAL_DRIVERS

    @property
    def encrypted(self) -> bool:
        """Whether traffic between nodes is to be ESP."""
        return "encrypted" in self.driver_opts


class NetworkAttachment(Document):
    """How a service or container is on a network."""

    aliases: list[str] = []
    driver_opts: dict[str, str] = {}


class Port(Document):
    """A published port."""

    target: int = Field(ge=1, le=65535)
    published: int | None = Field(default=None, ge=1, le=65535)
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    mode: Literal["ingress", "host"] = "ingress"
    host_ip: str | None = None


class TmpfsOptions(Document):
    """Options of a tmpfs mount."""

    size: int | None = None
    mode: int | None = None


class VolumeOptions(Document):
    """Options of a volume mount."""

    nocopy: bool = False
    labels: dict[str, str] = {}


class BindOptions(Document):
    """Options of a bind mount."""

    propagation: str | None = None
    create_host_path: bool = True


class Mount(Document):
    """A mount."""

    type: Literal["volume", "bind", "tmpfs"]
    target: str
    source: str | None = None
    read_only: bool = False
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    tmpfs: TmpfsOptions | None = None


class Healthcheck(Document):
    """A health check; ``test`` begins with ``CMD``, ``CMD-SHELL`` or ``NONE``."""

    test: list[str] = []
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
    start_period: float | None = None


class Logging(Document):
    """A log driver and its options."""

    driver: str | None = None
    options: dict[str, str] = {}


class Deploy(Document):
    """Compose's deploy section."""

    mode: Literal["replicated", "global", "replicated-job", "global-job"] = "replicated"
    replicas: int | None = Field(default=None, ge=0)
    endpoint_mode: Literal["vip", "dnsrr"] = "vip"
    labels: dict[str, str] = {}
    placement: Placement = Field(default_factory=Placement)
    resources: Resources = Field(default_factory=Resources)
    restart_policy: RestartPolicy | None = None
    update_config: UpdateConfig | None = None
    rollback_config: UpdateConfig | None = None

    @property
    def is_job(self) -> bool:
        """Whether its tasks run to their end instead of for ever."""
        return self.mode.endswith("-job")


class Ulimit(Document):
    """One resource limit."""

    soft: int
    hard: int


class Workload(Document):
    """What a service and a standalone container have in common."""

    image: str
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    environment: dict[str, str] = {}
    networks: dict[str, NetworkAttachment] = {}
    ports: list[Port] = []
    volumes: list[Mount] = []
    labels: dict[str, str] = {}
    healthcheck: Healthcheck | None = None
    hostname: str | None = None
    user: str | None = None
    group_add: list[str] = []
    working_dir: str | None = None
    stop_signal: str | None = None
    stop_grace_period: float | None = None
    init: bool | None = None
    read_only: bool = False
    tty: bool = False
    stdin_open: bool = False
    cap_add: list[str] = []
    cap_drop: list[str] = []
    sysctls: dict[str, str] = {}
    ulimits: dict[str, Ulimit] = {}
    extra_hosts: dict[str, str] = {}
    dns: list[str] = []
    dns_search: list[str] = []
    dns_opt: list[str] = []
    logging: Logging | None = None


class Service(Workload):
    """A Swarm service. ``deploy.labels`` are the service's, ``labels`` its containers'."""

    deploy: Deploy = Field(default_factory=Deploy)
    configs: list[FileReference] = []
    secrets: list[FileReference] = []


class Container(Workload):
    """A standalone container on named hosts (``on`` is a selector)."""

    on: str
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "no"
    cpus: float | None = None
    mem_limit: int | None = None
    mem_reservation: int | None = None
    pids_limit: int | None = None


class PlaybookDocument(Document):
    """One or several playbooks, merged, in long forms."""

    engine: EngineWanted | None = None
    firewall: FirewallWanted = Field(default_factory=FirewallWanted)
    swarm: SwarmWanted = Field(default_factory=SwarmWanted)
    networks: dict[str, Network] = {}
    services: dict[str, Service] = {}
    containers: dict[str, Container] = {}
    configs: dict[str, ConfigEntry] = {}
    secrets: dict[str, SecretEntry] = {}
    volumes: dict[str, Volume] = {}
    expect: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of ``expect``: its kind (``ping``, …), its arguments and where it stands."""

    kind: str
    arguments: Mapping[str, Any]
    where: str


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything that should be true, from one or several playbooks.

    Attributes:
        origin: ``kind/name`` (``service/my-nginx``) → the playbook file that wants it.
        warnings: keys without effect, said once each.
        contents: ``config/NAME``, ``secret/NAME`` → what it holds, in Base64.
        salt: what hashes of secrets are keyed by in a cluster that has no salt yet.
    """

    engine: EngineWanted | None = None
    firewall: FirewallWanted = field(default_factory=FirewallWanted)
    swarm: SwarmWanted = field(default_factory=SwarmWanted)
    networks: Mapping[str, Network] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)
    configs: Mapping[str, ConfigEntry] = field(default_factory=dict)
    secrets: Mapping[str, SecretEntry] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    contents: Mapping[str, SecretText] = field(default_factory=dict)
    salt: SecretText = NO_TEXT
    expect: tuple[Expectation, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    playbooks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
