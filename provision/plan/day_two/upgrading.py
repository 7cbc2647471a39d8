"""Engines upgraded one node after the other: drain, upgrade, come back; the first failure stops."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provision.model.actions import Action, Blocked, Change, Docker, Plan, Rescue, Step, Wait
from provision.model.departure import MOVING
from provision.model.facts import Known
from provision.model.inventory import Host, Inventory
from provision.model.labels import UPGRADE
from provision.model.observed import (
    ContainerFact,
    Engine,
    HostFacts,
    NodeFact,
    ObservedState,
    ServiceFact,
    TaskFact,
)
from provision.model.upgrades import Offer, Upgrades
from provision.plan.day_two.members import (
    asked_for,
    awake,
    cluster_of,
    dead,
    is_limited,
    key_read,
    nodes,
    refused,
)
from provision.platforms import platform_for

_TASK = "com.docker.swarm.task"


@dataclass(frozen=True, slots=True)
class _World:
    """What is known when the plan is made."""

    inventory: Inventory
    observed: ObservedState
    offers: Mapping[str, Offer]
    nodes: dict[str, NodeFact]

    def engine(self, host: str) -> Engine | None:
        """The engine as observed."""
        fact = self.observed.hosts[host].engine
        return fact.value if isinstance(fact, Known) else None

    def by(self, host: str) -> str:
        """The manager that is asked to change the host's node."""
        return asked_for(host, self.inventory, self.nodes)


def plan_upgrade(
    inventory: Inventory,
    observed: ObservedState,
    offers: Mapping[str, Offer],
    *,
    at_once: int = 1,
    limit: frozenset[str] | None = None,
) -> Plan:
    """Managers one at a time, the leader last, then workers, *at_once* at a time.

    A node at its version is left alone; one that an earlier run of ours drained gets its
    availability back.
    """
    name = inventory.cluster
    if reason := refused(observed):
        return Plan(name, blocked=(reason,))
    world = _World(inventory, observed, offers, nodes(inventory, observed))
    hosts = [h for h in inventory.hosts if h.name in world.nodes and not is_limited(h, limit)]
    refusals = [b for h in hosts if (b := _refusal(world, h))]
    blocked = (*dead(inventory, observed), *refusals)
    if refusals:
        return Plan(name, blocked=blocked)
    turns = _turns(world, [h for h in hosts if _is_due(world, h)], at_once)
    return Plan(name, tuple(_chained(world, turns)), blocked, tuple(_notes(world, hosts)))


def _refusal(world: _World, host: Host) -> Blocked | None:
    facts, engine, offer = world.observed.hosts[host.name], *_looked(world, host)
    if engine is None or not engine.package:
        reason = "its engine did not come from a package: swarmlay cannot upgrade it"
        return Blocked(host.name, reason, hint="upgrade it as it was installed", exit_code=4)
    if _platform(facts) is None:
        return Blocked(host.name, "engines are not upgraded on this system", exit_code=4)
    if offer.problem:
        return Blocked(host.name, f"what is offered is not known: {offer.problem}", exit_code=1)
    if offer.relation == "none":
        return Blocked(host.name, f"no such {engine.package} is offered", exit_code=1)
    if offer.relation == "older":
        reason = f"{offer.offered} is older than {offer.installed}: a downgrade may lose the swarm"
        return Blocked(host.name, reason, hint="ask for a newer version with --to", exit_code=4)
    return None


def _looked(world: _World, host: Host) -> tuple[Engine | None, Offer]:
    return world.engine(host.name), world.offers.get(host.name, Offer(problem="not asked"))


def _platform(facts: HostFacts) -> Upgrades | None:
    platform: object = platform_for(facts.os.value) if isinstance(facts.os, Known) else None
    return platform if isinstance(platform, Upgrades) else None


def _is_due(world: _World, host: Host) -> bool:
    """Whether there is anything to do: another version, or a node that we left drained."""
    return _is_old(world, host) or UPGRADE in world.nodes[host.name].labels


def _is_old(world: _World, host: Host) -> bool:
    return world.offers[host.name].relation == "newer"


def _turns(world: _World, hosts: Sequence[Host], at_once: int) -> list[tuple[Host, ...]]:
    """Who is worked on together."""
    by_role = {role: [h for h in hosts if world.nodes[h.name].role == role] for role in _ROLES}
    managers = sorted(by_role["manager"], key=lambda h: world.nodes[h.name].leader)
    return [*((h,) for h in managers), *_batches(by_role["worker"], at_once)]


def _batches(hosts: Sequence[Host], size: int) -> Iterator[tuple[Host, ...]]:
    for at in range(0, len(hosts), size):
        yield tuple(hosts[at : at + size])


_ROLES = ("manager", "worker")


def _chained(world: _World, turns: Sequence[tuple[Host, ...]]) -> Iterator[Action]:
    """Each turn after all of the one before."""
    before: frozenset[str] = frozenset()
    for turn in turns:
        last = set()
        for host in turn:
            actions = list(_one(world, host))
            yield replace(actions[0], after=actions[0].after | before)
            yield from actions[1:]
            last.add(actions[-1].id)
        before = frozenset(last)


def _one(world: _World, host: Host) -> Iterator[Action]:
    """The actions on one node, each after the one before."""
    if not _is_old(world, host):
        yield _activate(world, host, "an upgrade that was cut off left it drained")
        return
    drain = _drain(world, host)
    upgrade = _upgrade(world, host, drained=_moves(world, host))
    yield drain
    yield replace(upgrade, after=frozenset({drain.id}))
    if _moves(world, host):
        back = _activate(world, host, "it is upgraded")
        yield replace(back, after=frozenset({upgrade.id}))


def _moves(world: _World, host: Host) -> bool:
    """Whether tasks can go elsewhere meanwhile: another node takes them."""
    here = world.nodes[host.name].id
    return (
        any(
            n.id != here and n.state == "ready" and n.availability == "active"
            for n in (*cluster_of(world.observed).nodes,)
        )
        or UPGRADE in world.nodes[host.name].labels
    )


def _drain(world: _World, host: Host) -> Action:
    node, by, name = world.nodes[host.name], world.by(host.name), host.name
    steps: list[Step] = []
    if node.role == "manager":
        steps.append(Docker("node.check_restart", {"id": node.id}))
        steps += key_read(world.observed)
    if not _moves(world, host):
        quorum = _action(by, name, "quorum", steps)
        return replace(quorum, subject=f"quorum without {name}", change=Change.CHECK)
    drained = {"id": node.id, "labels": {UPGRADE: _availability(node)}, "availability": "drain"}
    moved = {"id": node.id, "services": _moving(world)}
    wait = Wait(Docker("node.is_drained", moved), MOVING, f"the tasks of {name} to move", 0.5)
    undone = {"id": node.id, "labels": {UPGRADE: None}, "availability": _availability(node)}
    steps += [Docker("node.mark", drained), wait]
    action = _action(by, name, "drain", steps)
    why = "the node takes tasks again, as before"
    return replace(
        action,
        why="its tasks move before its engine restarts",
        before={"availability": node.availability},
        after_={"availability": "drain"},
        commands=(f"docker node update --availability drain {name}",),
        rescue=Rescue(by, (Docker("node.mark", undone),), why),
    )


def _moving(world: _World) -> list[str]:
    """Ids of the replicated services that must run, all of them, before the next engine restarts.

    What moves once may move again, so every node waits for all of them; a service that does not
    run whole before the upgrade is none of its business.
    """
    cluster = cluster_of(world.observed)
    running = Counter(t.service_id for t in cluster.tasks if _runs(t))
    return [s.id for s in cluster.services if 0 < running[s.id] == _replicas(s)]


def _runs(task: TaskFact) -> bool:
    return task.state == "running" and task.desired_state == "running"


def _replicas(service: ServiceFact) -> int | None:
    replicated = service.spec["Mode"].get("Replicated")
    return replicated.get("Replicas", 1) if replicated is not None else None


def _upgrade(world: _World, host: Host, *, drained: bool) -> Action:
    facts, engine, offer = world.observed.hosts[host.name], *_looked(world, host)
    platform = _platform(facts)
    assert platform is not None  # noqa: S101 - _refusal() said so
    assert engine is not None  # noqa: S101 - _refusal() said so
    held = facts.packages.value.held if isinstance(facts.packages, Known) else ()
    work = platform.upgrade(engine.package, offer.offered, world.inventory.cluster, held)
    return Action(
        id=f"{host.name}:engine:upgrade",
        host=host.name,
        resource="engine",
        subject="Docker engine",
        change=Change.UPDATE,
        why=f"another version of {engine.package} is offered",
        steps=(*work.steps, *awake(world.observed, world.nodes[host.name])),
        before=offer.installed,
        after_=offer.offered,
        commands=work.commands,
        restarts=_stopped(facts, engine, drained=drained),
    )


def _stopped(facts: HostFacts, engine: Engine, *, drained: bool) -> tuple[str, ...]:
    """What the restart stops: on a drained node only containers that are no tasks."""
    if not drained or not isinstance(facts.containers, Known):
        return engine.running_containers
    return tuple(c.name for c in facts.containers.value if _stands_alone(c))


def _stands_alone(container: ContainerFact) -> bool:
    return container.state == "running" and f"{_TASK}.id" not in container.labels


def _activate(world: _World, host: Host, why: str) -> Action:
    node, by, name = world.nodes[host.name], world.by(host.name), host.name
    back = {"id": node.id, "labels": {UPGRADE: None}, "availability": _availability(node)}
    steps: list[Step] = [Wait(Docker("node.is_ready", {"id": node.id}), 120, "node Ready", 0.5)]
    if node.role == "manager":
        role = Docker("node.has_role", {"id": node.id, "role": "manager"})
        steps.append(Wait(role, 120, "the manager to be reachable", 0.5))
    steps.append(Docker("node.mark", back))
    action = _action(by, name, "activate", steps)
    return replace(
        action,
        why=why,
        before={"availability": "drain"},
        after_={"availability": _availability(node)},
        commands=(f"docker node update --availability {_availability(node)} {name}",),
    )


def _availability(node: NodeFact) -> str:
    """What the node has, or had before an upgrade of ours drained it."""
    return node.labels.get(UPGRADE) or node.availability


def _action(by: str, name: str, what: str, steps: Sequence[Step]) -> Action:
    return Action(
        id=f"{by}:nodes:{name}:{what}",
        host=by,
        resource="nodes",
        subject=f"node {name}",
        change=Change.UPDATE,
        why="its engine restarts",
        steps=tuple(steps),
    )


def _notes(world: _World, hosts: Sequence[Host]) -> Iterator[str]:
    current = [h.name for h in hosts if not _is_old(world, h)]
    if current:
        yield f"at its version already: {', '.join(current)}"
    if sum(n.role == "manager" for n in cluster_of(world.observed).nodes) <= len(_ROLES) and any(
        world.nodes[h.name].role == "manager" and _is_old(world, h) for h in hosts
    ):
        yield "while a manager restarts nothing is scheduled; what runs goes on"
