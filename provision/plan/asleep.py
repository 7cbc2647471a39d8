"""Nodes whose engine does not run: it is started first, and the rest planned when it does. Pure.

Nobody but a running engine can say what its node is; that it was one is known from its disk. So the
host is neither joined again nor left out: it is woken, observed again and planned for again.
"""

from collections.abc import Iterator
from dataclasses import replace

from provision.model.actions import Action
from provision.model.context import Context
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.observed import STOPPED
from provision.resources import RESOURCES


def sleeping(context: Context) -> tuple[Host, ...]:
    """Hosts that were in a swarm and whose engine is stopped, and may and can be started.

    One that hangs is not among them: starting would not wake it.
    """
    asleep = tuple(h for h in context.hosts if _sleeps(context, h.name))
    startable = {a.host for a in woken(context, asleep)}
    return tuple(h for h in asleep if h.name in startable)


def _sleeps(context: Context, host: str) -> bool:
    facts, limit = context.facts(host), context.options.limit
    engine = facts.engine.value if isinstance(facts.engine, Known) else None
    stopped = engine is not None and engine.problem == STOPPED
    return stopped and isinstance(facts.swarm, Unknown) and (limit is None or host in limit)


def woken(context: Context, asleep: tuple[Host, ...]) -> Iterator[Action]:
    """What starts their engines."""
    engine = next(r for r in RESOURCES if r.name == "engine")
    return iter(engine.wanted(replace(context, hosts=asleep)))


def may_not_know(context: Context, asleep: tuple[Host, ...]) -> frozenset[str]:
    """Whom not to hold it against that their part in the swarm is not known yet.

    The cluster itself ("") is among them where a manager that could tell of it is asleep.
    """
    unasked = isinstance(context.observed.cluster, Unknown) and any(h.is_manager for h in asleep)
    return frozenset({*(h.name for h in asleep), *([""] if unasked else [])})


def asleep_notes(asleep: tuple[Host, ...]) -> Iterator[str]:
    """Said once for all of them."""
    if asleep:
        names = ", ".join(h.name for h in asleep)
        yield f"{names}: Docker is started first; what else is to be done there is planned then"
