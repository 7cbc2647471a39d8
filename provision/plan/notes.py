"""What the reader of a plan should know although nothing is done about it. Pure."""

from collections.abc import Iterator
from typing import Final

from provision.model.context import Context
from provision.model.facts import Known
from provision.plan.departed import departed_notes
from provision.plan.objects import left_over
from provision.resources.containers.ended import of_task

_SAME_ARCHITECTURE: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def notes(context: Context) -> tuple[str, ...]:
    """Warnings of the documents, objects that left the playbook, abilities that lack."""
    return (
        *context.inventory.warnings,
        *context.desired.warnings,
        *_left_over(context),
        *departed_notes(context),
        *_drained(context),
        *_kernels(context),
        *_past_ufw(context),
        *_architectures(context),
    )


def _left_over(context: Context) -> Iterator[str]:
    """`up` never removes what it does not find in the playbook, but names it."""
    cluster, desired = context.cluster, context.desired
    if cluster is None or not desired.playbooks or context.options.prune:
        return
    networks = {w.name or n for n, w in desired.networks.items()}
    names = [
        f"service {s.name}"
        for s in cluster.services
        if context.owns(s.labels) and s.name not in desired.services
    ]
    names += [
        f"network {n.name}"
        for n in cluster.networks
        if context.owns(n.labels) and n.name not in networks
    ]
    names += list(left_over(context))
    names += list(_containers(context))
    if names:
        yield f"no longer in a playbook, still there: {', '.join(names)} (--prune removes them)"


def _containers(context: Context) -> Iterator[str]:
    for host in context.hosts:
        fact = context.facts(host.name).containers
        for container in fact.value if isinstance(fact, Known) else ():
            standalone = context.owns(container.labels) and not of_task(container)
            if standalone and container.name not in context.desired.containers:
                yield f"container {container.name} on {host.name}"


def _drained(context: Context) -> Iterator[str]:
    for host in context.hosts:
        node = context.node(host.name)
        if node is not None and node.availability != "active":
            yield f"{host.name} is set to {node.availability}: it gets no new tasks"


def _kernels(context: Context) -> Iterator[str]:
    """Said once for all hosts that lack the same thing."""
    for ability, consequence in (
        ("ip_vs", "service VIPs and the ingress mesh will not answer there"),
        ("vxlan", "overlay networks cannot work there"),
        ("esp", "encrypted overlays cannot pass packets there"),
    ):
        hosts = [h.name for h in context.hosts if _lacks(context, h.name, ability)]
        if hosts and (ability != "esp" or _encrypted(context)):
            yield f"the kernel of {', '.join(hosts)} has no {ability}: {consequence}"


def _past_ufw(context: Context) -> Iterator[str]:
    """Said once: ufw's user believes that it guards every port."""
    hosts = [host.name for host in context.hosts if _backend(context, host.name) == "ufw"]
    published = dict.fromkeys(_published(context))
    if hosts and published:
        yield (
            f"ufw on {', '.join(hosts)} does not guard published ports ({', '.join(published)}): "
            "Docker's own rules let everybody in before ufw is asked; use DOCKER-USER to restrict "
            "them, or do not publish"
        )


def _architectures(context: Context) -> Iterator[str]:
    """Swarm keeps a service off nodes its image is not made for; nobody does so for a container."""
    found: dict[str, list[str]] = {}
    for host in context.hosts:
        fact = context.facts(host.name).architecture
        if isinstance(fact, Known):
            found.setdefault(_SAME_ARCHITECTURE.get(fact.value, fact.value), []).append(host.name)
    if len(found) > 1:
        named = "; ".join(f"{name}: {', '.join(hosts)}" for name, hosts in sorted(found.items()))
        yield (
            f"the hosts have several architectures ({named}): an image without one of them gets no "
            'tasks there, and where it is built for the wrong one it ends with "exec format error"'
        )


def _backend(context: Context, host: str) -> str:
    firewall = context.facts(host).firewall
    return firewall.value.backend if isinstance(firewall, Known) else ""


def _published(context: Context) -> Iterator[str]:
    desired = context.desired
    for workload in (*desired.services.values(), *desired.containers.values()):
        for port in workload.ports:
            if port.host_ip is None or not port.host_ip.startswith("127."):
                yield f"{port.published or port.target}/{port.protocol}"


def _lacks(context: Context, host: str, ability: str) -> bool:
    kernel = context.facts(host).kernel
    return isinstance(kernel, Known) and kernel.value.able.get(ability) is False


def _encrypted(context: Context) -> bool:
    return any(n.encrypted for n in context.desired.networks.values())
