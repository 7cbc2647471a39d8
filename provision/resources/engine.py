"""The Docker engine: installed where there is none, running; one that is there is kept."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from provision.model.actions import Action, Blocked, Change, Docker, Run, Step, Wait
from provision.model.context import Context, engine_id, member_id, ports_id
from provision.model.daemon import DAEMON_JSON, PROXY_DROPIN, merge, proxy_dropin
from provision.model.desired import EngineWanted
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, engine_of
from provision.model.manifest import Manifest, decode
from provision.model.observed import Engine, HostFacts, Packages
from provision.model.platform import Platform, Work
from provision.platforms import platform_for

OLDEST = (20, 10)
_TASK: Final = "com.docker.swarm.task.id"
_REMEDIES: Final = {
    "snap": "snap remove docker",
    "podman-docker": "apt remove podman-docker",
    "rootless": "as its user: systemctl --user disable --now docker",
}


class EngineResource:
    """Every host runs an engine."""

    name = "engine"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Hosts whose engine could not be looked at, cannot be installed or must not be touched."""
        for host in context.hosts:
            facts = context.facts(host.name)
            reason, hint, code = _refusal(facts, engine_of(host, context.desired))
            if reason:
                yield Blocked(host.name, reason, hint=hint, exit_code=code)

    def wanted(self, context: Context) -> Iterable[Action]:
        """Install, start or reconfigure.

        Engines that run are restarted one after the other: settings that one does not start with
        reach no second one, managers keep their quorum, and tasks have somewhere to go.
        """
        before: frozenset[str] = frozenset()
        for host in context.hosts:
            action = _wanted(context, host)
            if action is not None and action.change is Change.UPDATE and _runs(context, host):
                action, before = replace(action, after=before), frozenset({action.id})
            if action is not None:
                yield action

    def unwanted(self, context: Context) -> Iterable[Action]:
        """With ``--purge``: what the manifest lists, nothing else."""
        if not context.options.purge:
            return
        for host in context.hosts:
            if action := _purge(context, host):
                yield action


def _refusal(facts: HostFacts, wanted: EngineWanted) -> tuple[str, str, int]:
    if isinstance(facts.conflicts, Known) and facts.conflicts.value:
        names = facts.conflicts.value
        hint = "; ".join(_REMEDIES.get(name, f"remove {name}") for name in names)
        return f"another engine is in the way: {', '.join(names)}", hint, 4
    if isinstance(facts.engine, Unknown):
        return f"its Docker engine could not be looked at: {facts.engine.reason}", "", 1
    engine = facts.engine.value
    if engine is None:
        return _cannot_install(facts, wanted)
    if engine.live_restore or wanted.daemon.get("live-restore"):
        hint = f"take live-restore out of {DAEMON_JSON}"
        return "its engine uses live-restore, which a swarm refuses", hint, 4
    if engine.version and _number(engine.version) < OLDEST:
        return f"its engine {engine.version} is older than 20.10", "upgrade it first", 4
    return "", "", 0


def _number(version: str) -> tuple[int, int]:
    parts = [p for p in version.split(".")[:2] if p.isdigit()]
    return (int(parts[0]), int(parts[1])) if len(parts) == len(OLDEST) else OLDEST


def _cannot_install(facts: HostFacts, wanted: EngineWanted) -> tuple[str, str, int]:
    if wanted.source == "present":
        hint = "install it, or say `engine: {source: docker}`"
        return "has no Docker engine and the playbook says `source: present`", hint, 2
    if isinstance(facts.os, Unknown):
        return f"its operating system is unknown: {facts.os.reason}", "", 1
    platform = platform_for(facts.os.value)
    if platform is None:
        hint = "install Docker there yourself; an engine that is there is used as it is"
        return f"swarmlay does not install Docker on {facts.os.value.pretty}", hint, 4
    return platform.refuses(facts, wanted), "", 4


def _wanted(context: Context, host: Host) -> Action | None:
    facts = context.facts(host.name)
    engine = facts.engine.value if isinstance(facts.engine, Known) else None
    platform = platform_for(facts.os.value) if isinstance(facts.os, Known) else None
    if platform is None:
        return None  # an engine is there: kept as it is
    wanted = engine_of(host, context.desired)
    daemon, proxy = _daemon_text(facts, wanted, engine), _proxy_text(context, host, wanted)
    if engine is None:
        work = platform.install(
            facts, wanted, context.cluster_name, daemon_text=daemon, proxy_text=proxy
        )
        return _install(host, wanted, work)
    return _existing(context, host, platform, engine, daemon=daemon, proxy=proxy)


def _daemon_text(facts: HostFacts, wanted: EngineWanted, engine: Engine | None) -> str | None:
    if not wanted.daemon:
        return None
    files = facts.files.value if isinstance(facts.files, Known) else {}
    return merge(engine.daemon_text if engine else files.get(DAEMON_JSON, ""), wanted.daemon)


def _proxy_text(context: Context, host: Host, wanted: EngineWanted) -> str | None:
    if wanted.proxy is None:
        return None
    text = proxy_dropin(wanted.proxy, sorted(context.addresses.values()))
    files = context.facts(host.name).files
    current = files.value.get(PROXY_DROPIN, "") if isinstance(files, Known) else ""
    return None if text == current else text


def _install(host: Host, wanted: EngineWanted, work: Work) -> Action:
    source = {"docker": "Docker's own repository", "distro": "the distribution's package"}
    version = f", version {wanted.version}" if wanted.version else ""
    return Action(
        id=engine_id(host.name),
        host=host.name,
        resource="engine",
        subject="Docker engine",
        change=Change.CREATE,
        why=f"there is none; from {source[wanted.source]}{version}",
        steps=work.steps,
        commands=work.commands,
    )


def _runs(context: Context, host: Host) -> bool:
    engine = context.facts(host.name).engine
    return isinstance(engine, Known) and engine.value is not None and engine.value.running


def _existing(
    context: Context,
    host: Host,
    platform: Platform,
    engine: Engine,
    *,
    daemon: str | None,
    proxy: str | None,
) -> Action | None:
    stopped: tuple[str, ...] = ()
    if daemon is not None or proxy is not None:
        work = platform.configure(context.cluster_name, daemon_text=daemon, proxy_text=proxy)
        why = f"{DAEMON_JSON if daemon is not None else 'the proxy'} differs; needs a restart"
        stopped = engine.running_containers
        if not engine.running:
            work = replace(work, steps=(*work.steps, *platform.start().steps))
    elif not engine.running:
        work, why = platform.start(), engine.problem or "it is installed and does not run"
    elif interrupted := _interrupted(context, host):
        work, why, stopped = platform.start(), interrupted, engine.running_containers
    elif loose := _loose(context, host):
        work, why = platform.start(), f"not held back from upgrades: {', '.join(loose)}"
    else:
        return None
    return Action(
        id=engine_id(host.name),
        host=host.name,
        resource="engine",
        subject="Docker engine",
        change=Change.UPDATE,
        why=why,
        steps=(*work.steps, *_resumed(context, host)),
        before=engine.daemon_text if daemon is not None else None,
        after_=daemon,
        commands=work.commands,
        restarts=stopped,
    )


def _resumed(context: Context, host: Host) -> Iterator[Step]:
    """An engine that restarts is back in its swarm, and runs what it ran, before others go on."""
    membership, containers = context.membership(host.name), context.facts(host.name).containers
    if membership is not None and membership.state == "active":
        leads = Run(("docker", "node", "ls", "--quiet"), timeout=10.0)
        back = leads if membership.manager else Docker("swarm.is_active")
        yield Wait(back, timeout=90.0, why="the node to be back in its swarm", every=0.5)
    found = containers.value if isinstance(containers, Known) else ()
    ids = [c.id for c in found if c.state == "running" and _TASK not in c.labels]
    if ids:  # those that began with --rm are gone
        yield Run(("docker", "start", *ids), timeout=120.0, accepts=frozenset({0, 1}))


def _ours(facts: HostFacts, cluster: str) -> Manifest | None:
    manifest = decode(facts.manifest.value) if isinstance(facts.manifest, Known) else None
    return manifest if manifest is not None and manifest.cluster == cluster else None


def _interrupted(context: Context, host: Host) -> str:
    """A run of ours was cut off, although the engine runs."""
    facts = context.facts(host.name)
    packages = facts.packages.value if isinstance(facts.packages, Known) else Packages()
    ours = _ours(facts, context.cluster_name) is not None
    return "a package installation was interrupted" if ours and packages.interrupted else ""


def _loose(context: Context, host: Host) -> list[str]:
    """Packages that we hold and that are not held any more."""
    facts = context.facts(host.name)
    manifest = _ours(facts, context.cluster_name)
    if manifest is None or not isinstance(facts.packages, Known):
        return []
    packages = facts.packages.value
    held = [n for n in manifest.names("hold") if n in packages.installed]
    return [name for name in held if name not in packages.held]


def _purge(context: Context, host: Host) -> Action | None:
    facts = context.facts(host.name)
    if not isinstance(facts.manifest, Known) or not isinstance(facts.os, Known):
        return None
    manifest, platform = decode(facts.manifest.value), platform_for(facts.os.value)
    if manifest is None or platform is None or manifest.cluster != context.cluster_name:
        return None
    work = platform.purge(manifest, volumes=context.options.volumes)
    return Action(
        id=engine_id(host.name),
        host=host.name,
        resource="engine",
        subject="what swarmlay installed",
        change=Change.DELETE,
        why=f"--purge: {len(manifest.entries)} things are listed in the manifest",
        steps=work.steps,
        after=frozenset({member_id(host.name), ports_id(host.name)}),
        before=[f"{e.kind} {e.name}" for e in manifest.entries],
        commands=work.commands,
    )
