"""Services by name and VIP, and published ports on every node."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from provision.model.facts import Known
from provision.model.findings import Cell, State
from provision.model.observed import Cluster, HostFacts, NetworkFact, ServiceFact
from provision.model.questions import ON_HOST, Endpoint, Question

SERVICE = "service"
INGRESS = "ingress"


def without_ipvs(hosts: Mapping[str, HostFacts]) -> tuple[str, ...]:
    """Hosts whose kernel cannot balance over a VIP."""
    kernels = {name: facts.kernel for name, facts in hosts.items()}
    return tuple(
        name
        for name, kernel in kernels.items()
        if isinstance(kernel, Known) and kernel.value.able.get("ip_vs") is False
    )


def unavailable(hosts: Sequence[str]) -> tuple[Cell, ...]:
    """What cannot work on such a kernel, said once a layer."""
    reason = f"the kernel of {', '.join(hosts)} has no ip_vs"
    hint = "Use endpoint_mode: dnsrr, and ports with mode: host; or a kernel with ip_vs."
    subjects = {SERVICE: "service VIPs", INGRESS: "routing mesh"}
    return tuple(
        Cell(layer, subject, "ip_vs", "", "", State.UNAVAILABLE, reason=reason, hint=hint)
        for layer, subject in subjects.items()
    )


def questions(
    cluster: Cluster, networks: Sequence[NetworkFact], found: Sequence[Endpoint]
) -> tuple[Question, ...]:
    """From every endpoint: each service of its network by name, and at its VIP."""
    names = {n.id: n.name for n in networks}
    return tuple(
        question
        for service in sorted(cluster.services, key=lambda s: s.name)
        for network, address in virtual_addresses(service)
        for endpoint in found
        if endpoint.network == names.get(network) and not endpoint.problem
        for question in _of_service(service, address, endpoint)
    )


def virtual_addresses(service: ServiceFact) -> tuple[tuple[str, str], ...]:
    """(network id, VIP) pairs; none for dnsrr."""
    found = service.endpoint.get("VirtualIPs") or []
    return tuple(
        (str(v["NetworkID"]), str(v["Addr"]).partition("/")[0]) for v in found if v.get("Addr")
    )


def ports(service: ServiceFact, mode: str) -> tuple[Mapping[str, Any], ...]:
    """Its published TCP ports of that mode."""
    found = service.endpoint.get("Ports") or []
    return tuple(
        p
        for p in found
        if p.get("Protocol") == "tcp"
        and p.get("PublishMode", "ingress") == mode
        and p.get("PublishedPort")
    )


def _of_service(service: ServiceFact, address: str, a: Endpoint) -> Iterable[Question]:
    name = Cell(
        SERVICE,
        service.name,
        "name",
        a.host,
        a.host,
        State.UNKNOWN,
        expected=f"{service.name} is {address}",
        command=f"docker exec {a.name} nslookup {service.name}",
    )
    yield Question(a.key, ("name", service.name, address), name)
    for port in sorted({p["TargetPort"] for p in ports(service, "ingress")}):
        vip = Cell(
            SERVICE,
            service.name,
            f"vip/{port}",
            a.host,
            a.host,
            State.UNKNOWN,
            expected=f"{address}:{port} accepts",
            command=f"docker exec {a.name} nc -vz {service.name} {port}",
        )
        yield Question(a.key, ("tcp", address, str(port)), vip)


def published(
    cluster: Cluster, addresses: Mapping[str, str], nodes: Mapping[str, str], *, mesh: bool
) -> tuple[Question, ...]:
    """From every host: each published port on every node (host mode: where its tasks run).

    Args:
        cluster: services and tasks.
        addresses: host → its address.
        nodes: node id → host.
        mesh: the routing mesh can work here.
    """
    return tuple(
        _at(service.name, int(port["PublishedPort"]), a, b, addresses[b])
        for service in sorted(cluster.services, key=lambda s: s.name)
        for mode in (("ingress", "host") if mesh else ("host",))
        for port in ports(service, mode)
        for b in (addresses if mode == "ingress" else _running(cluster, service, nodes))
        if b in addresses
        for a in addresses
    )


def _running(cluster: Cluster, service: ServiceFact, nodes: Mapping[str, str]) -> tuple[str, ...]:
    tasks = (t for t in cluster.tasks if t.service_id == service.id and t.state == "running")
    return tuple(dict.fromkeys(nodes[t.node_id] for t in tasks if t.node_id in nodes))


def _at(service: str, port: int, a: str, b: str, address: str) -> Question:
    cell = Cell(
        INGRESS,
        service,
        f"tcp/{port}",
        a,
        b,
        State.UNKNOWN,
        expected=f"{address}:{port} accepts",
        command=f"nc -vz {address} {port}",
    )
    return Question(ON_HOST, ("tcp", address, str(port)), cell)
