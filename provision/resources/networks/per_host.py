"""Networks that end at a host: bridges and the like, and settings for networks that span hosts."""

from collections.abc import Iterator

from provision.model.actions import Action, Blocked, Change, Docker, Step
from provision.model.context import Context, container_id, engine_id, network_id
from provision.model.desired import Network
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.labels import PLAYBOOK, SPEC, digest
from provision.model.observed import NetworkFact
from provision.resources.networks.bodies import body, command, marked, real_name, shape
from provision.resources.networks.overlaps import overlap
from provision.resources.networks.swarmwide import removal, settings_of

_ON_A_PARENT = ("macvlan", "ipvlan")


def _placed(context: Context) -> Iterator[tuple[Host, str, Network]]:
    """Settings go to every host, the others to hosts whose containers join them."""
    for name, network in context.desired.networks.items():
        if not network.local or network.external:
            continue
        joining = None if network.config_only else _joining(context, name)
        for host in context.hosts:
            if joining is None or host.name in joining:
                yield host, name, network


def _joining(context: Context, name: str) -> set[str]:
    wanted = context.desired.containers.values()
    return {h.name for c in wanted if name in c.networks for h in context.inventory.select(c.on)}


def _on(context: Context, host: Host) -> tuple[NetworkFact, ...]:
    fact = context.facts(host.name).networks
    return fact.value if isinstance(fact, Known) else ()


def _find(context: Context, host: Host, name: str) -> NetworkFact | None:
    return next((n for n in _on(context, host) if n.name == name), None)


def refused(context: Context) -> Iterator[Blocked]:
    """Names that are others', addresses that are taken, kernels and interfaces that lack."""
    for host, name, network in _placed(context):
        problem = (
            _unable(context, host, network.driver)
            or _parentless(context, host, name, network)
            or _problem(context, host, name, network)
        )
        if problem:
            yield Blocked(host.name, problem[0], hint=problem[1], exit_code=4)
    for network in context.desired.networks.values():
        for host in context.hosts if network.config_from is not None else ():
            if problem := _unable(context, host, network.driver):
                yield Blocked(host.name, problem[0], hint=problem[1], exit_code=4)


def _unable(context: Context, host: Host, driver: str) -> tuple[str, str] | None:
    kernel = context.facts(host.name).kernel
    able = kernel.value.able if isinstance(kernel, Known) else {}
    if driver not in _ON_A_PARENT or able.get(driver) is not False:
        return None
    hint = "use driver: overlay or bridge, or a kernel that has it"
    return f"its kernel has no {driver}, which a network of the playbook needs", hint


def _parentless(
    context: Context, host: Host, name: str, network: Network
) -> tuple[str, str] | None:
    """The interface that a network stands on is there; ``eth0.10`` is made from ``eth0``."""
    parent = body(context, name, network, host.name)["Options"].get("parent", "")
    interfaces = context.facts(host.name).interfaces
    if not parent or not isinstance(interfaces, Known):
        return None
    names = [i.name for i in interfaces.value]
    if parent in names or parent.partition(".")[0] in names:
        return None
    reason = f"it has no interface {parent}, on which network {real_name(name, network)} stands"
    place = f"networks.{name}.per_host.{host.name}"
    return reason, f"it has {', '.join(names)}: say which under {place}"


def _problem(context: Context, host: Host, name: str, network: Network) -> tuple[str, str] | None:
    fact, shown = context.facts(host.name).networks, real_name(name, network)
    if isinstance(fact, Unknown):
        return f"its networks could not be listed: {fact.reason}", ""
    found = _find(context, host, shown)
    if found is not None and not context.owns(found.labels):
        reason = f"network {shown} exists there and was not made by swarmlay for this cluster"
        return reason, "choose another name, or declare it `external: true`"
    if found is not None:
        return _replacement_problem(context, host, name, network, found)
    if network.driver != "bridge" or network.config_only:
        return None  # the addresses of a macvlan are those of the hosts' own network
    pools = body(context, name, network, host.name).get("IPAM", {}).get("Config", ())
    subnets = [pool.get("Subnet") for pool in pools]
    return overlap(context, shown, subnets, _on(context, host), (host,))


def _replacement_problem(
    context: Context, host: Host, name: str, network: Network, found: NetworkFact
) -> tuple[str, str] | None:
    users = _users(context, host, found)
    if found.labels.get(SPEC) == digest(body(context, name, network, host.name)) or not users:
        return None
    what = f"network {found.name} differs from the playbook, and Docker cannot change a network"
    return (
        f"{what}: it would have to be made anew, but it is used by {', '.join(users)}",
        "remove these first (`swarmlay down PLAYBOOK`), or give the network another name",
    )


def _users(context: Context, host: Host, found: NetworkFact) -> tuple[str, ...]:
    cluster, containers = context.cluster, context.facts(host.name).containers
    spanning = [n for n in (cluster.networks if cluster else ()) if settings_of(n) == found.name]
    known = containers.value if isinstance(containers, Known) else ()
    joined = [c for c in known if found.name in c.networks]
    return (*(f"network {n.name}" for n in spanning), *(f"container {c.name}" for c in joined))


def wanted(context: Context) -> Iterator[Action]:
    """Missing ones are created; changed ones that nobody uses are made anew."""
    for host, name, network in _placed(context):
        found = _find(context, host, real_name(name, network))
        differs = found is None or found.labels.get(SPEC) != digest(
            body(context, name, network, host.name)
        )
        if differs:
            yield _create(context, host, name, network, found)
    if context.options.prune:
        kept = {(h.name, real_name(n, w)) for h, n, w in _placed(context)}
        for host, found in _ours(context):
            if (host.name, found.name) not in kept:
                yield _remove(context, host, found, "no playbook wants it any more")


def _create(
    context: Context, host: Host, name: str, network: Network, replaces: NetworkFact | None
) -> Action:
    asked = marked(body(context, name, network, host.name))
    old: list[Step] = removal(replaces) if replaces is not None else []
    return Action(
        id=f"{host.name}:{network_id(asked['Name'])}",
        host=host.name,
        resource="networks",
        subject=f"network {asked['Name']}",
        change=Change.UPDATE if replaces else Change.CREATE,
        why="it differs from the playbook and nothing uses it" if replaces else "does not exist",
        steps=(*old, Docker("network.create", {"body": asked})),
        after=frozenset({engine_id(host.name)}),
        after_=shape(asked),
        commands=(command(asked),),
    )


def _ours(context: Context) -> Iterator[tuple[Host, NetworkFact]]:
    for host in context.hosts:
        for found in _on(context, host):
            if found.scope == "local" and context.owns(found.labels):
                yield host, found


def unwanted(context: Context) -> Iterator[Action]:
    """Ours go once nothing is left on them."""
    desired = context.desired
    names = {real_name(n, w) for n, w in desired.networks.items() if not w.external}
    for host, found in _ours(context):
        if not desired.playbooks or found.name in names:
            yield _remove(context, host, found, "the cluster is taken down")


def _remove(context: Context, host: Host, found: NetworkFact, why: str) -> Action:
    containers = context.facts(host.name).containers
    users = (
        {container_id(host.name, c.name) for c in containers.value}
        if isinstance(containers, Known)
        else set()
    )
    cluster = context.cluster
    for other in cluster.networks if cluster else ():
        if settings_of(other) == found.name:
            users.add(f"{context.lead}:{network_id(other.name)}")
    return Action(
        id=f"{host.name}:{network_id(found.name)}",
        host=host.name,
        resource="networks",
        subject=f"network {found.name}",
        change=Change.DELETE,
        why=why,
        steps=tuple(removal(found)),
        after=frozenset(users),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker network rm {found.name}",),
    )
