"""Swarm membership: one init, managers one by one, workers in parallel; never a second swarm."""

from collections.abc import Iterable, Iterator

from provision.model.actions import (
    Action,
    Blocked,
    Change,
    Docker,
    Guard,
    Ref,
    Run,
    Step,
    Wait,
    WriteFile,
)
from provision.model.context import (
    SWARM_RECORD,
    UNDERLAY_ID,
    Context,
    container_id,
    engine_id,
    member_id,
    node_ref,
    ports_id,
    token_ref,
)
from provision.model.desired import SwarmWanted
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.labels import ADOPTED, CLUSTER
from provision.model.observed import Membership

_CLUSTER_ID = Ref("cluster id")
VXLAN_PORT = 4789
_LISTEN = "0.0.0.0:2377"
_QUIET = (
    # After a leave the old ingress VXLAN lives on for seconds; a join then fails to bind 7946
    # or its tasks start 30 s late.
    'test -z "$(ss -Hlntu "( sport = :7946 or sport = :4789 or sport = :2377 )" 2>/dev/null)"'
)


class SwarmMembership:
    """Every host of the inventory is an active node of one swarm."""

    name = "swarm"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Refuse hosts of other swarms, locked and broken nodes, swarms that are not ours."""
        yield from _cluster_blocked(context)
        for host in context.hosts:
            yield from _host_blocked(context, host)

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
        leaving = [h for h in context.hosts if _leaves(context, h)]
        if context.swarm_stays:
            return
        others = [h for h in leaving if h.name != context.lead]
        for host in sorted(others, key=lambda h: h.is_manager):
            yield _leave(context, host, frozenset())
        for host in (h for h in leaving if h.name == context.lead):
            yield _leave(context, host, frozenset(member_id(h.name) for h in others))


def _founds(context: Context, host: Host) -> bool:
    return context.founding and host.name == context.lead


def _cluster_blocked(context: Context) -> Iterator[Blocked]:
    observed = context.observed.cluster
    if isinstance(observed, Unknown):
        yield Blocked("", observed.reason, exit_code=3)
        return
    cluster = observed.value
    if cluster is None or cluster.labels.get(CLUSTER) == context.cluster_name:
        return
    if not context.desired.swarm.adopt:
        other = cluster.labels.get(CLUSTER)
        whose = f"belongs to swarmlay's cluster {other!r}" if other else "was not made by swarmlay"
        yield Blocked(
            "",
            f"{cluster.lead} is a manager of swarm {cluster.id}, which {whose}",
            hint="to use it as it is, say `swarm: {adopt: true}` in a playbook; "
            f"to start afresh, run `docker swarm leave --force` on {cluster.lead}",
            exit_code=4,
        )


def _host_blocked(context: Context, host: Host) -> Iterator[Blocked]:
    fact = context.facts(host.name).swarm
    if isinstance(fact, Unknown):
        yield Blocked(host.name, f"its swarm state is unknown: {fact.reason}")
        return
    if fact.value is not None and (problem := _trouble(context, host, fact.value)):
        yield problem


def _trouble(context: Context, host: Host, membership: Membership) -> Blocked | None:
    if membership.state == "locked":
        return Blocked(
            host.name,
            "its swarm is locked (autolock) and must be unlocked first",
            hint=f"on {host.name}: docker swarm unlock",
            exit_code=4,
        )
    if membership.state == "error":
        return Blocked(
            host.name,
            f"its engine reports a swarm error: {membership.error}",
            hint=f"if the node can be given up, on {host.name}: docker swarm leave --force; "
            "then run up again",
            exit_code=4,
        )
    if membership.state == "active":
        return _other_swarm(context, host, membership)
    return None


def _other_swarm(context: Context, host: Host, membership: Membership) -> Blocked | None:
    cluster = context.cluster
    ours = cluster.id if cluster else "none yet"
    same = cluster is not None and membership.cluster_id in ("", cluster.id)
    if same and context.node(host.name) is not None:
        return None
    if cluster is not None and membership.cluster_id == cluster.id:
        return None  # removed from the swarm by hand: `_join` leaves and joins again
    return Blocked(
        host.name,
        f"is a node of another swarm ({membership.cluster_id or 'id unknown'}; ours: {ours})",
        hint=f"if that swarm can do without it, on {host.name}: docker swarm leave --force",
        exit_code=4,
    )


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
    }
    heal, why = _healing(context, host)
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
        after=frozenset({f"{lead}:swarm:tokens", before, UNDERLAY_ID, *_ready(host)}),
        commands=(f"{join} --token <{host.role} join token> {manager}",),
    )


def _ready(host: Host) -> tuple[str, str]:
    return engine_id(host.name), ports_id(host.name)


def _healing(context: Context, host: Host) -> tuple[tuple[Step, ...], str]:
    membership = context.membership(host.name)
    if membership is None or membership.state == "inactive":
        return (), "is not in the swarm"
    leave: tuple[Step, ...] = (Docker("swarm.leave", {"force": True}, timeout=60), _quiet())
    if membership.state == "pending":
        return leave, "an earlier join was never finished (pending): it leaves and joins again"
    return leave, "the swarm does not know this node any more: it leaves and joins again"


def _quiet() -> Wait:
    return Wait(Run(("sh", "-c", _QUIET)), timeout=30, why="the old swarm's ports to be released")


def _leaves(context: Context, host: Host) -> bool:
    """Only a host that we made a node leaves: in our cluster, or its record names its swarm."""
    membership = context.membership(host.name)
    if membership is None or membership.state == "inactive":
        return False
    cluster = context.cluster
    if cluster is not None and membership.cluster_id in ("", cluster.id):
        return context.owns(cluster.labels)
    return bool(membership.cluster_id) and membership.cluster_id == _recorded(context, host.name)


def _recorded(context: Context, host: str) -> str:
    files = context.facts(host).files
    return files.value.get(SWARM_RECORD, "").strip() if isinstance(files, Known) else ""


def _leave(context: Context, host: Host, after: frozenset[str]) -> Action:
    cluster = context.cluster
    gone = {f"{context.lead}:services:{s.name}" for s in cluster.services} if cluster else set()
    gone |= {f"{context.lead}:networks:{n.name}" for n in cluster.networks} if cluster else set()
    containers = context.facts(host.name).containers
    if isinstance(containers, Known):
        gone |= {container_id(host.name, c.name) for c in containers.value}
    return Action(
        id=member_id(host.name),
        host=host.name,
        resource="swarm",
        subject=f"{host.role} node",
        change=Change.DELETE,
        why="the cluster is taken down",
        steps=(
            Docker("swarm.leave", {"force": True}, timeout=60),
            _quiet(),
            Run(("rm", "-f", SWARM_RECORD)),
        ),
        after=after | gone,
        commands=("docker swarm leave --force",),
    )
