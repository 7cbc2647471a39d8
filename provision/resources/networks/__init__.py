"""Networks: of the whole swarm on the lead manager, of single hosts on each of them."""

from collections.abc import Iterable

from provision.model.actions import Action, Blocked
from provision.model.context import Context
from provision.resources.networks import per_host, swarmwide


class Networks:
    """Networks of the playbooks exist as described."""

    name = "networks"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """What is in the way: of the cluster's networks, and of each host's."""
        yield from swarmwide.refused(context)
        yield from per_host.refused(context)

    def wanted(self, context: Context) -> Iterable[Action]:
        """Those of hosts first: networks of the swarm may take their settings from them."""
        if context.lead is None:
            return
        yield from per_host.wanted(context)
        yield from swarmwide.wanted(context)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Those of the swarm first, for the same reason."""
        if context.lead is not None:
            yield from swarmwide.unwanted(context)
        yield from per_host.unwanted(context)
