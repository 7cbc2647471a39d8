"""What `down` left behind, host by host. Pure."""

from collections.abc import Iterator

from provision.firewalls import surplus
from provision.model.context import SWARM_RECORD
from provision.model.facts import Known, Unknown
from provision.model.inventory import Inventory
from provision.model.labels import ADOPTED, is_ours
from provision.model.manifest import decode
from provision.model.observed import Cluster, HostFacts, ObservedState
from provision.model.report import Residue
from provision.plan.objects import host_residue, stored_residue


def residue(
    inventory: Inventory, observed: ObservedState, *, purge: bool, volumes: bool = False
) -> tuple[Residue, ...]:
    """Everything of ours that is still there after `down`; an unreachable host counts too."""
    found: list[Residue] = []
    cluster = observed.cluster.value if isinstance(observed.cluster, Known) else None
    if cluster is not None:
        found += (*_objects(inventory, cluster), *stored_residue(inventory, cluster))
    kept = bool(keeps_swarm(inventory, observed))
    for host in inventory.hosts:
        facts = observed.hosts[host.name]
        if isinstance(facts.reachable, Unknown):
            found.append(_unseen(inventory, facts))
        else:
            found += host_residue(inventory, facts, volumes=volumes)
            found += _on_host(inventory, facts, purge=purge, kept=kept)
    return tuple(found)


def _objects(inventory: Inventory, cluster: Cluster) -> Iterator[Residue]:
    for service in cluster.services:
        if is_ours(service.labels, inventory.cluster):
            yield Residue(
                cluster.lead, f"service {service.name}", f"docker service rm {service.name}"
            )
    for network in cluster.networks:
        if network.scope == "swarm" and is_ours(network.labels, inventory.cluster):
            yield Residue(
                cluster.lead, f"network {network.name}", f"docker network rm {network.name}"
            )


def _unseen(inventory: Inventory, facts: HostFacts) -> Residue:
    reason = facts.reachable.reason if isinstance(facts.reachable, Unknown) else ""
    return Residue(
        facts.host,
        f"could not be reached, so nothing was removed there ({reason})",
        "when it is back: `swarmlay down` again; or there: docker swarm leave --force, "
        f"and remove firewall rules with the comment swarmlay:{inventory.cluster}",
    )


def _on_host(
    inventory: Inventory, facts: HostFacts, *, purge: bool, kept: bool
) -> Iterator[Residue]:
    yield from _containers(inventory, facts)
    if kept:
        return  # the swarm stays for others, and with it the rules that it needs
    yield from _swarm(facts)
    if isinstance(facts.firewall, Known):
        for rule in surplus(facts.firewall.value, (), inventory.cluster):
            what = f"firewall rule {rule.port}/{rule.protocol} from {rule.source}"
            yield Residue(facts.host, what, "swarmlay down")
    if purge and isinstance(facts.manifest, Known):
        manifest = decode(facts.manifest.value)
        for entry in manifest.entries if manifest else ():
            if manifest and manifest.cluster == inventory.cluster:
                yield Residue(facts.host, f"{entry.kind} {entry.name}", "swarmlay down --purge")


def _containers(inventory: Inventory, facts: HostFacts) -> Iterator[Residue]:
    for container in facts.containers.value if isinstance(facts.containers, Known) else ():
        if is_ours(container.labels, inventory.cluster):
            remedy = f"docker rm --force {container.name}"
            yield Residue(facts.host, f"container {container.name}", remedy)


def _swarm(facts: HostFacts) -> Iterator[Residue]:
    """Only a membership that we made: its id is recorded on the host."""
    if isinstance(facts.swarm, Unknown):
        yield from _untold(facts, facts.swarm.reason)
        return
    membership = facts.swarm.value
    if membership is None or membership.state == "inactive" or not isinstance(facts.files, Known):
        return
    if facts.files.value.get(SWARM_RECORD, "").strip() == (membership.cluster_id or "?"):
        yield Residue(facts.host, "membership of the swarm", "docker swarm leave --force")


def _untold(facts: HostFacts, reason: str) -> Iterator[Residue]:
    """We made it a node, and nobody can say whether it is one still."""
    if isinstance(facts.files, Known) and facts.files.value.get(SWARM_RECORD, "").strip():
        what = f"membership of the swarm, and what runs in it: {reason}"
        yield Residue(facts.host, what, "systemctl start docker; then `swarmlay down` again")


def keeps_swarm(inventory: Inventory, observed: ObservedState) -> str:
    """Why the swarm stays although `down` ran: adopted, or services of others; "" when it goes."""
    cluster = observed.cluster.value if isinstance(observed.cluster, Known) else None
    if cluster is None:
        return ""
    if cluster.labels.get(ADOPTED) == "true":
        return "it was made by hand and adopted"
    others = [s.name for s in cluster.services if not is_ours(s.labels, inventory.cluster)]
    return f"services that are not swarmlay's run in it: {', '.join(others)}" if others else ""
