"""Labels of nodes: the inventory's, ours, and those that somebody set by hand."""

from provision.model.actions import Action, Change, Docker, Wait
from provision.model.context import Context, member_id, node_ref
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.labels import HOST, MACHINE, NODE_LABELS
from provision.model.observed import NodeFact

_OURS = (HOST, NODE_LABELS, MACHINE)


def record(context: Context, host: Host) -> Action | None:
    """The action that sets a node's labels, where they differ."""
    node = context.node(host.name) if context.is_member(host.name) else None
    before = dict(node.labels) if node else {}
    labels = _labels(context, host, node)
    if labels == before:
        return None
    lead, identity = str(context.lead), node.id if node else node_ref(host.name)
    return Action(
        id=f"{lead}:nodes:{host.name}",
        host=lead,
        resource="nodes",
        subject=f"node {host.name}",
        change=Change.UPDATE,
        why="labels of the inventory",
        steps=(
            Wait(Docker("node.is_ready", {"id": identity}), timeout=60, why="node Ready"),
            Docker("node.update", {"id": identity, "labels": labels}),
        ),
        after=frozenset({member_id(host.name), member_id(lead)}),
        before={"labels": before},
        after_={"labels": labels},
        commands=_commands(host, labels, before),
    )


def _labels(context: Context, host: Host, node: NodeFact | None) -> dict[str, str]:
    """What the labels should be; a host that joins again keeps what its old record was given."""
    current = _current(context, host.name, node)
    managed = set(current.get(NODE_LABELS, "").split(",")) - {""}
    by_hand = {k: v for k, v in current.items() if k not in managed and k not in _OURS}
    names = {NODE_LABELS: ",".join(sorted(host.labels))} if host.labels else {}
    return {**by_hand, **host.labels, HOST: host.name, **names, **_machine(context, host, node)}


def _current(context: Context, host: str, node: NodeFact | None) -> dict[str, str]:
    if node is not None:
        return dict(node.labels)
    return {k: v for old in context.former(host) for k, v in old.labels.items()}


def _machine(context: Context, host: Host, node: NodeFact | None) -> dict[str, str]:
    """The machine that joined, so that one made anew under the same address is recognised."""
    if node is not None:
        return {k: v for k, v in node.labels.items() if k == MACHINE}
    machine = context.facts(host.name).machine_id
    return {MACHINE: machine.value} if isinstance(machine, Known) and machine.value else {}


def _commands(host: Host, labels: dict[str, str], before: dict[str, str]) -> tuple[str, ...]:
    words = [f"--label-add {k}={v}" for k, v in labels.items() if before.get(k) != v]
    words += [f"--label-rm {k}" for k in before if k not in labels]
    return (f"docker node update {' '.join(words)} {host.name}",)
