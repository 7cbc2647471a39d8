"""The cluster at a glance: hosts and nodes, networks, services, containers."""

from collections.abc import Mapping, Sequence

from provision.model.facts import Known, Unknown, known_or
from provision.model.inventory import Host
from provision.model.labels import is_ours
from provision.model.observed import (
    Cluster,
    ContainerFact,
    HostFacts,
    NetworkFact,
    NodeFact,
    ServiceFact,
)
from provision.model.report import StatusReport
from provision.renderers.base import Screen
from provision.renderers.terminal.plan import heading
from provision.renderers.terminal.text import (
    Line,
    Span,
    Words,
    bold,
    dim,
    green,
    line,
    red,
    span_cells,
    table,
    wrap,
    yellow,
)


def status_lines(report: StatusReport, screen: Screen) -> list[Line]:
    """Everything a glance should tell."""
    fact = report.observed.cluster
    cluster = fact.value if isinstance(fact, Known) else None
    lines = [line(bold("Cluster"), f" {report.inventory.cluster}  ", *_cluster(fact))]
    lines += _hosts(report, cluster, screen)
    if cluster is not None:
        lines += _networks(cluster, report.inventory.cluster, screen)
        lines += _services(cluster, report.inventory.cluster, screen)
    return lines + _containers(report, screen)


def _cluster(fact: Known[Cluster | None] | Unknown) -> Line:
    if isinstance(fact, Unknown):
        return line(yellow(f"? {fact.reason}"))
    if fact.value is None:
        return line(dim("no swarm yet: `swarmlay up` makes one"))
    return line(dim(f"swarm {fact.value.id}, asked {fact.value.lead}"))


def _hosts(report: StatusReport, cluster: Cluster | None, screen: Screen) -> list[Line]:
    hosts = report.inventory.hosts
    head = [dim(t) for t in ("host", "role", "address", "engine", "node", "system")]
    rows = [head, *(_host(h, report.observed.hosts.get(h.name), cluster) for h in hosts)]
    drawn = table(rows, indent=2)
    if max(map(span_cells, drawn)) > screen.width:
        drawn = table([row[:-1] for row in rows], indent=2)
    problems = [
        row
        for h in report.inventory.hosts
        for row in _unreachable(h.name, report.observed.hosts.get(h.name), screen)
    ]
    return [line(""), *drawn, *problems]


def _host(host: Host, facts: HostFacts | None, cluster: Cluster | None) -> Sequence[Words]:
    if facts is None or isinstance(facts.reachable, Unknown):
        return (
            line(red("✗ "), host.name),
            host.role,
            host.ssh.address,
            dim("–"),
            red("not reached"),
            "",
        )
    node = _node(facts, cluster)
    system = known_or(facts.os, None)
    return (
        line(green("✓ "), host.name),
        host.role,
        node.address if node else host.private_address or host.ssh.address,
        _engine(facts),
        _state(facts, node),
        dim(system.pretty or system.id if system else ""),
    )


def _node(facts: HostFacts, cluster: Cluster | None) -> NodeFact | None:
    membership = known_or(facts.swarm, None)
    return cluster.node(membership.node_id) if cluster and membership else None


def _engine(facts: HostFacts) -> Span:
    if isinstance(facts.engine, Unknown):
        return yellow("?")
    engine = facts.engine.value
    if engine is None:
        return dim("none")
    return Span(engine.version) if engine.running else red(f"{engine.version} stopped".strip())


def _state(facts: HostFacts, node: NodeFact | None) -> Line:
    if node is None:
        membership = known_or(facts.swarm, None)
        state = membership.state if membership else "inactive"
        return line(dim("not in a swarm") if state == "inactive" else yellow(f"swarm {state}"))
    words = [node.state, node.availability] + (["leader"] if node.leader else [])
    good = node.state == "ready" and node.availability == "active"
    return line((green if good else yellow)(", ".join(words)))


def _unreachable(name: str, facts: HostFacts | None, screen: Screen) -> list[Line]:
    if facts is None or isinstance(facts.reachable, Known):
        return []
    hint = f" → {facts.unreachable_hint}" if facts.unreachable_hint else ""
    return wrap(
        (red(f"  ✗ {name}: "), Span(f"{facts.reachable.reason}{hint}")), screen.width, hang=6
    )


def _owner(labels: Mapping[str, str], cluster: str) -> Span:
    return Span("") if is_ours(labels, cluster) else dim("not ours")


def _network_owner(network: NetworkFact, cluster: str) -> Span:
    return dim("the swarm's own") if network.name == "ingress" else _owner(network.labels, cluster)


def _networks(cluster: Cluster, name: str, screen: Screen) -> list[Line]:
    networks = [n for n in cluster.networks if n.driver == "overlay"]
    rows: list[Sequence[Words]] = [
        (n.name, ", ".join(n.subnets), dim(_kinds(n.attachable, n.internal, n.options)),
         _network_owner(n, name))
        for n in sorted(networks, key=lambda n: n.name)
    ]  # fmt: skip
    return _block("Networks", rows, screen)


def _kinds(attachable: bool, internal: bool, options: Mapping[str, str]) -> str:
    kinds = {"attachable": attachable, "internal": internal, "encrypted": "encrypted" in options}
    return ", ".join(kind for kind, holds in kinds.items() if holds)


def _block(title: str, rows: Sequence[Sequence[Words]], screen: Screen) -> list[Line]:
    return [*heading(title), *table(rows, indent=2, width=screen.width)] if rows else []


def _services(cluster: Cluster, name: str, screen: Screen) -> list[Line]:
    rows = [_service(s, cluster, name) for s in sorted(cluster.services, key=lambda s: s.name)]
    return _block("Services", rows, screen)


def _service(service: ServiceFact, cluster: Cluster, name: str) -> Sequence[Words]:
    tasks = [
        t for t in cluster.tasks if t.service_id == service.id and t.desired_state == "running"
    ]
    running = sum(t.state == "running" for t in tasks)
    wanted = _replicas(service, len(tasks))
    error = next((t.error for t in tasks if t.error), "")
    image = str(_dig(service.spec, "TaskTemplate", "ContainerSpec", "Image") or "").partition("@")[
        0
    ]
    paint = green if running >= wanted else red
    return (service.name, paint(f"{running}/{wanted}"), image, dim(_ports(service)),
            line(red(error), _owner(service.labels, name)))  # fmt: skip


def _replicas(service: ServiceFact, tasks: int) -> int:
    replicas = _dig(service.spec, "Mode", "Replicated", "Replicas")
    return replicas if isinstance(replicas, int) else tasks


def _dig(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _ports(service: ServiceFact) -> str:
    ports = _dig(service.endpoint, "Ports")
    if not isinstance(ports, list):
        return ""
    shown = [f"{p.get('PublishedPort', '?')}→{p.get('TargetPort')}/{p.get('Protocol', 'tcp')}"
             for p in ports]  # fmt: skip
    return ", ".join(shown)


def _containers(report: StatusReport, screen: Screen) -> list[Line]:
    rows: list[Sequence[Words]] = []
    for host in report.inventory.hosts:
        facts = report.observed.hosts.get(host.name)
        for container in known_or(facts.containers, ()) if facts else ():
            if is_ours(container.labels, report.inventory.cluster) and not _is_task(container):
                paint = green if container.state == "running" else red
                rows.append(
                    (container.name, paint(container.state), container.image, dim(host.name))
                )
    return _block("Containers", rows, screen)


def _is_task(container: ContainerFact) -> bool:
    return "com.docker.swarm.task.id" in container.labels
