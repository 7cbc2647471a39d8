"""The cluster, as its lead manager sees it, or why that is not known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provision.errors import HostError, SwarmlayError
from provision.model.actions import DockerOperation
from provision.model.facts import Fact, Known, Unknown
from provision.model.inventory import Host
from provision.model.observed import Cluster, HostFacts, Membership
from provision.model.session import Session
from provision.probes.cluster import cluster

READS: tuple[DockerOperation, ...] = (
    "swarm.inspect",
    "node.list",
    "network.list",
    "service.list",
    "task.list",
    "config.list",
    "secret.list",
)


def lead_of(hosts: Sequence[Host], facts: Mapping[str, HostFacts]) -> Host | None:
    """The first host in the inventory's order that runs a manager which can be asked."""
    return next((host for host in hosts if _manages(facts[host.name].swarm)), None)


def _manages(fact: Fact[Membership | None]) -> bool:
    member = fact.value if isinstance(fact, Known) else None
    return member is not None and member.manager and member.state == "active"


def observe_cluster(
    hosts: Sequence[Host],
    facts: Mapping[str, HostFacts],
    sessions: Mapping[str, Session | HostError],
) -> Fact[Cluster | None]:
    """Ask the lead manager; without one, tell "there is none" from "it cannot be told"."""
    several = _several(hosts, facts)
    if several:
        return Unknown(several)
    found: Fact[Cluster | None] | None = None
    for host in hosts:
        session = sessions.get(host.name)
        if _manages(facts[host.name].swarm) and not isinstance(session, HostError | None):
            found = _read(host.name, session)
            if isinstance(found, Known):
                return found
    return found or _without_lead(hosts, facts)


def _several(hosts: Sequence[Host], facts: Mapping[str, HostFacts]) -> str:
    """Why hosts are not in one cluster, or nothing."""
    ids = dict(_ids(hosts, facts))
    if len(set(ids.values())) < 2:  # noqa: PLR2004 - one cluster, or none
        return ""
    return "managers are in different clusters: " + ", ".join(
        f"{name} in {identity}" for name, identity in ids.items()
    )


def _ids(hosts: Sequence[Host], facts: Mapping[str, HostFacts]) -> Iterator[tuple[str, str]]:
    for host in hosts:
        fact = facts[host.name].swarm
        member = fact.value if isinstance(fact, Known) else None
        if member and member.cluster_id and (host.is_manager or member.manager):
            yield host.name, member.cluster_id


def _without_lead(hosts: Sequence[Host], facts: Mapping[str, HostFacts]) -> Fact[None]:
    """No host runs a manager: known only if every manager-to-be is known to be in no swarm."""
    for host in (h for h in hosts if h.is_manager):
        fact = facts[host.name].swarm
        if isinstance(fact, Unknown):
            return Unknown(f"manager {host.name} could not be asked: {fact.reason}")
        if fact.value is not None and fact.value.state != "inactive":
            return Unknown(f"manager {host.name} cannot say: {_words(fact.value)}")
    return Known(None)


def _words(member: Membership) -> str:
    if member.state == "active":
        return f"it is a worker of swarm {member.cluster_id or '(unknown)'}"
    return f"its swarm is {member.state}{f' ({member.error})' if member.error else ''}"


def _read(host: str, session: Session) -> Fact[Cluster | None]:
    """All reads, one after the other: they share a channel, and opening another costs more."""
    try:
        answers: dict[str, Any] = {str(name): session.docker(name, {}) for name in READS}
    except SwarmlayError as error:
        return Unknown(f"manager {host} could not be asked: {error.what} ({error.why})")
    try:
        return Known(cluster(host, answers))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return Unknown(f"manager {host} gave an answer that makes no sense: {error!r}")
