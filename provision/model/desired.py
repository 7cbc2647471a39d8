# ruff: noqa: RUF012 - pydantic copies a model's defaults
"""What should be true: the playbook's words, validated, in Compose's long forms.

Short forms (``"80:80"``, ``KEY=value`` lists) are made long by `load` before these models see them.
Durations are seconds (float), sizes are bytes (int).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from provision.model.document import FINGERPRINT, INTERFACE, PACKAGE_VERSION, URL, Document


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


class Network(Document):
    """A network, in Compose's keys."""

    driver: str = "overlay"
    driver_opts: dict[str, str] = {}
    attachable: bool = False
    internal: bool = False
    enable_ipv6: bool = False
    ipam: Ipam = Field(default_factory=Ipam)
    labels: dict[str, str] = {}
    external: bool = False
    name: str | None = None

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


class Limits(Document):
    """CPU in cores, memory in bytes."""

    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None


class Resources(Document):
    """What a task may use and what is set aside for it."""

    limits: Limits = Field(default_factory=Limits)
    reservations: Limits = Field(default_factory=Limits)


class RestartPolicy(Document):
    """When a task is started again."""

    condition: Literal["none", "on-failure", "any"] = "any"
    delay: float | None = None
    max_attempts: int | None = None
    window: float | None = None


class UpdateConfig(Document):
    """How a service is updated or rolled back."""

    parallelism: int | None = None
    delay: float | None = None
    failure_action: Literal["pause", "continue", "rollback"] | None = None
    monitor: float | None = None
    max_failure_ratio: float | None = None
    order: Literal["stop-first", "start-first"] | None = None


class Placement(Document):
    """Where tasks may run; ``preferences`` are labels to spread over."""

    constraints: list[str] = []
    preferences: list[dict[str, str]] = []
    max_replicas_per_node: int | None = None


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


class Container(Workload):
    """A standalone container on named hosts (``on`` is a selector)."""

    on: str
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "no"


class PlaybookDocument(Document):
    """One or several playbooks, merged, in long forms."""

    engine: EngineWanted | None = None
    firewall: FirewallWanted = Field(default_factory=FirewallWanted)
    swarm: SwarmWanted = Field(default_factory=SwarmWanted)
    networks: dict[str, Network] = {}
    services: dict[str, Service] = {}
    containers: dict[str, Container] = {}
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
    """

    engine: EngineWanted | None = None
    firewall: FirewallWanted = field(default_factory=FirewallWanted)
    swarm: SwarmWanted = field(default_factory=SwarmWanted)
    networks: Mapping[str, Network] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    playbooks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
