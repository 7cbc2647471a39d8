"""The effects of the commands that steps run on a simulated Debian host."""

import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from provision.model.engine_unit import KEEP, RESTART, START
from provision.model.manifest import FUNCTIONS
from provision.model.probes import Answer
from provision.platforms.debian.scripts import INSTALL, KEY, PREPARE
from provision.platforms.debian.undo import PURGE
from provision.transports.simulated.disk import StoredFile

if TYPE_CHECKING:
    from provision.transports.simulated.machine import Machine

Deed: TypeAlias = Callable[["Machine", Sequence[str], str], Answer]

_DOCKER = "docker.service"
_VERSIONS = {"docker": "28.1.1", "distro": "20.10.24"}
_FIREWALL = "/etc/swarmlay/firewall"


def obey(machine: "Machine", words: Sequence[str], stdin: str) -> Answer:
    """Carry out *words*."""
    if words[0].startswith(("iptables-", "ip6tables-")):
        return machine.filter.iptables(words)
    deed = _DEEDS.get(words[0])
    return deed(machine, words, stdin) if deed else _unknown(words)


def _unknown(words: Sequence[str]) -> Answer:
    return Answer(127, "", f"simulated host: no command {shlex.join(words)[:200]}")


def _shell(machine: "Machine", words: Sequence[str], stdin: str) -> Answer:
    if words[1] == "-c":
        return _condition(machine, words[2])
    if words[1] != "-s":
        script = machine.files.get(words[1])
        return machine.filter.run_script(script.content.decode()) if script else _unknown(words)
    arguments = words[3:]
    if stdin in _SCRIPTS:
        return _SCRIPTS[stdin](machine, arguments)
    if FUNCTIONS in stdin:
        cluster, *rest = arguments
        entries = [rest[i : i + 3] for i in range(0, len(rest), 3)]
        return machine.manifest.record(cluster, entries)
    if f"script={_FIREWALL}" in stdin:
        return _forget_rules(machine, arguments)
    return _unknown((*words, stdin[:80]))


def _condition(machine: "Machine", text: str) -> Answer:
    if "docker-state.json" in text:
        return Answer(1 if machine.in_swarm else 0)
    if "ss -Hlntu" in text:
        return Answer(0)
    return _unknown(("sh", "-c", text))


def _prepare(machine: "Machine", arguments: Sequence[str]) -> Answer:
    del arguments
    machine.held |= {n for n in machine.manifest.names("hold") if n in machine.packages}
    return Answer(0)


def _install(machine: "Machine", arguments: Sequence[str]) -> Answer:
    cluster, _pattern, source, *rest = arguments
    names = [name.removesuffix("?") for name in rest if name != "--"]
    added = [name for name in names if name not in machine.packages]
    listed = machine.manifest.record(cluster, [("package", name, "") for name in added])
    if not listed.ok:
        return listed
    version = _VERSIONS[source]
    machine.packages.update(dict.fromkeys(added, f"{version}-1"))
    if {"docker.io", "docker-ce"} & set(names) and machine.engine() is None:
        machine.install(version)
        machine.units.add(_DOCKER)
    return _prepare(machine, ())


def _started(machine: "Machine", arguments: Sequence[str]) -> Answer:
    del arguments
    return _systemctl(machine, ("systemctl", "enable", "--now", _DOCKER), "")


def _restarted(machine: "Machine", arguments: Sequence[str]) -> Answer:
    del arguments
    return _systemctl(machine, ("systemctl", "restart", _DOCKER), "")


def _key(machine: "Machine", arguments: Sequence[str]) -> Answer:
    machine.files[arguments[2]] = StoredFile(arguments[1].encode())
    return Answer(0)


def _purge(machine: "Machine", arguments: Sequence[str]) -> Answer:
    del arguments
    manifest, kept = machine.manifest, []
    contents = {(name, detail) for kind, name, detail in manifest.entries if kind == "content"}
    if {"docker.io", "docker-ce"} & set(manifest.names("package")):
        machine.remove()
        machine.units.discard(_DOCKER)
    for name in manifest.names("package"):
        machine.packages.pop(name, None)
        machine.held.discard(name)
    machine.units -= set(manifest.names("unit"))
    for path in manifest.names("file"):
        found = machine.files.get(path)
        known = any(name == path for name, _ in contents)
        if found and known and (path, hashlib.sha256(found.content).hexdigest()) not in contents:
            kept.append(f"kept {path}: somebody changed it since")
        else:
            manifest.restore(path)
    manifest.forget()
    return Answer(0, "\n".join(kept))


def _forget_rules(machine: "Machine", lines: Sequence[str]) -> Answer:
    script = machine.files.get(_FIREWALL)
    if script is None:
        return Answer(0)
    left = [line for line in script.content.decode().splitlines() if line not in lines]
    machine.files[_FIREWALL] = StoredFile("\n".join([*left, ""]).encode(), 0o755)
    if not any(line.startswith("accept i") for line in left):
        machine.units.discard("swarmlay-firewall.service")
        machine.files.pop(_FIREWALL)
        machine.files.pop("/etc/systemd/system/swarmlay-firewall.service", None)
    return Answer(0)


def _systemctl(machine: "Machine", words: Sequence[str], stdin: str) -> Answer:
    del stdin
    verb, units = words[1], [w for w in words[2:] if not w.startswith("-")]
    engine = machine.engine()
    if verb == "enable":
        machine.units |= set(units)
    if _DOCKER.removesuffix(".service") in {u.removesuffix(".service") for u in units}:
        if engine is None:
            return Answer(5, "", "Unit docker.service could not be found.")
        if verb == "restart":
            engine.stop()
        if verb in ("restart", "start") or "--now" in words:
            engine.start()
    return Answer(0)


def _docker(machine: "Machine", words: Sequence[str], stdin: str) -> Answer:
    del stdin
    engine = machine.engine()
    if engine is None or not engine.running:
        return Answer(1, "", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    if words[1] == "version":
        return Answer(0, engine.version)
    if tuple(words[1:3]) == ("node", "ls"):
        return Answer(0 if engine.manages else 1)
    if words[1] == "start":
        for name in words[2:]:
            engine.call("POST", f"/containers/{name}/start")
        return Answer(0)
    return _unknown(words)


def _remove(machine: "Machine", words: Sequence[str], stdin: str) -> Answer:
    del stdin
    for path in words[1:]:
        machine.files.pop(path, None)
    return Answer(0)


def _ufw(machine: "Machine", words: Sequence[str], stdin: str) -> Answer:
    del stdin
    return machine.filter.ufw(words)


_SCRIPTS: Mapping[str, Callable[["Machine", Sequence[str]], Answer]] = {
    INSTALL: _install,
    PREPARE: _prepare,
    KEY: _key,
    PURGE: _purge,
    START: _started,
    RESTART: _restarted,
    KEEP: lambda _machine, _arguments: Answer(0),
}

_DEEDS: Mapping[str, Deed] = {
    "sh": _shell,
    "systemctl": _systemctl,
    "docker": _docker,
    "rm": _remove,
    "ufw": _ufw,
}

__all__ = ["obey"]
