"""Engines upgraded one node after the other, what is offered asked on each host before."""

from concurrent.futures import ThreadPoolExecutor

from provision.api.cluster import ClusterSession, Confirm
from provision.errors import HostError, SwarmlayError
from provision.model.actions import Plan
from provision.model.desired import DesiredState
from provision.model.facts import Known
from provision.model.inventory import Host, engine_of
from provision.model.observed import HostFacts, ObservedState
from provision.model.report import UpReport
from provision.model.results import Phase
from provision.model.upgrades import Offer, Upgrades
from provision.plan.day_two import plan_upgrade
from provision.platforms import platform_for


def upgrade_swarm(
    cluster: ClusterSession,
    *,
    confirm: Confirm,
    to: str = "",
    at_once: int = 1,
    desired: DesiredState | None = None,
) -> UpReport:
    """Upgrade every engine to the newest version of its source, or the newest that matches *to*.

    Args:
        cluster: an open session.
        confirm: shown the plan; False ends the run.
        to: a version or pattern (``28.*``); "": what inventory and playbook pin, if they do.
        at_once: workers that are worked on together; managers go one by one.
        desired: what playbooks say of the engine.
    """
    wanted = desired or DesiredState()

    def planner(observed: ObservedState) -> Plan:
        offers = _offers(cluster, observed, to, wanted)
        limit = cluster.plan_options().limit
        return plan_upgrade(cluster.inventory, observed, offers, at_once=at_once, limit=limit)

    return cluster.change(planner, confirm=confirm)


def _offers(
    cluster: ClusterSession, observed: ObservedState, to: str, desired: DesiredState
) -> dict[str, Offer]:
    """What each host's package manager offers, all hosts asked at once."""
    began, text = cluster.env.monotonic(), "what is offered"
    cluster.on_event(Phase("ask", text))

    def one(host: Host) -> Offer:
        pattern = to or engine_of(host, desired).version or ""
        return _offer(cluster, observed.hosts[host.name], pattern)

    hosts = cluster.inventory.hosts
    with ThreadPoolExecutor(max(1, min(cluster.options.parallel, len(hosts)))) as pool:
        found = dict(zip((h.name for h in hosts), pool.map(one, hosts), strict=True))
    cluster.on_event(Phase("ask", text, cluster.env.monotonic() - began))
    return found


def _offer(cluster: ClusterSession, facts: HostFacts, pattern: str) -> Offer:
    engine = facts.engine.value if isinstance(facts.engine, Known) else None
    platform: object = platform_for(facts.os.value) if isinstance(facts.os, Known) else None
    if engine is None or not isinstance(platform, Upgrades):
        return Offer(problem="its engine or system is not known")
    try:
        answer = cluster.session(facts.host).do(platform.offers(engine.package, pattern), {})
    except (HostError, SwarmlayError) as error:
        return Offer(problem=error.what)
    if not answer.ok:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        return Offer(problem=said[-1] if said else f"it ended with {answer.exit_code}")
    return platform.read_offer(answer.stdout)
