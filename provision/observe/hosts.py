"""One host: one script, and the facts put together from its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provision import firewalls, probes
from provision.errors import HostError
from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Clock, Engine, HostFacts, Packages
from provision.model.probes import Probe
from provision.model.session import Session
from provision.observe.batch import Batch, batch, unbatch

PROBES: tuple[Probe, ...] = (*probes.PROBES, firewalls.PROBE)
_TIMEOUT = 180.0  # no probe takes longer than its own deadline; a slow host needs many of them


def unreachable(host: str, error: HostError) -> HostFacts:
    """The facts of a host that could not be asked: every one Unknown, with the same reason."""
    why = Unknown(f"{error.what} ({error.why})" if error.why else error.what)
    names = [name for probe in PROBES for name in probe.gives or (probe.name,)]
    unasked: dict[str, Any] = dict.fromkeys(names, why)
    return HostFacts(
        host,
        reachable=why,
        unreachable_exit=error.exit_code,
        unreachable_hint=error.hint,
        clock=why,
        **unasked,
    )


def observe_host(
    session: Session,
    *,
    clock: Callable[[], float],
    mark: str,
    probes: Sequence[Probe] = PROBES,
) -> HostFacts:
    """Ask one host everything; never raises for the host's fault."""
    sent = clock()
    try:
        answer = session.ask(batch(probes, mark), timeout=_TIMEOUT)
    except HostError as error:
        return unreachable(session.host, error)
    found = unbatch(probes, mark, answer.stdout)
    if found.began is None and not answer.stdout.strip():
        words = answer.stderr.strip() or f"exit code {answer.exit_code}"
        silent = HostError("the host does not carry out a script as root", why=words)
        return unreachable(session.host, silent)
    return assemble(session.host, probes, found, _clock(sent, clock(), found))


def _clock(sent: float, received: float, found: Batch) -> Fact[Clock]:
    """As NTP reckons: the script's own time is no part of the round trip."""
    if found.began is None or found.ended is None:
        return Unknown("the host did not say what time it is")
    offset = (found.began - sent + found.ended - received) / 2
    return Known(Clock(offset, (received - sent) - (found.ended - found.began)))


def assemble(host: str, probes: Sequence[Probe], found: Batch, clock: Fact[Clock]) -> HostFacts:
    """The facts of a host from the answers to its probes."""
    fields: dict[str, Any] = {}
    for probe in probes:
        fields |= _fields(probe, found.facts[probe.name])
    if "engine" in fields and "packages" in fields:
        fields["engine"] = _with_package(fields["engine"], fields["packages"])
    return HostFacts(host, reachable=Known(True), clock=clock, **fields)  # noqa: FBT003 - a fact


def _fields(probe: Probe, fact: Fact[Any]) -> Mapping[str, Fact[Any]]:
    if not probe.gives:
        return {probe.name: fact}
    if isinstance(fact, Unknown):
        return dict.fromkeys(probe.gives, fact)
    return {name: fact.value[name] for name in probe.gives}


def _with_package(engine: Fact[Engine | None], packages: Fact[Packages]) -> Fact[Engine | None]:
    """The engine, with the package it came from."""
    if isinstance(engine, Unknown) or engine.value is None or isinstance(packages, Unknown):
        return engine
    installed = packages.value.installed
    name = next((name for name in ("docker-ce", "docker.io") if name in installed), "")
    known = engine.value.version or _upstream(installed.get(name, ""))
    return Known(replace(engine.value, package=name, version=known))


def _upstream(version: str) -> str:
    """``5:28.1.1-1~debian.12~bookworm`` and ``20.10.24+dfsg1-1`` as the engine would say it."""
    plain = version.rpartition(":")[2]
    return plain.partition("-")[0].partition("+")[0].partition("~")[0]
