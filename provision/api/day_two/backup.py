"""A swarm's state in a file, and a file's state on new hosts."""

import base64
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from provision.api.cluster import ClusterSession, Confirm
from provision.api.day_two.trust import handed_over, once
from provision.errors import ActionFailed, SwarmlayError, UsageError
from provision.model.actions import Docker, Plan, Run, Wait
from provision.model.desired import DesiredState
from provision.model.facts import Known
from provision.model.observed import Cluster, ObservedState
from provision.model.report import UpReport
from provision.model.results import Outcome, Phase
from provision.model.secret_text import NO_TEXT, SecretText
from provision.model.session import Session
from provision.plan.day_two import Backup, Restoration, plan_backup, plan_restore
from provision.plan.day_two.members import autolocked, membership
from provision.plan.day_two.restoring import lives
from provision.plan.day_two.saving import SAVED

_PIECE = 6 * 1024 * 1024
_METADATA, _STATE = "swarmlay-backup.json", "swarm.tar.gz"
_READ = 'tail -c "+$2" "$1" | head -c "$3" | base64 -w0'
_FORMAT = 1
_RECOVERY = 120.0


@dataclass(frozen=True, slots=True)
class BackupTaken:
    """The end of a backup; ``backup`` is None when none was taken."""

    report: UpReport
    path: Path
    backup: Backup | None = None


def backup_swarm(cluster: ClusterSession, path: Path, *, confirm: Confirm) -> BackupTaken:
    """Save the swarm's state to *path*, readable by its owner only.

    Raises:
        UsageError: the file is there already.
        ActionFailed: what arrived is not what was saved.
    """
    if path.exists():
        raise UsageError(f"{path} is there already", hint="a backup replaces nothing: name another")
    seen: list[ObservedState] = []

    def planner(observed: ObservedState) -> Plan:
        seen.append(observed)
        return plan_backup(cluster.inventory, observed)

    report = cluster.change(once(planner, cluster.inventory.cluster), confirm=confirm)
    if not report.results or any(r.outcome is not Outcome.CHANGED for r in report.results):
        return BackupTaken(report, path)
    host = report.plan.actions[-1].host
    session = cluster.session(host)
    try:
        state = _fetched(cluster, session)
    finally:
        with suppress(SwarmlayError):
            session.do(Run(("rm", "-f", SAVED)), {})
    backup = _described(cluster, seen[0], host, hashlib.sha256(state).hexdigest())
    _write(path, backup, state)
    return BackupTaken(report, path, backup)


def _fetched(cluster: ClusterSession, session: Session) -> bytes:
    """The saved state, in pieces that fit an answer, compared with its checksum on the host."""
    began, text = cluster.env.monotonic(), f"the saved state of {session.host}"
    cluster.on_event(Phase("fetch", text))
    told = _said(session, 'stat -c %s "$1"; sha256sum "$1"').split()
    size, digest, whole = int(told[0]), told[1], bytearray()
    while len(whole) < size:
        piece = base64.b64decode(_said(session, _READ, str(len(whole) + 1), str(_PIECE)))
        if not piece:
            break
        whole += piece
    if hashlib.sha256(whole).hexdigest() != digest:
        raise ActionFailed("the backup arrived damaged", where=session.host, hint="run it again")
    cluster.on_event(Phase("fetch", text, cluster.env.monotonic() - began))
    return bytes(whole)


def _said(session: Session, script: str, *words: str) -> str:
    run = Run(("sh", "-c", script, "swarmlay", SAVED, *words), timeout=300.0)
    answer = session.do(run, {})
    if not answer.ok:
        why = answer.stderr.strip()
        raise ActionFailed("the backup cannot be read", where=session.host, why=why)
    return answer.stdout


def _described(cluster: ClusterSession, observed: ObservedState, host: str, digest: str) -> Backup:
    assert isinstance(observed.cluster, Known)  # noqa: S101 - a plan was made of it
    found, member = observed.cluster.value, membership(observed, host)
    assert found is not None  # noqa: S101 - a plan was made of it
    assert member is not None  # noqa: S101 - a plan was made of it
    engine = observed.hosts[host].engine
    known = engine.value if isinstance(engine, Known) else None
    return Backup(
        cluster=cluster.inventory.cluster,
        swarm_id=found.id,
        node_id=member.node_id,
        host=host,
        engine=known.version if known else "",
        autolock=autolocked(observed),
        managers=sum(n.role == "manager" for n in found.nodes),
        data_path_port=_port(found),
        labels=dict(found.labels),
        sha256=digest,
        created=datetime.fromtimestamp(cluster.env.clock(), UTC).isoformat(timespec="seconds"),
    )


def _port(found: Cluster) -> int:
    port = found.raw.get("DataPathPort")
    return port if isinstance(port, int) else 0


def _write(path: Path, backup: Backup, state: bytes) -> None:
    """One tar of two files; written whole or not at all, 0600 from its first byte."""
    text = json.dumps({"format": _FORMAT, **asdict(backup)}, indent=2).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(number, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        for member, data in ((_METADATA, text), (_STATE, state)):
            entry = tarfile.TarInfo(member)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    Path(name).replace(path)


def read_backup(path: Path) -> tuple[Backup, bytes]:
    """What a backup says of itself, and the state in it, its checksum verified.

    Raises:
        UsageError: it is no backup, or it is damaged.
    """
    try:
        with tarfile.open(path) as tar:
            found, state = _member(tar, _METADATA), _member(tar, _STATE)
        data = json.loads(found)
        backup = Backup(**{f.name: data[f.name] for f in fields(Backup)})
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no backup of swarmlay's", why=str(error)) from error
    if data.get("format") != _FORMAT:
        raise UsageError(f"{path} has a format that this version cannot read")
    if hashlib.sha256(state).hexdigest() != backup.sha256:
        raise UsageError(f"{path} is damaged: its checksum is wrong")
    return backup, state


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()


def restore_swarm(
    cluster: ClusterSession,
    path: Path,
    *,
    confirm: Confirm,
    key: SecretText | None = None,
    desired: DesiredState | None = None,
) -> UpReport:
    """Bring a backup back to life on the inventory's hosts, which are in no swarm; others join.

    Run again after an interruption, it goes on.

    Raises:
        UsageError: the backup cannot be used.
    """
    backup, state = read_backup(path)
    wanted = desired or DesiredState()
    with _kept(state) as archive:

        def planner(observed: ObservedState) -> Plan:
            what = Restoration(cluster.inventory, wanted, observed, backup, archive, key or NO_TEXT)
            return plan_restore(what, cluster.plan_options())

        report = cluster.change(planner, confirm=confirm)
    observed = cluster.observe()
    if report.exit_code or not lives(observed, backup):
        return report
    if backup.autolock:
        handed_over(cluster, observed)
    joined = cluster.up(_without_objects(wanted), confirm=confirm)
    if any(r.outcome in (Outcome.FAILED, Outcome.SKIPPED) for r in joined.results):
        return joined
    _recovered(cluster)
    return cluster.up(wanted, confirm=confirm) if wanted.playbooks else joined


def _recovered(cluster: ClusterSession) -> None:
    """Let tasks start again: they failed while there was no swarm, which is no fault of theirs.

    What does not come back is for `up` to judge.
    """
    wait = Wait(Docker("swarm.is_recovered"), _RECOVERY, "the services to run again", 0.5)
    cluster.session(cluster.lead()).do(wait, {})


def _without_objects(wanted: DesiredState) -> DesiredState:
    """Every host must be in before services are looked at: their tasks have waited for nodes."""
    return DesiredState(engine=wanted.engine, firewall=wanted.firewall, swarm=wanted.swarm)


@contextmanager
def _kept(state: bytes) -> Iterator[str]:
    """A file of its own for as long as it is needed, readable by its owner only."""
    with tempfile.NamedTemporaryFile(prefix="swarmlay-restore-") as file:
        file.write(state)
        file.flush()
        yield file.name
