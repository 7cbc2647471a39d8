"""Overlay networks: made on the lead manager, looked at after, never half-made."""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from provision.model.actions import Action, Blocked, Change, Docker, Ref, Step, Wait
from provision.model.context import Context, engine_id, member_id, network_id, service_id
from provision.model.desired import IpamPool, Network
from provision.model.facts import Known
from provision.model.labels import PLAYBOOK, SPEC, digest, ownership
from provision.model.observed import NetworkFact


class Networks:
    """Networks of the playbooks exist as described."""

    name = "networks"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """A subnet that is taken, a name that is somebody else's: the cluster's part is refused."""
        for name, network in context.desired.networks.items():
            found = _find(context, _real_name(name, network))
            problem = _problem(context, name, network, found)
            if problem:
                yield Blocked("", problem[0], hint=problem[1], exit_code=4)

    def wanted(self, context: Context) -> Iterable[Action]:
        """Missing networks are created; changed ones that nobody uses are made anew."""
        if context.lead is None:
            return
        for name, network in context.desired.networks.items():
            if network.external:
                continue
            found = _find(context, _real_name(name, network))
            if found is None:
                yield _create(context, name, network)
            elif found.labels.get(SPEC) != digest(body(context, name, network)):
                yield _create(context, name, network, replaces=found)
            elif not _allocated(found):
                yield _allocate(context, name, found)
        if context.options.prune:
            yield from self._prune(context)

    def _prune(self, context: Context) -> Iterator[Action]:
        wanted = {_real_name(n, w) for n, w in context.desired.networks.items()}
        for found in _ours(context):
            if found.name not in wanted:
                yield _remove(context, found, "no playbook wants it any more")

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Ours go once nothing is left on them."""
        if context.lead is None:
            return
        for found in _ours(context):
            if _named(context, found):
                yield _remove(context, found, "the cluster is taken down")


def _real_name(name: str, network: Network) -> str:
    return network.name or name


def _find(context: Context, name: str) -> NetworkFact | None:
    cluster = context.cluster
    if cluster is None:
        return None
    return next((n for n in cluster.networks if n.name == name and n.scope == "swarm"), None)


def _ours(context: Context) -> tuple[NetworkFact, ...]:
    cluster = context.cluster
    return tuple(n for n in cluster.networks if context.owns(n.labels)) if cluster else ()


def _named(context: Context, found: NetworkFact) -> bool:
    """Whether `down` is to remove it: all of ours, or only those the given playbooks name."""
    if not context.desired.playbooks:
        return True
    names = {_real_name(n, w) for n, w in context.desired.networks.items() if not w.external}
    return found.name in names


def body(context: Context, name: str, network: Network) -> dict[str, Any]:
    """The Engine API's create body, without the fingerprint label."""
    labels = {**network.labels, **ownership(context.cluster_name, _origin(context, name))}
    asked: dict[str, Any] = {
        "Name": _real_name(name, network),
        "Driver": network.driver,
        "Attachable": network.attachable,
        "Internal": network.internal,
        "EnableIPv6": network.enable_ipv6,
        "CheckDuplicate": True,
        "Options": dict(network.driver_opts),
        "Labels": labels,
    }
    if network.ipam.config or network.ipam.driver or network.ipam.options:
        asked["IPAM"] = {
            "Driver": network.ipam.driver or "default",
            "Options": dict(network.ipam.options),
            "Config": [_pool(p) for p in network.ipam.config],
        }
    return asked


def _origin(context: Context, name: str) -> str:
    return context.desired.origin.get(f"network/{name}", "")


def _pool(pool: IpamPool) -> dict[str, Any]:
    made = {"Subnet": pool.subnet, "Gateway": pool.gateway, "IPRange": pool.ip_range}
    kept: dict[str, Any] = {k: v for k, v in made.items() if v}
    return {**kept, "AuxiliaryAddresses": dict(pool.aux_addresses)} if pool.aux_addresses else kept


def _create(
    context: Context, name: str, network: Network, replaces: NetworkFact | None = None
) -> Action:
    lead = str(context.lead)
    asked = body(context, name, network)
    asked = {**asked, "Labels": {**asked["Labels"], SPEC: digest(asked)}}
    ref = Ref(f"id of network {asked['Name']}")
    steps: list[Step] = []
    if replaces is not None:
        steps += _removal(replaces)
    steps += [Docker("network.create", {"body": asked}, captures=ref), _allocation(ref)]
    return Action(
        id=f"{lead}:{network_id(name)}",
        host=lead,
        resource="networks",
        subject=f"network {asked['Name']}",
        change=Change.UPDATE if replaces else Change.CREATE,
        why="it differs from the playbook and nothing uses it" if replaces else "does not exist",
        steps=tuple(steps),
        after=frozenset({engine_id(lead), member_id(lead)}),
        before=_shape(replaces.raw) if replaces else None,
        after_=_shape(asked),
        commands=(_command(asked),),
    )


def _shape(raw: Any) -> dict[str, Any]:
    keys = ("Driver", "Attachable", "Internal", "EnableIPv6", "Options", "IPAM")
    return {k: raw[k] for k in keys if raw.get(k)}


def _command(asked: dict[str, Any]) -> str:
    words = [f"docker network create --driver {asked['Driver']}"]
    words += ["--attachable"] if asked["Attachable"] else []
    words += ["--internal"] if asked["Internal"] else []
    words += [f"--opt {k}={v}" if v else f"--opt {k}" for k, v in asked["Options"].items()]
    for pool in asked.get("IPAM", {}).get("Config", ()):
        words += [f"--subnet {pool['Subnet']}"] if "Subnet" in pool else []
        words += [f"--gateway {pool['Gateway']}"] if "Gateway" in pool else []
    return " ".join([*words, str(asked["Name"])])


def _allocation(network: str | Ref) -> Wait:
    """`network create` answers with an id and 0 even when no address pool could be given to it."""
    return Wait(
        Docker("network.is_allocated", {"id": network}), timeout=15, why="driver and addresses"
    )


def _allocated(found: NetworkFact) -> bool:
    return bool(found.driver) and bool(found.subnets)


def _allocate(context: Context, name: str, found: NetworkFact) -> Action:
    lead = str(context.lead)
    return Action(
        id=f"{lead}:{network_id(name)}",
        host=lead,
        resource="networks",
        subject=f"network {found.name}",
        change=Change.CHECK,
        why="it exists, but has no driver or addresses yet",
        steps=(_allocation(found.id),),
        after=frozenset({member_id(lead)}),
        commands=(f"docker network inspect {found.name}",),
    )


def _removal(found: NetworkFact) -> list[Step]:
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
        steps=tuple(_removal(found)),
        after=frozenset(users),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker network rm {found.name}",),
    )


def _problem(
    context: Context, name: str, network: Network, found: NetworkFact | None
) -> tuple[str, str] | None:
    shown = _real_name(name, network)
    if network.external:
        return None if found else (f"external network {shown} does not exist", _create_hint(shown))
    if found is not None and not context.owns(found.labels):
        return (
            f"network {shown} exists and was not made by swarmlay for this cluster",
            "choose another name, or declare it `external: true`",
        )
    if found is not None:
        return _replacement_problem(context, name, network, found)
    return _overlap(context, shown, network)


def _create_hint(name: str) -> str:
    return f"create it (docker network create -d overlay {name}), or take `external` away"


def _replacement_problem(
    context: Context, name: str, network: Network, found: NetworkFact
) -> tuple[str, str] | None:
    if found.labels.get(SPEC) == digest(body(context, name, network)):
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


def _overlap(context: Context, shown: str, network: Network) -> tuple[str, str] | None:
    for pool in network.ipam.config:
        if not pool.subnet:
            continue
        taken = _taken_by(context, ipaddress.ip_network(pool.subnet))
        if taken:
            return (
                f"subnet {pool.subnet} of network {shown} overlaps {taken}",
                "choose another subnet, or leave it out: Docker then picks a free one",
            )
    return None


def _taken_by(context: Context, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    cluster = context.cluster
    for other in cluster.networks if cluster else ():
        if any(_overlaps(subnet, s) for s in other.subnets):
            return f"network {other.name} ({', '.join(other.subnets)})"
    for host in context.hosts:
        routes = context.facts(host.name).routes
        for route in routes.value if isinstance(routes, Known) else ():
            if not route.destination.endswith("/0") and _overlaps(subnet, route.destination):
                return f"the route to {route.destination} on {host.name} (dev {route.device})"
    return ""


def _overlaps(subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, other: str) -> bool:
    there = ipaddress.ip_network(other, strict=False)
    if isinstance(subnet, ipaddress.IPv4Network) and isinstance(there, ipaddress.IPv4Network):
        return subnet.overlaps(there)
    if isinstance(subnet, ipaddress.IPv6Network) and isinstance(there, ipaddress.IPv6Network):
        return subnet.overlaps(there)
    return False
