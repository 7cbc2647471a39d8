"""Secrets of the swarm made anew: join tokens, the unlock key, the root CA."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provision.model.actions import Action, Blocked, Change, Docker, Plan, Step, Wait
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.plan.day_two.members import autolocked, cluster_of, refused

_CERTIFICATES = 600.0


@dataclass(frozen=True, slots=True)
class Rotation:
    """One thing that can be made anew.

    Attributes:
        what: the word of the command line and of the engine's operation.
        subject: what a reader calls it.
        effect: what that does to the old one.
        command: what a person would type.
    """

    what: str
    subject: str
    effect: str
    command: str


ROTATIONS: Final = (
    # The CA first: a join token holds its fingerprint.
    Rotation(
        "ca",
        "root CA",
        "every node gets a certificate of the new CA; join tokens change, too",
        "docker swarm ca --rotate --quiet",
    ),
    Rotation(
        "worker",
        "join token of workers",
        "the old one is refused from now on; nodes that have joined stay",
        "docker swarm join-token --rotate --quiet worker",
    ),
    Rotation(
        "manager",
        "join token of managers",
        "the old one is refused from now on; nodes that have joined stay",
        "docker swarm join-token --rotate --quiet manager",
    ),
    Rotation(
        "unlock_key",
        "unlock key",
        "managers that restart need the new one; keep the old one until all have it",
        "docker swarm unlock-key --rotate --quiet",
    ),
)


def plan_rotate(inventory: Inventory, observed: ObservedState, wanted: Sequence[str]) -> Plan:
    """Rotate what is *wanted*, one after the other, on the lead manager."""
    if reason := refused(observed) or _cannot(observed, wanted):
        return Plan(inventory.cluster, blocked=(reason,))
    lead, actions, before = cluster_of(observed).lead, list[Action](), frozenset[str]()
    for rotation in (r for r in ROTATIONS if r.what in wanted):
        actions.append(_rotate(lead, rotation, before))
        before = frozenset({actions[-1].id})
    return Plan(inventory.cluster, actions=tuple(actions))


def _cannot(observed: ObservedState, wanted: Sequence[str]) -> Blocked | None:
    if "unlock_key" in wanted and not autolocked(observed):
        hint = "`swarm: {autolock: true}` in a playbook turns it on"
        return Blocked("", "there is no unlock key: autolock is off", hint=hint, exit_code=4)
    away = [n.hostname for n in cluster_of(observed).nodes if n.state != "ready"]
    if "ca" in wanted and away:
        reason = f"the CA cannot be rotated: {', '.join(away)} could not get a new certificate"
        return Blocked("", reason, hint="bring them back, or remove their nodes", exit_code=4)
    return None


def _rotate(lead: str, rotation: Rotation, before: frozenset[str]) -> Action:
    steps: tuple[Step, ...] = (Docker("swarm.rotate", {"what": rotation.what}),)
    if rotation.what == "ca":
        done = Docker("swarm.is_ca_rotated")
        steps += (Wait(done, timeout=_CERTIFICATES, why="the CA to be rotated", every=0.5),)
    return Action(
        id=f"{lead}:swarm:rotate-{rotation.what.replace('_', '-')}",
        host=lead,
        resource="swarm",
        subject=rotation.subject,
        change=Change.UPDATE,
        why=rotation.effect,
        steps=steps,
        after=before,
        commands=(rotation.command,),
    )
