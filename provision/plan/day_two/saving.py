"""A backup: which manager it is taken from, and how that manager is stopped and started."""

from typing import Final

from provision.model.actions import Action, Blocked, Change, Docker, Plan, Run, Step, Wait
from provision.model.facts import Known
from provision.model.inventory import Inventory
from provision.model.manifest import DIRECTORY
from provision.model.observed import NodeFact, ObservedState
from provision.model.quorum import votes
from provision.plan.day_two.members import (
    asked_for,
    autolocked,
    awake,
    cluster_of,
    dead,
    key_read,
    nodes,
    refused,
)

SAVED: Final = f"{DIRECTORY}/backup.tar.gz"

# Whatever happens, the engine runs again: the script runs apart from the connection, and traps.
# $1 is the file; "swarm" is all that it holds, as Docker's documentation says.
_SAVE = r"""
set -eu
umask 077
mkdir -p "${1%/*}"
chmod 755 "${1%/*}"
root=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || root=/var/lib/docker
start() { systemctl start docker.socket 2>/dev/null || true; systemctl start docker; }
trap start EXIT
echo "stopping the engine"
systemctl stop docker.socket 2>/dev/null || true
systemctl stop docker
echo "saving $root/swarm"
tar -C "$root" -czf "$1.new" swarm
mv -f "$1.new" "$1"
"""
_USELESS: Final = (
    "Docker cannot found a new cluster from the state of an autolocked swarm of several managers: "
    "turn autolock off before you rely on this backup"
)
_ANSWERS = Run(("docker", "version", "--format", "{{.Server.Version}}"), timeout=10.0)


def plan_backup(inventory: Inventory, observed: ObservedState) -> Plan:
    """Stop one manager for a moment and save its state; the leader only where there is no other."""
    if reason := refused(observed):
        return Plan(inventory.cluster, blocked=(reason,))
    found, blocked = nodes(inventory, observed), tuple(dead(inventory, observed))
    managers = [name for name, node in found.items() if votes(node)]
    if not managers:
        nobody = Blocked("", "no manager of the inventory is well", exit_code=4)
        return Plan(inventory.cluster, blocked=(*blocked, nobody))
    host = min(managers, key=lambda name: (found[name].leader, bool(_running(observed, name))))
    by = asked_for(host, inventory, found)
    counted = _counted(observed, by, host, found[host])
    return Plan(
        inventory.cluster,
        actions=(counted, _save(observed, host, found[host], counted.id)),
        notes=(
            f"the backup is taken from {host}: {_choice(found, host)}",
            *_warned(observed),
        ),
    )


def _warned(observed: ObservedState) -> tuple[str, ...]:
    """What the operator must know before the backup is all they have."""
    if not autolocked(observed):
        return ()
    if _managers(observed) == 1:
        return ("it is useless without the unlock key of today: keep that, too",)
    return (_USELESS,)


def _managers(observed: ObservedState) -> int:
    return sum(n.role == "manager" for n in cluster_of(observed).nodes)


def _choice(found: dict[str, NodeFact], host: str) -> str:
    managers = [n for n in found.values() if n.role == "manager"]
    if len(managers) == 1:
        return "it is the only manager, nothing is scheduled while its engine is stopped"
    if found[host].leader:
        return "no other manager is well"
    return "it is not the leader"


def _counted(observed: ObservedState, by: str, host: str, node: NodeFact) -> Action:
    return Action(
        id=f"{by}:nodes:{host}:quorum",
        host=by,
        resource="nodes",
        subject=f"quorum without {host}",
        change=Change.CHECK,
        why="its engine is stopped for a moment",
        steps=(Docker("node.check_restart", {"id": node.id}), *key_read(observed)),
        commands=("docker node ls",),
    )


def _save(observed: ObservedState, host: str, node: NodeFact, before: str) -> Action:
    save = Run(("sh", "-s", "--", SAVED), stdin=_SAVE, unit="swarm-backup", timeout=900.0)
    steps: tuple[Step, ...] = (
        save,
        Wait(_ANSWERS, timeout=90.0, why="the engine answers", every=0.3),
        *awake(observed, node),
    )
    alone = ("the only manager",) if _managers(observed) == 1 else ()
    return Action(
        id=f"{host}:swarm:backup",
        host=host,
        resource="swarm",
        subject="state of the swarm",
        change=Change.CHECK,
        why="saved while the engine is stopped, so that it is consistent",
        steps=steps,
        after=frozenset({before}),
        commands=(
            "systemctl stop docker.socket docker",
            f"tar -C /var/lib/docker -czf {SAVED} swarm",
            "systemctl start docker",
        ),
        restarts=(*alone, *_running(observed, host)),
    )


def _running(observed: ObservedState, host: str) -> tuple[str, ...]:
    engine = observed.hosts[host].engine
    return engine.value.running_containers if isinstance(engine, Known) and engine.value else ()
