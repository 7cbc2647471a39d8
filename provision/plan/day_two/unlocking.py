"""Managers of an autolocked swarm that restarted are unlocked, all at once: they need a quorum."""

from provision.model.actions import Action, Blocked, Change, Docker, Plan, Wait
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.model.secret_text import SecretText
from provision.plan.day_two.members import dead, membership


def plan_unlock(inventory: Inventory, observed: ObservedState, key: SecretText) -> Plan:
    """Unlock each host that says it is locked; what has no key is left as it is."""
    locked = [h.name for h in inventory.hosts if _is_locked(observed, h.name)]
    blocked = list(dead(inventory, observed))
    if locked and not key:
        hint = "give it in SWARMLAY_UNLOCK_KEY, on stdin with --key-stdin, or at the terminal"
        blocked.append(Blocked("", "there is no unlock key", hint=hint, exit_code=2))
        locked = []
    notes = () if locked else ("no manager is locked",)
    return Plan(
        inventory.cluster,
        actions=tuple(_unlock(name, key) for name in locked),
        blocked=tuple(blocked),
        notes=notes,
    )


def _is_locked(observed: ObservedState, host: str) -> bool:
    member = membership(observed, host)
    return member is not None and member.state == "locked"


def _unlock(host: str, key: SecretText) -> Action:
    active = Docker("swarm.is_active", {"role": "manager"})
    return Action(
        id=f"{host}:swarm:unlock",
        host=host,
        resource="swarm",
        subject="manager",
        change=Change.UPDATE,
        why="it restarted and is locked (autolock)",
        steps=(
            Docker("swarm.unlock", {"key": key}, timeout=120),
            Wait(active, timeout=60, why="the manager to be active"),
        ),
        before={"state": "locked"},
        after_={"state": "active"},
        commands=("docker swarm unlock",),
    )
