"""Hosts that left the inventory and are nodes still: asked once more, so that they can leave."""

from collections.abc import Mapping
from dataclasses import replace

from provision.api.connections import Sessions, open_all, ssh_transport
from provision.api.settings import Environment
from provision.errors import HostError
from provision.model.context import Context
from provision.model.departure import departed_host
from provision.model.desired import DesiredState
from provision.model.inventory import Host, Inventory
from provision.model.observed import ObservedState
from provision.model.session import Transport


def departed_hosts(inventory: Inventory, observed: ObservedState) -> tuple[Host, ...]:
    """The hosts behind our nodes that the inventory does not name any more.

    Their address is the one that their node advertised; SSH's settings are those of the inventory.
    """
    known = Context(inventory, DesiredState(), observed)
    return tuple(departed_host(inventory, name, n) for name, n in known.departed().items())


def open_departed(
    hosts: tuple[Host, ...],
    *,
    inventory: Inventory,
    env: Environment,
    transport: Transport | None,
    known: Mapping[str, object],
    parallel: int,
) -> Sessions:
    """Sessions to those that are not open yet, or why there is none."""
    missing = tuple(h for h in hosts if h.name not in known)
    if not missing:
        return {}
    gone = replace(inventory, hosts=missing)
    return open_all(gone, transport or ssh_transport(gone, env), parallel)


def reached(hosts: tuple[Host, ...], sessions: Sessions) -> tuple[Host, ...]:
    """Those that answered."""
    return tuple(h for h in hosts if not isinstance(sessions.get(h.name), HostError | None))
