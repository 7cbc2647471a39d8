"""The verbs of `swarmlay node`: one node drained, promoted, removed, replaced."""

from provision.api.cluster import ClusterSession, Confirm
from provision.model.actions import Plan
from provision.model.desired import DesiredState
from provision.model.observed import ObservedState
from provision.model.report import UpReport
from provision.plan import NodeDeed, Replacement, is_node, plan_node, plan_replacement

__all__ = ["NodeDeed", "Replacement", "change_node", "replace_node"]


def change_node(cluster: ClusterSession, deed: NodeDeed, *, confirm: Confirm) -> UpReport:
    """Carry out one verb on one node.

    Args:
        cluster: an open session with the cluster.
        deed: the verb and the host.
        confirm: shown the plan when it holds actions; False ends the run.

    Raises:
        UsageError: there is no such node.
    """
    inventory, before = cluster.inventory, list[Plan]()

    def planner(observed: ObservedState) -> Plan:
        if before and not is_node(inventory, observed, deed.host):
            return Plan(inventory.cluster)
        before.append(plan_node(inventory, observed, deed))
        return before[-1]

    return cluster.change(planner, confirm=confirm, departed=deed.verb == "remove")


def replace_node(
    cluster: ClusterSession,
    deed: Replacement,
    *,
    confirm: Confirm,
    desired: DesiredState | None = None,
) -> UpReport:
    """A new host of the inventory takes the place of an old one: joins first, then the old leaves.

    Args:
        cluster: an open session with the cluster.
        deed: the old host and the new.
        confirm: shown the plan when it holds actions; False ends the run.
        desired: what playbooks want of the new host's engine and firewall.

    Raises:
        UsageError: there is no such node, or no such host.
    """
    inventory, wanted, before = cluster.inventory, desired or DesiredState(), list[Plan]()

    def planner(observed: ObservedState) -> Plan:
        if before and not is_node(inventory, observed, deed.old):
            return Plan(inventory.cluster)
        before.append(plan_replacement(inventory, wanted, observed, deed))
        return before[-1]

    return cluster.change(planner, confirm=confirm, departed=True)
