"""Clusters in memory and the verbs over them, for tests of everything above the transport."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision import api
from provision.api import Environment, Options
from provision.errors import HostUnreachable
from provision.model.actions import Plan, Step
from provision.model.connection import SshTarget
from provision.model.desired import EngineWanted
from provision.model.inventory import Host, Inventory
from provision.model.report import DownReport, UpReport
from provision.model.results import Event
from provision.transports.simulated import SimulatedTransport

ROOT = Path(__file__).parents[3]
OVERLAY = ROOT / "playbooks" / "overlay.yml"


class Killed(BaseException):
    """The controller's process ends, without a word."""


def always(_plan: Plan) -> bool:
    """Consent."""
    return True


def nobody(_event: Event) -> None:
    """Hears events and forgets them."""


@dataclass
class Town:
    """Hosts in memory, their inventory and the verbs.

    Attributes:
        hosts: name → role.
        labels: name → labels of the node.
        engine: the version that is there at first; None: bare hosts.
        source: where the inventory says that engines come from; None: it says nothing.
    """

    hosts: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    engine: str | None = None
    cluster: str = "demo"
    source: Any = None
    transport: SimulatedTransport = field(init=False)
    inventory: Inventory = field(init=False)

    def __post_init__(self) -> None:
        self.transport = SimulatedTransport(list(self.hosts), engine=self.engine, machines=True)
        if self.engine:
            for name in self.hosts:
                self.transport.machine(name).units.add("docker.service")
        self.inventory = self.with_roles(self.hosts)

    def with_roles(self, roles: Mapping[str, str]) -> Inventory:
        """The inventory with *roles*; hosts that are not named are not in it."""
        return Inventory(self.cluster, tuple(map(self._host, roles, roles.values())), "demo.yml")

    def _host(self, name: str, role: str) -> Host:
        there = self.transport.hosts[name]
        target = SshTarget(name=name, address=there.address, known_hosts="known_hosts")
        wanted: Any = role
        engine = EngineWanted(source=self.source) if self.source else None
        labels = self.labels.get(name, {})
        return Host(name=name, role=wanted, ssh=target, labels=labels, engine=engine)

    @property
    def env(self) -> Environment:
        """Surroundings without a real clock."""
        nowhere = Path("/nonexistent")
        return Environment({}, ROOT, nowhere, nowhere, nowhere, clock=self.transport.clock)

    def load(self, *playbooks: str | Path) -> Any:
        """What the playbooks want."""
        return api.load(playbooks, self.inventory, env=self.env)

    def session(
        self, on_event: Callable[[Event], None] = nobody, **options: Any
    ) -> api.ClusterSession:
        """The verbs over these hosts; without the matrix, for which there are no containers."""
        wanted = Options(**{"check": False, **options})
        return api.connect(
            self.inventory,
            env=self.env,
            options=wanted,
            on_event=on_event,
            transport=self.transport,
        )

    def plan(self, desired: Any, **options: Any) -> Plan:
        """What `up` would do."""
        with self.session(**options) as session:
            return session.plan(desired)

    def up(
        self, desired: Any, on_event: Callable[[Event], None] = nobody, **options: Any
    ) -> UpReport:
        """`up`, with consent."""
        with self.session(on_event, **options) as session:
            return session.up(desired, confirm=always)

    def down(self, desired: Any = None, **options: Any) -> DownReport:
        """`down`, with consent."""
        with self.session(**options) as session:
            return session.down(desired, confirm=always)

    def after_step(self, number: int, error: Callable[[str], BaseException]) -> None:
        """Let *error* happen once the *number*-th step from now was carried out."""
        left = [number]

        def on_step(host: str, _step: Step, done: bool) -> None:
            left[0] -= done
            if done and left[0] == 0:
                raise error(host)

        self.transport.on_step = on_step

    def before_step(self, number: int, error: Callable[[str], BaseException]) -> None:
        """Let *error* happen just before the *number*-th step from now."""
        left = [number]

        def on_step(host: str, _step: Step, done: bool) -> None:
            left[0] -= not done
            if not done and left[0] == 0:
                raise error(host)

        self.transport.on_step = on_step

    def calm(self) -> None:
        """Nothing is to happen any more."""
        self.transport.on_step = lambda _host, _step, _done: None

    def engines(self) -> list[Any]:
        """The engines that there are."""
        return [h.engine for h in self.transport.hosts.values() if h.engine is not None]

    def swarms(self) -> list[Any]:
        """The swarms that somebody is a node of."""
        found = {e.swarm.id: e.swarm for e in self.engines() if e.swarm is not None}
        return list(found.values())

    def containers(self) -> list[tuple[str, str]]:
        """Host and name of each container, sorted."""
        return sorted(
            (e.hostname, c["Name"].lstrip("/"))
            for e in self.engines()
            for c in e.objects.containers.values()
        )


def lost(host: str) -> HostUnreachable:
    """The connection breaks."""
    return HostUnreachable("the connection was lost", where=host)


def named(items: Sequence[Any] | Mapping[str, Any], *path: str) -> list[str]:
    """The names in a list of the engine's objects, sorted."""
    found = items.values() if isinstance(items, Mapping) else items
    names = []
    for item in found:
        value = item
        for key in path:
            value = value[key]
        names.append(str(value))
    return sorted(names)
