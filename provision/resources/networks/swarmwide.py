"""Networks of the whole swarm: made on the lead manager, looked at after, never half-made."""

from collections.abc import Iterable, Iterator
from typing import Any

from provision.model.actions import Action, Blocked, Change, Docker, Ref, Step, Wait
from provision.model.context import Context, engine_id, member_id, network_id, service_id
from provision.model.desired import Network
from provision.model.facts import Known
from provision.model.labels import PLAYBOOK, SPEC, digest
from provision.model.observed import NetworkFact
from provision.resources.networks.bodies import (
    body,
    command,
    marked,
    real_name,
    real_names,
    shape,
)
from provision.resources.networks.overlaps import overlap


def _entries(context: Context) -> Iterator[tuple[str, Network]]:
    return ((n, w) for n, w in context.desired.networks.items() if not w.local)


def refused(context: Context) -> Iterable[Blocked]:
    """A subnet that is taken, a name that is somebody else's: the cluster's part is refused."""
    for name, network in _entries(context):
        found = _find(context, real_name(name, network))
        problem = _problem(context, name, network, found)
        if problem:
            yield Blocked("", problem[0], hint=problem[1], exit_code=4)


def wanted(context: Context) -> Iterable[Action]:
    """Missing networks are created; changed ones that nobody uses are made anew."""
    for name, network in _entries(context):
        if network.external:
            continue
        found = _find(context, real_name(name, network))
        if found is None:
            yield _create(context, name, network)
        elif _differs(context, name, network, found):
            yield _create(context, name, network, replaces=found)
        elif network.config_from is None and not _allocated(found):
            yield _allocate(context, found)
    if context.options.prune:
        yield from _prune(context)


def _prune(context: Context) -> Iterator[Action]:
    names = set(real_names(context).values())
    for found in ours(context):
        if found.name not in names:
            yield _remove(context, found, "no playbook wants it any more")


def unwanted(context: Context) -> Iterable[Action]:
    """Ours go once nothing is left on them."""
    for found in ours(context):
        if _named(context, found):
            yield _remove(context, found, "the cluster is taken down")


def _differs(context: Context, name: str, network: Network, found: NetworkFact) -> bool:
    asked = body(context, name, network)
    if network.config_from is None:
        return found.labels.get(SPEC) != digest(asked)
    keys = ("Driver", "Attachable", "ConfigFrom")
    return any(found.raw.get(key) != asked[key] for key in keys)


def _find(context: Context, name: str) -> NetworkFact | None:
    cluster = context.cluster
    if cluster is None:
        return None
    return next((n for n in cluster.networks if n.name == name and n.scope == "swarm"), None)


def ours(context: Context) -> tuple[NetworkFact, ...]:
    """Ours by label; by the settings they name, where the engine takes no labels."""
    cluster = context.cluster
    networks = cluster.networks if cluster else ()
    settings = {n.name for n in networks if n.raw.get("ConfigOnly") and context.owns(n.labels)}
    return tuple(
        n
        for n in networks
        if n.scope == "swarm" and (context.owns(n.labels) or settings_of(n) in settings)
    )


def settings_of(found: NetworkFact) -> str:
    """The network whose settings it has, or nothing."""
    return str((found.raw.get("ConfigFrom") or {}).get("Network") or "")


def _named(context: Context, found: NetworkFact) -> bool:
    """Whether `down` is to remove it: all of ours, or only those the given playbooks name."""
    if not context.desired.playbooks:
        return True
    names = {real_name(n, w) for n, w in context.desired.networks.items() if not w.external}
    return found.name in names


def _create(
    context: Context, name: str, network: Network, replaces: NetworkFact | None = None
) -> Action:
    lead = str(context.lead)
    asked = marked(body(context, name, network))
    ref = Ref(f"id of network {asked['Name']}")
    steps: list[Step] = []
    if replaces is not None:
        steps += removal(replaces)
    steps += [Docker("network.create", {"body": asked}, captures=ref)]
    steps += [_allocation(ref)] if network.config_from is None else []
    return Action(
        id=f"{lead}:{network_id(asked['Name'])}",
        host=lead,
        resource="networks",
        subject=f"network {asked['Name']}",
        change=Change.UPDATE if replaces else Change.CREATE,
        why="it differs from the playbook and nothing uses it" if replaces else "does not exist",
        steps=tuple(steps),
        after=frozenset({engine_id(lead), member_id(lead)} | _settings(context, asked)),
        before=shape(replaces.raw) if replaces else None,
        after_=shape(asked),
        commands=(command(asked),),
    )


def _settings(context: Context, asked: dict[str, Any]) -> set[str]:
    """Every host has the settings before a task can come to it."""
    source = (asked.get("ConfigFrom") or {}).get("Network")
    return {f"{h.name}:{network_id(source)}" for h in context.hosts} if source else set()


def _allocation(network: str | Ref) -> Wait:
    """`network create` answers with an id and 0 even when no address pool could be given to it."""
    return Wait(
        Docker("network.is_allocated", {"id": network}), timeout=15, why="driver and addresses"
    )


def _allocated(found: NetworkFact) -> bool:
    return bool(found.driver) and bool(found.subnets)


def _allocate(context: Context, found: NetworkFact) -> Action:
    lead = str(context.lead)
    return Action(
        id=f"{lead}:{network_id(found.name)}",
        host=lead,
        resource="networks",
        subject=f"network {found.name}",
        change=Change.CHECK,
        why="it exists, but has no driver or addresses yet",
        steps=(_allocation(found.id),),
        after=frozenset({member_id(lead)}),
        commands=(f"docker network inspect {found.name}",),
    )


def removal(found: NetworkFact) -> list[Step]:
    """Remove it and see it gone."""
    return [
        Docker("network.remove", {"id": found.id}),
        Wait(Docker("network.is_gone", {"id": found.id}), timeout=60, why="the network to be gone"),
    ]


def _remove(context: Context, found: NetworkFact, why: str) -> Action:
    lead = str(context.lead)
    cluster = context.cluster
    users = {f"{lead}:{service_id(s.name)}" for s in cluster.services} if cluster else set()
    for host in context.hosts:
        containers = context.facts(host.name).containers
        if isinstance(containers, Known):
            users |= {f"{host.name}:containers:{c.name}" for c in containers.value}
    return Action(
        id=f"{lead}:{network_id(found.name)}",
        host=lead,
        resource="networks",
        subject=f"network {found.name}",
        change=Change.DELETE,
        why=why,
        steps=tuple(removal(found)),
        after=frozenset(users),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker network rm {found.name}",),
    )


def _problem(
    context: Context, name: str, network: Network, found: NetworkFact | None
) -> tuple[str, str] | None:
    shown = real_name(name, network)
    if network.external:
        return None if found else (f"external network {shown} does not exist", _create_hint(shown))
    if found is not None and found not in ours(context):
        return (
            f"network {shown} exists and was not made by swarmlay for this cluster",
            "choose another name, or declare it `external: true`",
        )
    if found is not None:
        return _replacement_problem(context, name, network, found)
    networks = context.cluster.networks if context.cluster else ()
    subnets = [pool.subnet for pool in network.ipam.config]
    return overlap(context, shown, subnets, networks, context.hosts)


def _create_hint(name: str) -> str:
    return f"create it (docker network create -d overlay {name}), or take `external` away"


def _replacement_problem(
    context: Context, name: str, network: Network, found: NetworkFact
) -> tuple[str, str] | None:
    if not _differs(context, name, network, found):
        return None
    users = _users(context, found)
    if not users:
        return None
    what = f"network {found.name} differs from the playbook, and Docker cannot change a network"
    return (
        f"{what}: it would have to be made anew, but it is used by {', '.join(users)}",
        "remove these first (`swarmlay down PLAYBOOK`), or give the network another name",
    )


def _users(context: Context, found: NetworkFact) -> tuple[str, ...]:
    cluster = context.cluster
    services = cluster.services if cluster else ()
    names = [
        f"service {s.name}"
        for s in services
        if any(
            n.get("Target") in (found.id, found.name)
            for n in s.spec.get("TaskTemplate", {}).get("Networks") or ()
        )
    ]
    containers = (found.raw.get("Containers") or {}).values()
    names += [
        f"container {c['Name']}" for c in containers if not str(c.get("Name", "")).startswith("lb-")
    ]
    return tuple(dict.fromkeys(names))
