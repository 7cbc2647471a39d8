"""Debian 11 and later, Ubuntu 20.04 and later."""

import shlex
from collections.abc import Sequence
from typing import Final

from provision.model.actions import Ref, Run, Step, Wait, WriteFile
from provision.model.daemon import DAEMON_JSON, PROXY_DROPIN, merge
from provision.model.desired import EngineWanted
from provision.model.engine_unit import keep_settings, restart, start
from provision.model.facts import Fact, Known, Unknown
from provision.model.manifest import Entry, Manifest, file_entry, record
from provision.model.observed import HostFacts, OperatingSystem
from provision.model.platform import Work
from provision.model.upgrades import Offer
from provision.platforms.debian.scripts import INSTALL, KEY, PREPARE
from provision.platforms.debian.undo import PURGE
from provision.platforms.debian.upgrading import offers, read_offer, upgrade

SOURCES = "/etc/apt/sources.list.d/docker.sources"
KEYRING = "/etc/apt/keyrings/docker.gpg"
RESIDUE = Ref("residue")
_OLDEST: Final = {"debian": 11, "ubuntu": 20}
_PACKAGES: Final = {
    "docker": ("docker-ce", "docker-ce-cli", "--", "containerd.io"),
    "distro": ("docker.io", "docker-cli?", "--"),
}
# What an engine makes besides its packages' files.
_BROUGHT = (
    Entry("tree", "/var/lib/docker"),
    Entry("tree", "/var/lib/containerd"),
    Entry("tree", "/opt/containerd"),
    Entry("tree", "/etc/cni/net.d"),
    Entry("file", "/etc/docker/key.json"),
    Entry("group", "docker"),
    Entry("setting", "net.ipv4.ip_forward"),
    Entry("setting", "FORWARD"),
)
_TOO = ("iptables", "ca-certificates")
# The client's own deadline is the wait's; a daemon that hangs must not hang the wait.
_ANSWERS = Run(("docker", "version", "--format", "{{.Server.Version}}"), timeout=10.0)


class Debian:
    """Debian and Ubuntu: apt, dpkg, systemd."""

    name = "debian"

    def runs(self, os: OperatingSystem) -> bool:
        """By the id that os-release gives; derivatives have repositories of their own."""
        return os.id in _OLDEST

    def refuses(self, facts: HostFacts, wanted: EngineWanted) -> str:
        """Why no engine can be installed on this host; "" when it can."""
        if isinstance(facts.os, Unknown):
            return f"its operating system is not known: {facts.os.reason}"
        reasons = (
            _too_old(facts.os.value),
            _unlooked(facts.conflicts),
            _not_installable(wanted),
            _other_source(facts, wanted),
            _broken_settings(facts),
        )
        return next(filter(None, reasons), "")

    def install(
        self,
        facts: HostFacts,
        wanted: EngineWanted,
        cluster: str,
        *,
        daemon_text: str | None = None,
        proxy_text: str | None = None,
    ) -> Work:
        """List, wait, repair; key, source, settings; packages; start, and hear it answer."""
        packages = _PACKAGES["distro" if wanted.source == "distro" else "docker"]
        held = _held(wanted)
        entries = [*_BROUGHT, *(Entry("hold", name) for name in held)]
        repository = _repository(facts, wanted, cluster)
        install = Run(
            (*("sh", "-s", "--", cluster, wanted.version or "", wanted.source), *packages, *_TOO),
            stdin=INSTALL,
            unit="engine-install",
            timeout=1800.0,
        )
        steps: tuple[Step, ...] = (
            record(cluster, *entries),
            Run(("sh", "-s"), stdin=PREPARE, unit="engine-prepare", timeout=1500.0),
            *repository.steps,
            *_settings(cluster, daemon_text, proxy_text),
            install,
            *_started(),
        )
        named = [name.removesuffix("?") for name in packages if name not in ("--", "docker-cli?")]
        typed = ("apt-get", "install", "--no-install-recommends", *_versioned(named, wanted), *_TOO)
        return Work(
            steps,
            (
                *repository.commands,
                *_edited(daemon_text, proxy_text),
                "apt-get update",
                shlex.join(typed),
                *((shlex.join(("apt-mark", "hold", *held)),) if held else ()),
                "systemctl enable --now docker",
            ),
        )

    def configure(
        self, cluster: str, *, daemon_text: str | None = None, proxy_text: str | None = None
    ) -> Work:
        """Write those texts that are not None ("": no proxies) and restart the engine."""
        kept = (keep_settings(),) if daemon_text is not None else ()
        settings = _settings(cluster, daemon_text, proxy_text)
        steps = (*kept, *settings, restart(), _answering())
        return Work(steps, (*_edited(daemon_text, proxy_text), "systemctl restart docker"))

    def start(self) -> Work:
        """Start an engine that is installed and stopped, now and at boot."""
        repair = Run(("sh", "-s"), stdin=PREPARE, unit="engine-prepare", timeout=1500.0)
        return Work((repair, *_started()), ("systemctl enable --now docker",))

    def offers(self, package: str, version: str) -> Run:
        """Ask, with fresh lists, for *package* in the newest version that matches *version*."""
        return offers(package, version)

    def read_offer(self, said: str) -> Offer:
        """What the answer to `offers` says."""
        return read_offer(said)

    def upgrade(self, package: str, version: str, cluster: str, held: Sequence[str]) -> Work:
        """Bring *package* and what belongs to it to exactly *version*."""
        return upgrade(package, version, cluster, held)

    def purge(self, manifest: Manifest, *, volumes: bool = False) -> Work:
        """Undo everything the host's manifest lists, and the manifest."""
        step = Run(
            ("sh", "-s", "--", "yes" if volumes else "no"),
            stdin=PURGE,
            unit="purge",
            timeout=1200.0,
            captures=RESIDUE,
        )
        packages, files = manifest.names("package"), manifest.names("file")
        typed = [shlex.join(("apt-get", "purge", *packages))] if packages else []
        typed += [shlex.join(("rm", path)) for path in files]
        return Work((step,), tuple(typed))


def _too_old(os: OperatingSystem) -> str:
    major = os.version_id.partition(".")[0]
    if major.isdigit() and int(major) < _OLDEST.get(os.id, 0):
        return f"{os.pretty or os.id} is too old: {os.id} {_OLDEST[os.id]} is the first supported"
    return ""


def _unlooked(conflicts: Fact[tuple[str, ...]]) -> str:
    if isinstance(conflicts, Unknown):
        return f"other engines could not be looked for: {conflicts.reason}"
    return ""


def _not_installable(wanted: EngineWanted) -> str:
    if wanted.source == "present":
        return "there is no engine, and engine.source is 'present'"
    return ""


def _other_source(facts: HostFacts, wanted: EngineWanted) -> str:
    """Two descriptions of one repository with different keys: apt would stop working at all."""
    written = facts.files.value if isinstance(facts.files, Known) else {}
    listed = written.get("/etc/apt/sources.list.d/docker.list", "")
    active = [line for line in listed.splitlines() if line.strip().startswith("deb ")]
    if wanted.source == "docker" and any(wanted.repository.url in line for line in active):
        return (
            "/etc/apt/sources.list.d/docker.list names Docker's repository already; install the "
            "engine from it, or remove that file"
        )
    return ""


def _broken_settings(facts: HostFacts) -> str:
    """An engine would not start with them."""
    written = facts.files.value if isinstance(facts.files, Known) else {}
    try:
        merge(written.get(DAEMON_JSON, ""), {})
    except ValueError as error:
        return f"{DAEMON_JSON} is there and is not valid: {error}"
    return ""


def _held(wanted: EngineWanted) -> tuple[str, ...]:
    """An upgrade by night would restart the engine; what was pinned stays what it is."""
    if wanted.source == "docker":
        return ("docker-ce", "docker-ce-cli", "containerd.io")
    return ("docker.io",) if wanted.version else ()


def _versioned(names: list[str], wanted: EngineWanted) -> list[str]:
    engine = {"docker-ce", "docker-ce-cli", "docker.io"}
    return [f"{n}={wanted.version}" if wanted.version and n in engine else n for n in names]


def _repository(facts: HostFacts, wanted: EngineWanted, cluster: str) -> Work:
    """Docker's own repository, trusted by one key only."""
    if wanted.source == "distro" or isinstance(facts.os, Unknown):
        return Work((), ())
    os, url = facts.os.value, wanted.repository.url.rstrip("/")
    base = f"{url}/{os.id}"
    text = _sources(base, os.codename, facts.architecture)
    key = (f"{base}/gpg", wanted.repository.fingerprint.upper(), KEYRING)
    steps = (
        record(cluster, Entry("file", KEYRING), file_entry(SOURCES, text)),
        *_certificates(facts, cluster, base),
        Run(("sh", "-s", "--", *key), stdin=KEY, timeout=120.0),
        WriteFile(SOURCES, text),
    )
    fetch = shlex.join(("curl", "-fsSL", f"{base}/gpg"))
    typed = (
        f"{fetch} | gpg --dearmor -o {KEYRING}  # fingerprint {key[1]}",
        f"editor {SOURCES}  # {base} {os.codename} stable, Signed-By: {KEYRING}",
    )
    return Work(steps, typed)


def _certificates(facts: HostFacts, cluster: str, base: str) -> tuple[Step, ...]:
    """A minimal system has no certificates, and then no way to https."""
    installed = facts.packages.value.installed if isinstance(facts.packages, Known) else {}
    if "ca-certificates" in installed or not base.startswith("https:"):
        return ()
    words = ("sh", "-s", "--", cluster, "", "distro", "--", "ca-certificates")
    return (Run(words, stdin=INSTALL, unit="certificates-install", timeout=900.0),)


def _sources(base: str, codename: str, architecture: Fact[str]) -> str:
    lines = [
        "# Written by swarmlay.",
        "Types: deb",
        f"URIs: {base}",
        f"Suites: {codename}",
        "Components: stable",
        *([f"Architectures: {architecture.value}"] if isinstance(architecture, Known) else []),
        f"Signed-By: {KEYRING}",
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
    return start(), _answering()


def _answering() -> Wait:
    return Wait(_ANSWERS, timeout=90.0, why="the engine answers", every=0.3)
