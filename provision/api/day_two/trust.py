"""Secrets of a running swarm: made anew, and used to unlock managers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from provision.api.cluster import ClusterSession, Confirm
from provision.api.keys import hand_over
from provision.errors import ActionFailed
from provision.model.actions import Plan
from provision.model.facts import Known
from provision.model.observed import ObservedState
from provision.model.report import UpReport
from provision.model.results import Outcome
from provision.model.secret_text import SecretText
from provision.plan.day_two import plan_rotate, plan_unlock

Planner = Callable[[ObservedState], Plan]
_ROLES = ("worker", "manager")


@dataclass(frozen=True, slots=True)
class Rotated:
    """The end of a rotation; the new secrets hide themselves until they are asked for."""

    report: UpReport
    secrets: Mapping[str, SecretText] = field(default_factory=dict)


def once(planner: Planner, cluster: str) -> Planner:
    """A plan of what is done once: when it is asked again there is nothing left."""
    asked: list[bool] = []

    def plan(observed: ObservedState) -> Plan:
        if asked:
            return Plan(cluster)
        asked.append(True)
        return planner(observed)

    return plan


def rotate_swarm(cluster: ClusterSession, wanted: Sequence[str], *, confirm: Confirm) -> Rotated:
    """Make *wanted* (``worker``, ``manager``, ``unlock_key``, ``ca``) anew.

    Raises:
        ActionFailed: a join token is still the old one.
    """
    before: dict[str, str] = {}

    def planner(observed: ObservedState) -> Plan:
        plan = plan_rotate(cluster.inventory, observed, wanted)
        if plan.actions:
            before.update(_tokens(cluster, plan.actions[0].host))
        return plan

    report = cluster.change(once(planner, cluster.inventory.cluster), confirm=confirm)
    if not report.results or any(r.outcome is not Outcome.CHANGED for r in report.results):
        return Rotated(report)
    lead = report.plan.actions[0].host
    tokens = _tokens(cluster, lead)
    same = [role for role in _ROLES if role in wanted and tokens[role] == before[role]]
    if same:
        raise ActionFailed(f"the join token of {' and '.join(same)}s did not change", where=lead)
    secrets = {role: SecretText(tokens[role]) for role in _ROLES if {role, "ca"} & set(wanted)}
    if "unlock_key" in wanted:
        secrets["unlock key"] = handed_over(cluster, cluster.observe())
    return Rotated(report, secrets)


def unlock_swarm(cluster: ClusterSession, key: SecretText, *, confirm: Confirm) -> UpReport:
    """Unlock every manager that restarted and is locked."""

    def planner(observed: ObservedState) -> Plan:
        return plan_unlock(cluster.inventory, observed, key)

    return cluster.change(planner, confirm=confirm)


def handed_over(cluster: ClusterSession, observed: ObservedState) -> SecretText:
    """The unlock key as it is now, written to the operator's file."""
    assert isinstance(observed.cluster, Known)  # noqa: S101 - a rotation just succeeded in it
    assert observed.cluster.value is not None  # noqa: S101 - as above
    found = observed.cluster.value
    return hand_over(cluster.env, cluster.inventory.cluster, found.id, cluster.session(found.lead))


def _tokens(cluster: ClusterSession, lead: str) -> dict[str, str]:
    session = cluster.session(lead)
    return {role: str(session.docker("swarm.token", {"role": role})) for role in _ROLES}
