"""What Swarm's record of each host says: labels, role; and no dead doubles of a host."""

from collections.abc import Iterable, Iterator

from provision.model.actions import Action, Blocked, Change, Docker, Wait
from provision.model.context import Context, member_id, node_ref
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.labels import HOST, NODE_LABELS
from provision.model.observed import NodeFact


class Nodes:
    """Labels and roles of nodes follow the inventory; labels set by hand stay."""

    name = "nodes"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """A role change that would lose the quorum is refused."""
        cluster = context.cluster
        if cluster is None:
            return
        managers = [n for n in cluster.nodes if n.role == "manager"]
        reachable = sum(n.state == "ready" and n.reachability == "reachable" for n in managers)
        for host in context.hosts:
            node = context.node(host.name)
            if node is None or node.role != "manager" or host.is_manager:
                continue
            left, needed = reachable - 1, (len(managers) - 1) // 2 + 1
            if left < needed:
                yield Blocked(
                    host.name,
                    f"demoting it leaves {left} reachable of {len(managers) - 1} managers, "
                    f"{needed} are needed for a quorum",
                    hint="promote or bring back another manager first",
                    exit_code=4,
                )

    def wanted(self, context: Context) -> Iterable[Action]:
        """One action for each node whose record differs."""
        if context.lead is None:
            return
        for host in context.hosts:
            node = context.node(host.name) if context.is_member(host.name) else None
            if action := _record(context, host, node):
                yield action
        yield from _doubles(context)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Nodes go with the swarm."""
        del context
        return ()


def _record(context: Context, host: Host, node: NodeFact | None) -> Action | None:
    labels = _labels(host, node)
    before = dict(node.labels) if node else {}
    arguments: dict[str, object] = {"id": node.id if node else node_ref(host.name)}
    if labels != before:
        arguments["labels"] = labels
    if node is not None and node.role != host.role:
        arguments["role"] = host.role
    if len(arguments) == 1:
        return None
    lead = str(context.lead)
    return Action(
        id=f"{lead}:nodes:{host.name}",
        host=lead,
        resource="nodes",
        subject=f"node {host.name}",
        change=Change.UPDATE,
        why=_why(host, node),
        steps=(
            Wait(Docker("node.is_ready", {"id": arguments["id"]}), timeout=60, why="node Ready"),
            Docker("node.update", arguments),
        ),
        after=frozenset({member_id(host.name), member_id(lead)}),
        before={"role": node.role if node else host.role, "labels": before},
        after_={"role": host.role, "labels": labels},
        commands=_commands(host, node, labels, before),
    )


def _labels(host: Host, node: NodeFact | None) -> dict[str, str]:
    """Labels of the inventory, ours, and those that somebody set by hand."""
    current = dict(node.labels) if node else {}
    managed = set(current.get(NODE_LABELS, "").split(",")) - {""}
    by_hand = {
        k: v for k, v in current.items() if k not in managed and k not in (HOST, NODE_LABELS)
    }
    names = {NODE_LABELS: ",".join(sorted(host.labels))} if host.labels else {}
    return {**by_hand, **host.labels, HOST: host.name, **names}


def _why(host: Host, node: NodeFact | None) -> str:
    if node is not None and node.role != host.role:
        return f"the inventory makes it a {host.role}, it is a {node.role}"
    return "labels of the inventory"


def _commands(
    host: Host, node: NodeFact | None, labels: dict[str, str], before: dict[str, str]
) -> tuple[str, ...]:
    words = [f"--label-add {k}={v}" for k, v in labels.items() if before.get(k) != v]
    words += [f"--label-rm {k}" for k in before if k not in labels]
    update = (f"docker node update {' '.join(words)} {host.name}",) if words else ()
    if node is None or node.role == host.role:
        return update
    verb = "promote" if host.is_manager else "demote"
    return (*update, f"docker node {verb} {host.name}")


def _doubles(context: Context) -> Iterator[Action]:
    """A host that left and joined again leaves a Down record of the same host behind."""
    cluster = context.cluster
    for node in cluster.nodes if cluster else ():
        name = _host_of(context, node)
        alive = context.node(name) if name and context.is_member(name) else None
        if node.state == "down" and alive and alive.id != node.id and alive.state == "ready":
            yield _forget(str(context.lead), name, node)


def _host_of(context: Context, node: NodeFact) -> str:
    """The host behind a record: by our label, else (joined, not labelled yet) by its hostname."""
    if HOST in node.labels:
        return node.labels[HOST] if node.labels[HOST] in context.observed.hosts else ""
    named = (
        h.name for h in context.hosts if context.facts(h.name).hostname == Known(node.hostname)
    )
    return next(named, "")


def _forget(lead: str, name: str, node: NodeFact) -> Action:
    return Action(
        id=f"{lead}:nodes:{node.id}",
        host=lead,
        resource="nodes",
        subject=f"old record of {name}",
        change=Change.DELETE,
        why=f"{name} is Ready as another node; this one is Down for good",
        steps=(*_demote_first(node), Docker("node.remove", {"id": node.id, "force": True})),
        after=frozenset({member_id(name)}),
        commands=(f"docker node rm --force {node.id}",),
    )


def _demote_first(node: NodeFact) -> tuple[Docker, ...]:
    if node.role != "manager":
        return ()
    return (Docker("node.update", {"id": node.id, "role": "worker"}),)
