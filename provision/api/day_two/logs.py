"""Everything a bug report needs in one folder a host, and no secret in it."""

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from provision import __version__
from provision.api.cluster import ClusterSession
from provision.errors import HostError, SwarmlayError, UsageError
from provision.model.actions import DockerOperation
from provision.model.facts import Known
from provision.model.observed import ObservedState
from provision.model.redaction import redacted, redacted_data
from provision.model.report import worst
from provision.model.results import Phase
from provision.model.session import Session
from provision.renderers.base import FactsReport
from provision.renderers.json_report.machines import facts_data

# File → what is asked; $LINES is how much of a journal. What fails says so in its file.
_ASKED: Final = {
    "docker-journal.txt": "journalctl -u docker -u containerd --no-pager -o short-iso -n {lines}",
    "kernel-journal.txt": "journalctl -k --no-pager -o short-iso -n {lines}",
    "docker-info.json": "docker info --format '{{{{json .}}}}'",
    "docker-version.txt": "docker version",
    "containers.txt": "docker ps -a --no-trunc",
    "networks.txt": "docker network ls --no-trunc",
    "firewall.txt": "iptables-save 2>&1; ip6tables-save 2>&1; nft list ruleset 2>&1; "
    "ufw status verbose 2>&1; firewall-cmd --list-all 2>&1",
    "addresses.txt": "ip -d address; ip route; ip -6 route; ss -lntup",
    "manifest.json": "cat /var/lib/swarmlay/manifest.json",
    "system.txt": "uname -a; cat /etc/os-release; uptime; df -h; free -m; timedatectl",
}
_READS: Final[dict[str, DockerOperation]] = {
    "swarm.json": "swarm.inspect",
    "nodes.json": "node.list",
    "networks.json": "network.list",
    "services.json": "service.list",
    "tasks.json": "task.list",
}
_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exported:
    """The end of an export: where it is, what is in it, and who could not be asked."""

    path: Path
    files: int
    dead: tuple[str, ...]
    exit_code: int


def export_logs(
    cluster: ClusterSession, folder: Path, *, lines: int = 2000, archive: bool = False
) -> Exported:
    """Write one folder a host, and one for the cluster; with *archive* a .tar.gz of it instead.

    Raises:
        UsageError: the place is taken.
    """
    target = folder.with_name(f"{folder.name}.tar.gz") if archive else folder
    if target.exists() or (folder.exists() and any(folder.iterdir())):
        raise UsageError(f"{target} is there already", hint="name a folder that is not")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    observed = cluster.observe()
    _write(folder / "swarmlay.json", _about(cluster))
    _cluster(cluster, observed, folder / "cluster")
    names = [h.name for h in cluster.inventory.hosts]
    cluster.on_event(Phase("export", f"{len(names)} hosts"))
    with ThreadPoolExecutor(max(1, min(cluster.options.parallel, len(names)))) as pool:
        reached = list(pool.map(_one(cluster, observed, folder, lines), names))
    dead = tuple(name for name, well in zip(names, reached, strict=True) if not well)
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    code = worst(*(observed.hosts[name].unreachable_exit for name in dead))
    if archive:
        _pack(folder, target)
    return Exported(target, files, dead, code)


def _about(cluster: ClusterSession) -> dict[str, Any]:
    """Who wrote this, of what; addresses are needed to read the rest."""
    hosts = cluster.inventory.hosts
    return {
        "swarmlay": __version__,
        "cluster": cluster.inventory.cluster,
        "inventory": cluster.inventory.path,
        "hosts": {h.name: {"role": h.role, "address": h.ssh.address} for h in hosts},
    }


def _one(
    cluster: ClusterSession, observed: ObservedState, folder: Path, lines: int
) -> Callable[[str], bool]:
    def export(name: str) -> bool:
        """One host's folder; says whether the host could be asked."""
        place = folder / name
        facts = facts_data(FactsReport(cluster.inventory.cluster, _only(observed, name)))
        _write(place / "facts.json", facts)
        session = cluster.sessions[name]
        if isinstance(session, HostError):
            _write(place / "unreachable.txt", _reason(session))
            return False
        try:
            for file, text in _answers(session, lines):
                _write(place / file, text)
        except HostError as error:
            _write(place / "unreachable.txt", _reason(error))
            return False
        return True

    return export


def _only(observed: ObservedState, name: str) -> ObservedState:
    return ObservedState({name: observed.hosts[name]})


def _reason(error: SwarmlayError) -> str:
    return f"{error}\n{error.hint}\n"


def _answers(session: Session, lines: int) -> Iterator[tuple[str, str]]:
    for file, script in _ASKED.items():
        whole = f"export LC_ALL=C\n{{ {script.format(lines=lines)}; }} 2>&1 | tail -c {_LIMIT}\n"
        answer = session.ask(whole, timeout=60.0)
        yield file, answer.stdout or f"(nothing, exit {answer.exit_code}) {answer.stderr}\n"


def _cluster(cluster: ClusterSession, observed: ObservedState, place: Path) -> None:
    """What the lead manager says, or why there is none."""
    fact = observed.cluster
    if not isinstance(fact, Known) or fact.value is None:
        reason = "there is no swarm" if isinstance(fact, Known) else fact.reason
        _write(place / "unknown.txt", f"{reason}\n")
        return
    session = cluster.session(fact.value.lead)
    for file, operation in _READS.items():
        try:
            _write(place / file, session.docker(operation, {}))
        except SwarmlayError as error:
            _write(place / f"{file}.error.txt", _reason(error))


def _write(path: Path, content: Any) -> None:
    """One file, its secrets hidden, readable by its owner only."""
    if isinstance(content, str):
        text = _text(content, is_json=path.suffix == ".json")
    else:
        text = json.dumps(redacted_data(content), indent=2, default=str) + "\n"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _private(path) as file:
        file.write(text.encode())


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _text(content: str, *, is_json: bool) -> str:
    if is_json:
        try:
            return json.dumps(redacted_data(json.loads(content)), indent=2) + "\n"
        except ValueError:
            pass
    return redacted(content)


def _pack(folder: Path, target: Path) -> None:
    with _private(target) as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    shutil.rmtree(folder)
