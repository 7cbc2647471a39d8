"""RHEL and its rebuilds, Fedora, Amazon Linux 2023: dnf, rpm, systemd.

Written from the documentation of Docker, dnf and Amazon; it never ran on such a host.
"""

import shlex
from dataclasses import dataclass
from typing import Final

from provision.model.actions import Ref, Run, Step, Wait, WriteFile
from provision.model.daemon import DAEMON_JSON, PROXY_DROPIN, merge
from provision.model.desired import EngineWanted, Repository
from provision.model.facts import Known, Unknown
from provision.model.manifest import Entry, Manifest, file_entry, record
from provision.model.observed import HostFacts, OperatingSystem
from provision.model.platform import Work
from provision.platforms.redhat.scripts import INSTALL, KEY, PREPARE, PURGE

REPOSITORY = "/etc/yum.repos.d/docker-ce.repo"
KEYFILE = "/etc/pki/rpm-gpg/RPM-GPG-KEY-docker"
# What Docker documents for its RPM packages; the one of its Debian packages is another.
FINGERPRINT = "060A61C51B558A7F742B77AAC52FEB6B621E9F35"
RESIDUE = Ref("residue")
_ENGINES = ("docker.service", "docker.socket", "containerd.service")
_DOCKERS: Final = ("docker-ce", "docker-ce-cli", "containerd.io")
_BROUGHT = (
    Entry("tree", "/var/lib/docker"),
    Entry("tree", "/var/lib/containerd"),
    Entry("tree", "/opt/containerd"),
    Entry("file", "/etc/docker/key.json"),
    Entry("group", "docker"),
    Entry("setting", "net.ipv4.ip_forward"),
    Entry("setting", "FORWARD"),
)
_ANSWERS = Run(("docker", "version", "--format", "{{.Server.Version}}"), timeout=10.0)


@dataclass(frozen=True, slots=True)
class _System:
    """A distribution: its first version, Docker's folder for it, its own packages."""

    oldest: int
    folder: str = ""
    own: tuple[str, ...] = ()


_SYSTEMS: Final = {
    "rhel": _System(8, "rhel"),
    "centos": _System(8, "centos"),
    "rocky": _System(8, "centos"),
    "almalinux": _System(8, "centos"),
    "ol": _System(8, "centos"),
    "fedora": _System(39, "fedora", ("moby-engine", "docker-cli", "containerd")),
    "amzn": _System(2023, "", ("docker",)),
}


class RedHat:
    """Systems with dnf."""

    name = "redhat"

    def runs(self, os: OperatingSystem) -> bool:
        """By the id that os-release gives: packages for one of them may not fit another."""
        return os.id in _SYSTEMS

    def refuses(self, facts: HostFacts, wanted: EngineWanted) -> str:
        """Why no engine can be installed on this host; "" when it can."""
        if isinstance(facts.os, Unknown):
            return f"its operating system is not known: {facts.os.reason}"
        if isinstance(facts.conflicts, Unknown):
            return f"other engines could not be looked for: {facts.conflicts.reason}"
        if wanted.source == "present":
            return "there is no engine, and engine.source is 'present'"
        return _too_old(facts.os.value) or _no_packages(facts.os.value, wanted) or _broken(facts)

    def install(
        self,
        facts: HostFacts,
        wanted: EngineWanted,
        cluster: str,
        *,
        daemon_text: str | None = None,
        proxy_text: str | None = None,
    ) -> Work:
        """List, wait; key, repository, settings; packages; start, and hear it answer."""
        os = _system(facts)
        docker = wanted.source == "docker"
        names = _DOCKERS if docker else _SYSTEMS[os.id].own
        packages = [_versioned(name, wanted) for name in names]
        repository = _repository(os, wanted.repository, cluster) if docker else Work((), ())
        steps: tuple[Step, ...] = (
            record(cluster, *_BROUGHT),
            Run(("sh", "-s"), stdin=PREPARE, unit="engine-prepare", timeout=1500.0),
            *repository.steps,
            *_settings(cluster, daemon_text, proxy_text),
            Run(
                ("sh", "-s", "--", cluster, *packages),
                stdin=INSTALL,
                unit="engine-install",
                timeout=1800.0,
            ),
            *_started(),
        )
        typed = shlex.join(("dnf", "install", "--setopt=install_weak_deps=False", *packages))
        return Work(
            steps,
            (
                *repository.commands,
                *_edited(daemon_text, proxy_text),
                typed,
                "systemctl enable --now docker",
            ),
        )

    def configure(
        self, cluster: str, *, daemon_text: str | None = None, proxy_text: str | None = None
    ) -> Work:
        """Write those texts that are not None ("": no proxies) and restart the engine."""
        restart = Run(("systemctl", "restart", "docker"), timeout=180.0)
        steps = (*_settings(cluster, daemon_text, proxy_text), restart, _answering())
        return Work(steps, (*_edited(daemon_text, proxy_text), "systemctl restart docker"))

    def start(self) -> Work:
        """Start an engine that is installed and stopped, now and at boot."""
        return Work(_started(), ("systemctl enable --now docker",))

    def purge(self, manifest: Manifest, *, volumes: bool = False) -> Work:
        """Undo everything the host's manifest lists, and the manifest."""
        step = Run(
            ("sh", "-s", "--", "yes" if volumes else "no"),
            stdin=PURGE,
            unit="purge",
            timeout=1200.0,
            captures=RESIDUE,
        )
        packages = manifest.names("package")
        typed = [shlex.join(("rpm", "--erase", *packages))] if packages else []
        typed += [shlex.join(("rm", path)) for path in manifest.names("file")]
        return Work((step,), tuple(typed))


def _system(facts: HostFacts) -> OperatingSystem:
    """`refuses` has seen to it that it is known."""
    match facts.os:
        case Known(os):
            return os
        case Unknown(reason):
            raise ValueError(f"{facts.host} is blocked: {reason}")


def _too_old(os: OperatingSystem) -> str:
    major, oldest = os.version_id.partition(".")[0], _SYSTEMS[os.id].oldest
    if major.isdigit() and int(major) >= oldest:
        return ""
    return f"{os.pretty or os.id} is too old: {os.id} {oldest} is the first supported"


def _no_packages(os: OperatingSystem, wanted: EngineWanted) -> str:
    system = _SYSTEMS[os.id]
    if wanted.source == "docker" and not system.folder:
        return (
            f"Docker has no packages for {os.pretty or os.id}; its own are installed with "
            "`engine: {source: distro}`"
        )
    if wanted.source == "distro" and not system.own:
        return f"{os.pretty or os.id} has no packages of Docker; use `engine: {{source: docker}}`"
    return ""


def _broken(facts: HostFacts) -> str:
    """An engine would not start with such settings."""
    written = facts.files.value if isinstance(facts.files, Known) else {}
    try:
        merge(written.get(DAEMON_JSON, ""), {})
    except ValueError as error:
        return f"{DAEMON_JSON} is there and is not valid: {error}"
    return ""


def _versioned(name: str, wanted: EngineWanted) -> str:
    pinned = wanted.version and name not in ("containerd.io", "containerd")
    return f"{name}-{wanted.version}" if pinned else name


def _repository(os: OperatingSystem, wanted: Repository, cluster: str) -> Work:
    """Docker's own repository, trusted by one key only."""
    base = f"{wanted.url.rstrip('/')}/{_SYSTEMS[os.id].folder}"
    text = _listing(base, os.version_id.partition(".")[0])
    fingerprint = wanted.fingerprint.upper()
    if fingerprint == Repository().fingerprint:
        fingerprint = FINGERPRINT
    steps = (
        record(cluster, Entry("file", KEYFILE), file_entry(REPOSITORY, text)),
        Run(("sh", "-s", "--", f"{base}/gpg", fingerprint, KEYFILE), stdin=KEY, timeout=120.0),
        WriteFile(REPOSITORY, text),
    )
    typed = (
        shlex.join(("curl", "-fsSLo", KEYFILE, f"{base}/gpg")) + f"  # fingerprint {fingerprint}",
        f"editor {REPOSITORY}  # {base}, gpgkey=file://{KEYFILE}",
    )
    return Work(steps, typed)


def _listing(base: str, major: str) -> str:
    lines = [
        "# Written by swarmlay.",
        "[docker-ce-stable]",
        "name=Docker CE Stable - $basearch",
        f"baseurl={base}/{major}/$basearch/stable",
        "enabled=1",
        "gpgcheck=1",
        f"gpgkey=file://{KEYFILE}",
    ]
    return "\n".join([*lines, ""])


def _settings(cluster: str, daemon: str | None, proxy: str | None) -> tuple[Step, ...]:
    texts = {DAEMON_JSON: daemon, PROXY_DROPIN: proxy}
    written = {path: text for path, text in texts.items() if text}
    steps: list[Step] = []
    if written:
        steps.append(record(cluster, *(file_entry(p, text) for p, text in written.items())))
        steps += [WriteFile(path, text) for path, text in written.items()]
    if proxy == "":
        steps.append(Run(("rm", "-f", PROXY_DROPIN)))
    if proxy is not None:
        steps.append(Run(("systemctl", "daemon-reload")))
    return tuple(steps)


def _edited(daemon: str | None, proxy: str | None) -> tuple[str, ...]:
    typed = [f"editor {DAEMON_JSON}"] if daemon is not None else []
    if proxy is not None:
        verb = "editor" if proxy else "rm"
        typed += [f"{verb} {PROXY_DROPIN}", "systemctl daemon-reload"]
    return tuple(typed)


def _started() -> tuple[Step, ...]:
    return (
        Run(("systemctl", "reset-failed", *_ENGINES), accepts=frozenset({0, 1})),
        Run(("systemctl", "enable", "--quiet", "--now", "docker.service"), timeout=180.0),
        _answering(),
    )


def _answering() -> Wait:
    return Wait(_ANSWERS, timeout=90.0, why="the engine answers", every=0.3)
