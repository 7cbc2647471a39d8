"""Before a swarm is formed, the ports between hosts are proven to be open."""

from collections.abc import Iterable

from provision.model.actions import Action, Blocked, Change
from provision.model.context import UNDERLAY_ID, Context, engine_id, ports_id
from provision.model.inventory import Host

GATE = "underlay"


class Underlay:
    """A gate: nothing joins before packets were seen to arrive on every port, for every pair."""

    name = "underlay"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Never blocks a plan; the gate itself fails while it is applied."""
        del context
        return ()

    def wanted(self, context: Context) -> Iterable[Action]:
        """One gate, when a host is to join and there is more than one."""
        joining = [h.name for h in context.hosts if _comes(context, h)]
        if context.lead is None or not joining or len(context.hosts) == 1:
            return
        yield Action(
            id=UNDERLAY_ID,
            host=context.lead,
            resource="underlay",
            subject="ports between hosts",
            change=Change.CHECK,
            why="every pair of hosts must be open before anything joins",
            after=frozenset(
                i for h in context.hosts for i in (engine_id(h.name), ports_id(h.name))
            ),
            gate=GATE,
            lax=context.options.force,
        )

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Nothing to undo."""
        del context
        return ()


def _comes(context: Context, host: Host) -> bool:
    """Whether it joins, or becomes a manager: other managers must reach it on 2377, then."""
    node = context.node(host.name) if context.is_member(host.name) else None
    return node is None or (host.is_manager and node.role == "worker")
