"""observe: what is true of the hosts and of their cluster.

Every host is asked once, all hosts at the same time; one manager is then asked for the cluster.
A host that cannot be asked is described as such; it never stops the others.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from provision.errors import HostError
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.observed import NOT_ASKED, HostFacts, ObservedState
from provision.model.results import Event, Phase
from provision.model.session import Session
from provision.observe.cluster import lead_of, observe_cluster
from provision.observe.hosts import PROBES, observe_host, unreachable

__all__ = ["PROBES", "lead_of", "observe", "observe_cluster", "observe_host", "unreachable"]


def _ignore(_event: Event) -> None:
    """Nobody listens."""


def observe(
    hosts: Sequence[Host],
    sessions: Mapping[str, Session | HostError],
    *,
    clock: Callable[[], float],
    mark: str,
    parallel: int = 10,
    cluster_reads: bool = True,
    on_event: Callable[[Event], None] | None = None,
) -> ObservedState:
    """Ask all *hosts*, then the lead manager.

    Args:
        hosts: in the inventory's order.
        sessions: an open session per host, or why there is none.
        clock: the controller's clock, seconds since the epoch.
        mark: a random word, new for each run, that separates answers.
        parallel: how many hosts are asked at once.
        cluster_reads: False: ask hosts only.
        on_event: told as phases begin and end.
    """
    tell, began = on_event or _ignore, clock()
    tell(Phase("observe", f"{len(hosts)} hosts"))

    def ask(host: Host) -> HostFacts:
        session = sessions.get(host.name)
        if session is None or isinstance(session, HostError):
            return unreachable(host.name, session or HostError("no session was opened"))
        return observe_host(session, clock=clock, mark=mark)

    with ThreadPoolExecutor(max_workers=max(1, min(parallel, len(hosts)))) as pool:
        facts = {found.host: found for found in pool.map(ask, hosts)}
    cluster = observe_cluster(hosts, facts, sessions) if cluster_reads else NOT_ASKED
    reached = sum(1 for found in facts.values() if isinstance(found.reachable, Known))
    tell(Phase("observe", f"{reached} hosts", clock() - began))
    return ObservedState(facts, cluster)
