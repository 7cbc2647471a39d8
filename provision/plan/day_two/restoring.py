"""A backup brought back to life on new hosts: its swarm, with one manager, which others join."""

from dataclasses import dataclass, replace
from typing import Final

from provision.model.actions import (
    Action,
    Blocked,
    Change,
    Docker,
    Plan,
    Ref,
    Run,
    Step,
    Upload,
    Wait,
    WriteFile,
)
from provision.model.context import SWARM_RECORD, UNDERLAY_ID, PlanOptions, engine_id, ports_id
from provision.model.desired import DesiredState
from provision.model.facts import Known, Unknown
from provision.model.inventory import Inventory
from provision.model.labels import CLUSTER, HOST, MACHINE
from provision.model.manifest import DIRECTORY
from provision.model.observed import ObservedState
from provision.model.secret_text import SecretText
from provision.plan import plan_up
from provision.plan.day_two.members import cluster_of, membership

RESTORED: Final = f"{DIRECTORY}/restore.tar.gz"
_CLUSTER_ID: Final = Ref("cluster id")
_PREPARED: Final = frozenset({"engine", "ports", "underlay"})

# $1 file, $2 its SHA-256. Only `swarm/` comes out of it; what a failed attempt left goes.
_REVIVE = r"""
set -eu
umask 077
echo "$2  $1" | sha256sum -c --status || { echo "the backup arrived damaged" >&2; exit 1; }
root=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || root=/var/lib/docker
trap 'systemctl start docker.socket 2>/dev/null || true; systemctl start docker' EXIT
systemctl stop docker.socket 2>/dev/null || true
systemctl stop docker
rm -rf "$root/swarm"
tar -C "$root" -xzf "$1" swarm
chown -R 0:0 "$root/swarm"
"""
_IS_PLAIN = """
root=$(docker info --format '{{.DockerRootDir}}')
! grep -q ENCRYPTED "$root/swarm/certificates/swarm-node.key"
"""
_ANSWERS = Run(("docker", "version", "--format", "{{.Server.Version}}"), timeout=10.0)


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself.

    Attributes:
        cluster: the cluster's name. swarm_id, node_id: of the swarm, and of the manager it is from.
        host: that manager's name in the inventory then.
        engine: its engine's version.
        autolock: the unlock key is needed to read it. managers: how many there were.
        labels: those of the swarm.
        sha256: of the archive. created: when, as ISO 8601.
    """

    cluster: str
    swarm_id: str
    node_id: str
    host: str
    engine: str
    autolock: bool
    managers: int
    data_path_port: int
    labels: dict[str, str]
    sha256: str
    created: str


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is restored, where.

    Attributes:
        archive: the local path of the saved state.
        key: the unlock key that was valid when it was saved.
        observed: the new hosts, bare or with an engine.
    """

    inventory: Inventory
    desired: DesiredState
    observed: ObservedState
    backup: Backup
    archive: str
    key: SecretText

    @property
    def lead(self) -> str:
        """The host that becomes the swarm's only manager."""
        return self.inventory.managers[0].name


def plan_restore(wanted: Restoration, options: PlanOptions) -> Plan:
    """Engines and ports everywhere, then the saved state on the first manager.

    The other hosts join afterwards, as they do in `up`.
    """
    name, lead, there = wanted.inventory.cluster, wanted.lead, lives(wanted.observed, wanted.backup)
    if there and _complete(wanted):
        return Plan(name, notes=("its swarm is there already",))
    if not there and (reason := _refused(wanted)):
        return Plan(name, blocked=(reason,))
    base = plan_up(wanted.inventory, wanted.desired, wanted.observed, options)
    address = next((a.address for a in base.addresses if a.host == lead), "")
    if there and address:
        return Plan(name, (_completed(wanted, address),), addresses=base.addresses)
    if not address or any(b.host == lead for b in base.blocked):
        return Plan(name, blocked=base.blocked)
    prepared = tuple(a for a in base.actions if a.resource in _PREPARED)
    after = frozenset({engine_id(lead), ports_id(lead), UNDERLAY_ID}) & {a.id for a in prepared}
    revived = replace(_revive(wanted, address), after=after)
    notes = _notes(wanted.backup)
    return Plan(name, (*prepared, revived), base.blocked, notes, base.addresses)


def lives(observed: ObservedState, backup: Backup) -> bool:
    """Whether the swarm of the backup is what the hosts are in."""
    fact = observed.cluster
    cluster = fact.value if isinstance(fact, Known) else None
    return cluster is not None and cluster.id == backup.swarm_id


def _complete(wanted: Restoration) -> bool:
    """Whether the swarm that is there is nobody's remains: it lives, or has got over its loss."""
    cluster, backup, lead = cluster_of(wanted.observed), wanted.backup, wanted.lead
    member, node = membership(wanted.observed, lead), cluster.node(backup.node_id)
    others = [n for n in cluster.nodes if n.id != backup.node_id]
    if (
        member is None
        or member.node_id != backup.node_id
        or any(n.state == "ready" for n in others)
    ):
        return True
    renamed = node is not None and node.labels.get(HOST) == lead
    return renamed and not any(n.role == "manager" for n in others) and _is_here(wanted)


def _is_here(wanted: Restoration) -> bool:
    """Whether the manager advertises an address that its host has."""
    member, found = membership(wanted.observed, wanted.lead), wanted.observed.hosts[wanted.lead]
    interfaces = found.interfaces.value if isinstance(found.interfaces, Known) else ()
    has = {a.partition("/")[0] for i in interfaces for a in i.addresses}
    return member is not None and member.node_address in {"", *has}


def _completed(wanted: Restoration, address: str) -> Action:
    """What an attempt that was cut off left undone; the state that is there is not replaced."""
    founded = () if _is_here(wanted) else _founded(wanted, address)
    return Action(
        id=f"{wanted.lead}:swarm:restore",
        host=wanted.lead,
        resource="swarm",
        subject=f"swarm {wanted.backup.swarm_id}",
        change=Change.UPDATE,
        why="an earlier attempt was cut off: it still holds what was lost with the old hosts",
        steps=(*founded, *_renamed(wanted), *_recorded()),
    )


def _notes(backup: Backup) -> tuple[str, ...]:
    return (
        f"the backup is of {backup.created}, from {backup.host}, engine {backup.engine}",
        "volumes are not in it: services begin with empty ones where their data was",
        *(("autolock is turned on again, with a new unlock key",) if backup.autolock else ()),
    )


def _refused(wanted: Restoration) -> Blocked | None:
    backup, inventory = wanted.backup, wanted.inventory
    if backup.cluster != inventory.cluster:
        reason = f"the backup is of cluster {backup.cluster}, the inventory is {inventory.cluster}"
        hint = f"write `cluster: {backup.cluster}` in the inventory: its objects carry that name"
        return Blocked("", reason, hint=hint, exit_code=4)
    if backup.autolock and backup.managers > 1:
        reason = f"it is of an autolocked swarm of {backup.managers} managers: Docker founds no new"
        hint = "use one that was taken with autolock off, or of a single manager"
        return Blocked("", f"{reason} cluster from it", hint=hint, exit_code=4)
    if backup.autolock and not wanted.key:
        hint = "give it in SWARMLAY_UNLOCK_KEY, on stdin with --key-stdin, or at the terminal"
        reason = "the backup is locked, and there is no unlock key"
        return Blocked("", reason, hint=hint, exit_code=2)
    taken = (b for h in inventory.hosts if (b := _taken(wanted.observed, h.name)))
    return next(taken, None)


def _taken(observed: ObservedState, host: str) -> Blocked | None:
    """A host that is in a swarm keeps it."""
    fact = observed.hosts[host].swarm
    if isinstance(fact, Unknown):
        reason = f"whether it is in a swarm is not known: {fact.reason}"
        return Blocked(host, reason, exit_code=observed.hosts[host].unreachable_exit)
    member = membership(observed, host)
    if member is None or member.state == "inactive":
        return None
    hint = "restore onto new hosts, or, if that swarm is lost, there: docker swarm leave --force"
    reason = f"it is in a swarm ({member.cluster_id or member.state})"
    return Blocked(host, reason, hint=hint, exit_code=4)


def _revive(wanted: Restoration, address: str) -> Action:
    lead, backup = wanted.lead, wanted.backup
    return Action(
        id=f"{lead}:swarm:restore",
        host=lead,
        resource="swarm",
        subject=f"swarm {backup.swarm_id}",
        change=Change.CREATE,
        why=f"from the backup; {lead} is its only manager and advertises {address}",
        steps=(*_state(wanted), *_founded(wanted, address), *_renamed(wanted), *_recorded()),
        commands=(
            "systemctl stop docker.socket docker",
            f"tar -C /var/lib/docker -xzf {RESTORED} swarm",
            "systemctl start docker",
            f"docker swarm init --force-new-cluster --advertise-addr {address}",
        ),
    )


def _state(wanted: Restoration) -> tuple[Step, ...]:
    """The saved state is what the engine starts with."""
    words = ("sh", "-s", "--", RESTORED, wanted.backup.sha256)
    revive = Run(words, stdin=_REVIVE, unit="swarm-restore", timeout=600.0)
    return (
        Upload(wanted.archive, RESTORED, mode=0o600),
        revive,
        Wait(_ANSWERS, timeout=90.0, why="the engine answers", every=0.3),
        *(_unlocked(wanted) if wanted.backup.autolock else ()),
    )


def _unlocked(wanted: Restoration) -> tuple[Step, ...]:
    """`init --force-new-cluster` takes no key: the state must not need one for a moment."""
    manager = Docker("swarm.is_active", {"role": "manager"})
    plain = Run(("sh", "-c", _IS_PLAIN))
    return (
        Docker("swarm.unlock", {"key": wanted.key}, timeout=60),
        Wait(manager, timeout=60, why="the manager to be unlocked"),
        Docker("swarm.update", {"autolock": False}),
        Wait(plain, timeout=60, why="the state to be readable without the key"),
    )


def _founded(wanted: Restoration, address: str) -> tuple[Step, ...]:
    """A swarm of one manager, at the new address."""
    backup = wanted.backup
    arguments = {
        "advertise_addr": address,
        "data_path_port": backup.data_path_port,
        "labels": {**backup.labels, CLUSTER: wanted.inventory.cluster},
        "autolock": False,
    }
    manager = Docker("swarm.is_active", {"role": "manager"})
    return (
        Docker("swarm.restore", arguments, timeout=120),
        Wait(manager, timeout=60, why="the swarm to be active"),
        *((Docker("swarm.update", {"autolock": True}),) if backup.autolock else ()),
    )


def _renamed(wanted: Restoration) -> tuple[Step, ...]:
    """The node is this host's now; the other old nodes manage nothing, or are gone."""
    lead, node = wanted.lead, wanted.backup.node_id
    machine = wanted.observed.hosts[lead].machine_id
    labels = {HOST: lead, MACHINE: machine.value if isinstance(machine, Known) else None}
    hosts = [h.name for h in wanted.inventory.hosts if h.name != lead]
    return (
        Wait(Docker("node.is_ready", {"id": node}), timeout=60, why="node Ready"),
        Docker("node.mark", {"id": node, "labels": labels, "availability": "active"}),
        Docker("node.forget_others", {"keep": node, "hosts": hosts}),
    )


def _recorded() -> tuple[Step, ...]:
    return (
        Docker("swarm.inspect", captures=_CLUSTER_ID),
        WriteFile(SWARM_RECORD, _CLUSTER_ID),
        Run(("rm", "-f", RESTORED)),
    )
