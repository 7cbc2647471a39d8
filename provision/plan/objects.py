"""Objects besides services: what is left of them, and what goes before what. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from provision.model.actions import Action
from provision.model.context import Context
from provision.model.facts import Known
from provision.model.inventory import Inventory
from provision.model.labels import OBJECT, is_ours
from provision.model.observed import Cluster, HostFacts, StoredFact
from provision.model.report import Residue

OBJECTS = ("services", "containers", "networks", "configs", "secrets", "volumes")
"""In the order of teardown."""


def before_hosts(actions: Iterable[Action]) -> tuple[Action, ...]:
    """The same; no host leaves the swarm or loses its engine before its objects are gone."""
    made = tuple(actions)
    objects: dict[str, set[str]] = {}
    for action in made:
        if action.resource in OBJECTS:
            objects.setdefault(action.host, set()).add(action.id)
    return tuple(
        replace(a, after=a.after | objects.get(a.host, set()))
        if a.resource in ("swarm", "engine")
        else a
        for a in made
    )


def left_over(context: Context) -> Iterator[str]:
    """Configs and secrets of ours that no playbook names any more."""
    cluster, desired = context.cluster, context.desired
    if cluster is None:
        return
    for kind, found, wanted in (
        ("config", cluster.configs, desired.configs),
        ("secret", cluster.secrets, desired.secrets),
    ):
        for one in found:
            if context.owns(one.labels) and one.labels.get(OBJECT) not in wanted:
                yield f"{kind} {one.name}"


def stored_residue(inventory: Inventory, cluster: Cluster) -> Iterator[Residue]:
    """Configs and secrets that are still there."""
    kinds: Sequence[tuple[str, tuple[StoredFact, ...]]]
    kinds = (("config", cluster.configs), ("secret", cluster.secrets))
    for kind, found in kinds:
        for one in found:
            if is_ours(one.labels, inventory.cluster):
                yield Residue(cluster.lead, f"{kind} {one.name}", f"docker {kind} rm {one.name}")


def host_residue(inventory: Inventory, facts: HostFacts, *, volumes: bool) -> Iterator[Residue]:
    """Networks of the host, and volumes where they were to go."""
    for network in facts.networks.value if isinstance(facts.networks, Known) else ():
        if is_ours(network.labels, inventory.cluster):
            remedy = f"docker network rm {network.name}"
            yield Residue(facts.host, f"network {network.name}", remedy)
    found = facts.volumes.value if isinstance(facts.volumes, Known) else ()
    for volume in found if volumes else ():
        if is_ours(volume.labels, inventory.cluster):
            remedy = f"docker volume rm {volume.name}"
            yield Residue(facts.host, f"volume {volume.name}", remedy)


def kept_volumes(context: Context) -> Iterator[str]:
    """`down` without ``--volumes`` says what stays."""
    if context.options.volumes:
        return
    for host in context.hosts:
        fact = context.facts(host.name).volumes
        found = fact.value if isinstance(fact, Known) else ()
        names = [v.name for v in found if context.owns(v.labels)]
        if names:
            yield f"volumes stay on {host.name}: {', '.join(names)} (--volumes removes them)"
