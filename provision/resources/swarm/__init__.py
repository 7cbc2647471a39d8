"""Swarm membership: one init, managers one by one, workers in parallel; never a second swarm."""

from collections.abc import Iterable, Iterator

from provision.model.actions import (
    Action,
    Blocked,
    Change,
    Docker,
    Guard,
    Ref,
    Rescue,
    Run,
    Step,
    Wait,
    WriteFile,
)
from provision.model.context import (
    SWARM_RECORD,
    UNDERLAY_ID,
    Context,
    engine_id,
    member_id,
    node_ref,
    ports_id,
    token_ref,
)
from provision.model.departure import former_id, left_quietly
from provision.model.desired import SwarmWanted
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.labels import ADOPTED, CLUSTER
from provision.resources.swarm.leaving import leaves
from provision.resources.swarm.refusals import cluster_refused, host_refused

_CLUSTER_ID = Ref("cluster id")
VXLAN_PORT = 4789
_LISTEN = "0.0.0.0:2377"


class SwarmMembership:
    """Every host of the inventory is an active node of one swarm."""

    name = "swarm"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Refuse hosts of other swarms, locked and broken nodes, swarms that are not ours."""
        yield from cluster_refused(context)
        for host in context.hosts:
            yield from host_refused(context, host)

    def wanted(self, context: Context) -> Iterable[Action]:
        """Init on the lead, then joins; the tokens are read on the lead just before."""
        if context.lead is None:
            return
        joining = [
            h for h in context.hosts if not context.is_member(h.name) and not _founds(context, h)
        ]
        if context.founding:
            yield _init(context)
        yield from _adopt(context)
        yield from _autolock(context)
        if joining:
            yield _tokens(context, joining)
        before = member_id(context.lead)
        for host in [h for h in joining if h.is_manager]:
            yield _join(context, host, before)
            before = member_id(host.name)  # managers one by one: two at once can cost the quorum
        for host in [h for h in joining if not h.is_manager]:
            yield _join(context, host, member_id(context.lead))

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Workers leave, then managers, the lead last."""
        return leaves(context)


def _founds(context: Context, host: Host) -> bool:
    return context.founding and host.name == context.lead


def _init(context: Context) -> Action:
    lead = str(context.lead)
    wanted, address = context.desired.swarm, context.addresses[lead]
    steps: list[Step] = [
        Docker("swarm.init", _init_arguments(context, wanted, address), captures=node_ref(lead)),
        Wait(Docker("swarm.is_active"), timeout=60, why="the swarm to be active"),
        Docker("swarm.inspect", captures=_CLUSTER_ID),
        WriteFile(SWARM_RECORD, _CLUSTER_ID),
    ]
    return Action(
        id=member_id(lead),
        host=lead,
        resource="swarm",
        subject="swarm",
        change=Change.CREATE,
        why=f"no manager of the inventory is in a swarm; {lead} is first, advertises {address}",
        steps=tuple(steps),
        after=frozenset({engine_id(lead), ports_id(lead), UNDERLAY_ID}),
        commands=(_init_command(context, wanted, address),),
        guard=_not_in_a_swarm(),
    )


def _init_arguments(context: Context, wanted: SwarmWanted, address: str) -> dict[str, object]:
    return {
        "listen_addr": _LISTEN,
        "advertise_addr": address,
        "data_path_port": wanted.data_path_port,
        "default_addr_pool": list(context.pool),
        "subnet_size": wanted.subnet_size,
        "autolock": wanted.autolock,
        "labels": {CLUSTER: context.cluster_name},
    }


def _init_command(context: Context, wanted: SwarmWanted, address: str) -> str:
    words = ["docker swarm init --advertise-addr", address]
    words += [f"--default-addr-pool {pool}" for pool in context.pool]
    words += (
        [f"--data-path-port {wanted.data_path_port}"] if wanted.data_path_port != VXLAN_PORT else []
    )
    return " ".join(words)


def _not_in_a_swarm() -> Guard:
    return Guard(
        Run(("sh", "-c", "! test -s /var/lib/docker/swarm/docker-state.json")),
        otherwise="the host was in no swarm",
    )


def _adopt(context: Context) -> Iterator[Action]:
    cluster = context.cluster
    if cluster is None or cluster.labels.get(CLUSTER) == context.cluster_name:
        return
    labels = {**cluster.labels, CLUSTER: context.cluster_name, ADOPTED: "true"}
    yield Action(
        id=f"{cluster.lead}:swarm:adopt",
        host=cluster.lead,
        resource="swarm",
        subject="swarm",
        change=Change.UPDATE,
        why="`adopt: true`: the swarm made by hand is used, and never left",
        steps=(Docker("swarm.update", {"labels": labels}),),
        after=frozenset({engine_id(cluster.lead)}),
        before=dict(cluster.labels),
        after_=labels,
    )


def _autolock(context: Context) -> Iterator[Action]:
    """Turned on where a playbook says so; off only by hand: a playbook may just not mention it."""
    cluster = context.cluster
    if cluster is None or not context.desired.swarm.autolock:
        return
    spec = cluster.raw.get("Spec") or {}
    if (spec.get("EncryptionConfig") or {}).get("AutoLockManagers"):
        return
    yield Action(
        id=f"{cluster.lead}:swarm:autolock",
        host=cluster.lead,
        resource="swarm",
        subject="swarm",
        change=Change.UPDATE,
        why="`autolock: true`: managers that restart need the unlock key",
        steps=(Docker("swarm.update", {"autolock": True}),),
        after=frozenset({engine_id(cluster.lead)}),
        before={"autolock": False},
        after_={"autolock": True},
        commands=("docker swarm update --autolock=true",),
    )


def _tokens(context: Context, joining: list[Host]) -> Action:
    lead = str(context.lead)
    roles = sorted({h.role for h in joining})
    return Action(
        id=f"{lead}:swarm:tokens",
        host=lead,
        resource="swarm",
        subject="join tokens",
        change=Change.CHECK,
        why=f"read for {', '.join(h.name for h in joining)}; kept in memory, never shown",
        steps=(
            Docker("swarm.inspect", captures=_CLUSTER_ID),
            *(Docker("swarm.token", {"role": r}, captures=token_ref(r)) for r in roles),
        ),
        after=frozenset({member_id(lead), UNDERLAY_ID}),
        commands=tuple(f"docker swarm join-token -q {r}" for r in roles),
    )


def _join(context: Context, host: Host, before: str) -> Action:
    lead = str(context.lead)
    address, manager = context.addresses[host.name], f"{context.addresses[lead]}:2377"
    arguments = {
        "remote_addrs": [manager],
        "token": token_ref(host.role),
        "listen_addr": _LISTEN,
        "advertise_addr": address,
        # A worker may take its time. A manager that has half joined costs a voice: it must not.
        "patience": 0 if host.is_manager else 120,
    }
    heal, why = _healing(context, host)
    old = {f"{lead}:{former_id(host.name, n)}" for n in context.former(host.name)}
    join = f"docker swarm join --advertise-addr {address}"
    steps: tuple[Step, ...] = (
        *heal,
        Docker("swarm.join", arguments, captures=node_ref(host.name), timeout=90),
        Wait(Docker("swarm.is_active"), timeout=60, why="the node to be active"),
        WriteFile(SWARM_RECORD, _CLUSTER_ID),
    )
    return Action(
        id=member_id(host.name),
        host=host.name,
        resource="swarm",
        subject=f"{host.role} node",
        change=Change.CREATE,
        why=f"{why}; it advertises {address}",
        steps=steps,
        after=frozenset({f"{lead}:swarm:tokens", before, UNDERLAY_ID, *_ready(host), *old}),
        commands=(f"{join} --token <{host.role} join token> {manager}",),
        restarts=_stopped(context, host),
        rescue=_rescue(context, host, address),
    )


def _stopped(context: Context, host: Host) -> tuple[str, ...]:
    """Containers that a node loses when it leaves to join with its new address."""
    engine = context.facts(host.name).engine
    running = engine.value if isinstance(engine, Known) else None
    return running.running_containers if running and context.astray(host.name) else ()


def _rescue(context: Context, host: Host, address: str) -> Rescue | None:
    """A manager that joined half counts for the quorum: it is thrown out at once (FAULTS D12)."""
    if not host.is_manager:
        return None
    known = [n.id for n in context.cluster.nodes] if context.cluster else []
    expel = Docker("node.expel", {"address": address, "known": known})
    why = "what it left in the swarm was removed, so that it does not cost the quorum"
    return Rescue(str(context.lead), (expel,), why)


def _ready(host: Host) -> tuple[str, str]:
    return engine_id(host.name), ports_id(host.name)


def _healing(context: Context, host: Host) -> tuple[tuple[Step, ...], str]:
    membership = context.membership(host.name)
    if membership is None or membership.state == "inactive":
        return (), "is not in the swarm"
    leave = left_quietly()
    if astray := context.astray(host.name):
        return leave, f"{astray}: it leaves and joins again"
    if membership.state == "error":
        return leave, "its node was removed from the swarm: it leaves and joins again"
    if membership.state == "pending":
        return leave, "an earlier join was never finished (pending): it leaves and joins again"
    return leave, "the swarm does not know this node any more: it leaves and joins again"
