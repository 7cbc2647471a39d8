"""What is said of nodes that leave: who they are, what stays on them, what cannot move. Pure."""

from collections.abc import Iterator

from provision.model.context import Context
from provision.model.departure import is_it, runs_on
from provision.model.observed import Cluster, NodeFact
from provision.plan.moving import stays


def departed_notes(context: Context) -> Iterator[str]:
    """Nodes of hosts that left the inventory: named, or with `--prune` what becomes of them."""
    cluster, departed = context.cluster, context.departed()
    if cluster is None or not departed:
        return
    if not context.options.prune:
        names = ", ".join(_described(cluster, name, node) for name, node in departed.items())
        yield (
            f"no longer in the inventory, still in the swarm: {names} "
            "(up --prune drains and removes it)"
        )
        return
    for name, node in departed.items():
        yield from (f"{name}: {words}" for words in stays(context, node))
        if not is_it(context.observed.departed.get(name), node):
            yield left_behind(context, name, node)


def left_behind(context: Context, name: str, node: NodeFact) -> str:
    """What is still on a host that cannot be reached when its node is removed."""
    return (
        f"{name} ({node.address}) does not answer as this node, so nothing is removed there: when "
        "it is back, run there `docker swarm leave --force`, and remove firewall rules with the "
        f"comment swarmlay:{context.cluster_name}"
    )


def _described(cluster: Cluster, name: str, node: NodeFact) -> str:
    tasks = sum(runs_on(t, node) for t in cluster.tasks)
    return f"{name} ({node.state}, {node.address}, {tasks} tasks)"
