"""Reports made by hand, as the pipeline would make them."""

from provision.errors import HostUnreachable
from provision.model.actions import Action, AdvertisedAddress, Blocked, Change, Plan
from provision.model.connection import SshTarget
from provision.model.facts import Known, Unknown
from provision.model.findings import Cell, CheckReport, State
from provision.model.inventory import Host, Inventory
from provision.model.observed import (
    Cluster,
    ContainerFact,
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
    ServiceFact,
    TaskFact,
)
from provision.model.probes import Answer
from provision.model.report import DownReport, Residue, StatusReport, UpReport
from provision.model.results import Outcome, Result
from provision.renderers.base import ExecReport, FactsReport, HostsReport

HOSTS = ("manager", "worker-1", "worker-2")
OURS = {"io.swarmlay.cluster": "demo"}
ADDRESSES = tuple(
    AdvertisedAddress(host, f"10.88.0.{n}", "the one subnet that all hosts share (10.88.0.0/24)")
    for n, host in enumerate(HOSTS, 2)
)


def _engine(host: str) -> Action:
    return Action(
        id=f"{host}:engine:docker",
        host=host,
        resource="engine",
        subject="Docker engine docker.io (Debian's package)",
        change=Change.CREATE,
        why="no engine is installed",
        commands=(
            "sudo apt-get update",
            "sudo apt-get install -y --no-install-recommends docker.io",
        ),
    )


def _network(name: str) -> Action:
    return Action(
        id=f"manager:networks:{name}",
        host="manager",
        resource="networks",
        subject=f"network {name}",
        change=Change.CREATE,
        why="the playbook wants it and there is none of this name",
        commands=(f"docker network create --driver overlay --attachable {name}",),
    )


BARE = Plan(
    cluster="demo",
    actions=(
        *(_engine(host) for host in HOSTS),
        Action(
            "*:underlay:ports",
            "*",
            "underlay",
            "every ordered pair of hosts: 2377/tcp, 7946/tcp+udp, 4789/udp",
            Change.CHECK,
            "a swarm whose ports are closed looks healthy and carries nothing",
        ),
        Action(
            "manager:swarm:member",
            "manager",
            "swarm",
            "swarm of cluster demo",
            Change.CREATE,
            "every manager of the inventory is known to be outside any swarm",
            commands=("docker swarm init --advertise-addr 10.88.0.2",),
        ),
        _network("nginx-net"),
        _network("test-net"),
        Action(
            "manager:services:my-nginx",
            "manager",
            "services",
            "service my-nginx",
            Change.UPDATE,
            "differs from the playbook",
            before={"replicas": 3, "image": "nginx"},
            after_={"replicas": 5, "image": "nginx"},
            commands=("docker service update --replicas 5 my-nginx",),
        ),
        Action(
            "worker-1:engine:daemon",
            "worker-1",
            "engine",
            "daemon.json",
            Change.UPDATE,
            "log-driver differs",
            before="json-file",
            after_="local",
            restarts=("db", "api"),
        ),
    ),
    notes=("network old-net is ours but in no playbook given; --prune removes it",),
    addresses=ADDRESSES,
)
BLOCKED = Plan(
    cluster="demo",
    actions=(_network("test-net"),),
    blocked=(
        Blocked("worker-2", "could not be reached: connection timed out after 10 s",
                "is the host up? `ping 10.88.0.4`; or leave it out: --limit", 3),
    ),
)  # fmt: skip
EMPTY = Plan(cluster="demo", addresses=ADDRESSES)


def overlay_cells(hosts: tuple[str, ...] = HOSTS, network: str = "test-net") -> list[Cell]:
    """All pairs of *hosts* answer over the network."""
    return [
        Cell("overlay", network, probe, a, b, State.OK,
             ms=0.21 + 0.1 * at if probe == "ping" else None)
        for at, a in enumerate(hosts) for b in hosts if a != b
        for probe in ("name", "ping", "tcp", "mtu")
    ]  # fmt: skip


def _underlay() -> list[Cell]:
    return [
        Cell("underlay", "", probe, a, b, State.OK)
        for a in HOSTS for b in HOSTS if a != b
        for probe in ("tcp/2377", "tcp/7946", "udp/7946", "udp/4789")
        if probe != "tcp/2377" or b == "manager"
    ]  # fmt: skip


def _host_cells() -> list[Cell]:
    probes = ("reachable", "engine", "vxlan", "clock")
    return [Cell("host", host, probe, host, host, State.OK) for host in HOSTS for probe in probes]


def _no_ip_vs() -> list[Cell]:
    why = "the kernel has no ip_vs: service addresses (VIP) and published ports stay silent"
    return [Cell(layer, "my-nginx", "answers", host, host, State.UNAVAILABLE, reason=why)
            for layer in ("service", "ingress") for host in HOSTS]  # fmt: skip


WELL = CheckReport("demo", (*_host_cells(), *_underlay(), *overlay_cells(), *_no_ip_vs()))
ILL = CheckReport(
    "demo",
    (
        *_host_cells(),
        *(Cell("underlay", "", "udp/4789", a, b,
               State.FAILED if b == "worker-2" else State.UNKNOWN if a == "worker-2" else State.OK,
               expected="arrives", found="nothing", reason="sent, but nothing arrived; "
               "ufw on worker-2 drops it: [UFW BLOCK] DPT=4789" if b == "worker-2" else
               "worker-2 could not be asked" if a == "worker-2" else "",
               hint="sudo ufw allow from 10.88.0.2 to any port 4789 proto udp" if b == "worker-2"
               else "")
          for a in HOSTS for b in HOSTS if a != b),
        *(Cell("overlay", "test-net", probe, a, b,
               State.FAILED if "worker-2" in (a, b) and probe != "name" else State.OK,
               reason="no answer within 2 s" if "worker-2" in (a, b) and probe != "name" else "",
               ms=0.3 if probe == "ping" else None)
          for a in HOSTS for b in HOSTS if a != b for probe in ("name", "ping", "mtu")),
    ),
)  # fmt: skip
WIDE = CheckReport(
    "demo", tuple(overlay_cells(("manager", *(f"worker-{n}" for n in range(1, 11)))))
)

UP = UpReport(
    plan=BARE,
    results=tuple(Result(a.id, a.host, Outcome.CHANGED, seconds=1.5) for a in BARE.actions),
    second=EMPTY,
    check=WELL,
)
UP_EMPTY = UpReport(plan=EMPTY)
UP_FAILED = UpReport(
    plan=BARE,
    results=(
        Result(BARE.actions[0].id, "manager", Outcome.CHANGED, seconds=10.1),
        Result(BARE.actions[1].id, "worker-1", Outcome.FAILED, "apt-get ended with 100:\n"
               "E: Unable to locate package docker.io", "look at the host's apt sources", 4.2),
        Result(BARE.actions[8].id, "worker-1", Outcome.SKIPPED, "Docker engine failed"),
        Result(BARE.actions[4].id, "manager", Outcome.SKIPPED, "Docker engine failed on worker-1"),
    ),
)  # fmt: skip
DOWN = DownReport(plan=EMPTY, checked=HOSTS)
DOWN_LEFT = DownReport(
    plan=Plan("demo", (Action("manager:services:my-nginx", "manager", "services",
                              "service my-nginx", Change.DELETE, "made by swarmlay"),)),
    results=(Result("manager:services:my-nginx", "manager", Outcome.CHANGED, seconds=2),),
    residue=(Residue("worker-2", "everything: the host could not be reached",
                     "start it and run `swarmlay down` again"),),
    checked=("manager", "worker-1"),
)  # fmt: skip

INVENTORY = Inventory(
    cluster="demo",
    hosts=(
        Host("manager", "manager", SshTarget("manager", "10.88.0.2", "/k", user="debian")),
        Host("worker-1", "worker", SshTarget("worker-1", "10.88.0.3", "/k", user="debian"),
             labels={"zone": "a"}),
        Host("worker-2", "worker", SshTarget("worker-2", "10.88.0.4", "/k", port=2222)),
    ),
    path="inventory/example.yml",
    groups={"edge": ("worker-1",)},
    warnings=("2 managers tolerate no more failures than 1",),
)  # fmt: skip


def _facts(host: str) -> HostFacts:
    return HostFacts(
        host=host,
        reachable=Known(True),  # noqa: FBT003 - a fact's value
        os=Known(OperatingSystem("debian", "12", "bookworm", (), "Debian GNU/Linux 12 (bookworm)")),
        architecture=Known("x86_64"),
        kernel=Known(Kernel("6.1.0", {"vxlan": True, "ip_vs": False})),
        interfaces=Known((Interface("eth0", 1500, "02:00:00:00:00:01", True, ("10.88.0.2/24",)),)),  # noqa: FBT003
        packages=Known(Packages({"docker.io": "20.10.24+dfsg1-1"})),
        firewall=Known(FirewallState("ufw", filtering=True)),
        engine=Known(Engine("20.10.24", "1.41", "docker.io", running=True)),
        swarm=Known(Membership("active", f"id-{host}", manager=host == "manager")),
        containers=Known((ContainerFact("c1", "alpine1", "alpine", "running", OURS),)
                         if host == "manager" else ()),
        manifest=Known(None),
    )  # fmt: skip


LOST = HostFacts(
    host="worker-2",
    reachable=Unknown("connection refused"),
    unreachable_hint="is sshd running on port 2222?",
)
CLUSTER = Cluster(
    lead="manager",
    id="k3lz",
    labels=OURS,
    nodes=tuple(
        NodeFact(f"id-{h}", h, "manager" if h == "manager" else "worker", "active",
                 "ready" if h != "worker-2" else "down", f"10.88.0.{n}", leader=h == "manager")
        for n, h in enumerate(HOSTS, 2)
    ),
    networks=(
        NetworkFact("n1", "test-net", "overlay", "swarm", True, False, ("10.20.1.0/24",), {}, OURS),  # noqa: FBT003
        NetworkFact("n2", "ingress", "overlay", "swarm", subnets=("10.0.0.0/24",)),
    ),
    services=(
        ServiceFact("s1", "my-nginx", OURS,
                    {"Mode": {"Replicated": {"Replicas": 5}},
                     "TaskTemplate": {"ContainerSpec": {"Image": "nginx:latest@sha256:abc"}}},
                    {"Ports": [{"PublishedPort": 80, "TargetPort": 80, "Protocol": "tcp"}]}),
    ),
    tasks=tuple(TaskFact(f"t{n}", "s1", "id-manager", n, "running", "running") for n in range(4)),
)  # fmt: skip
OBSERVED = ObservedState(
    {"manager": _facts("manager"), "worker-1": _facts("worker-1"), "worker-2": LOST}, Known(CLUSTER)
)
STATUS = StatusReport(INVENTORY, OBSERVED)
HOSTS_LIST = HostsReport(INVENTORY)
FACTS = FactsReport("demo", OBSERVED)
EXEC = ExecReport(
    "demo",
    {
        "manager": Answer(0, "Linux\n\x1b[31mred\x1b[0m\n"),
        "worker-1": Answer(2, "", "no such file\n"),
        "worker-2": HostUnreachable("cannot be reached", where="worker-2", why="refused"),
    },
)
