"""Performs the underlay check: all hosts listen first, then all of them send."""

import secrets
from collections.abc import Mapping, Sequence

from provision.checks.underlay import (
    FIREWALL_SCRIPT,
    Evidence,
    Ports,
    UnderlayHost,
    cell,
    judge,
    opening,
    questions,
    read,
    suspects,
    usable,
)
from provision.errors import SwarmlayError
from provision.model.findings import Cell
from provision.model.session import Session
from provision.verify.crew import Crew

_PATIENCE = 2.0  # a lost SYN is repeated after 1 s
_MARGIN = 3.0  # how much earlier than the program its leader gives up


def underlay(
    hosts: Sequence[UnderlayHost],
    sessions: Mapping[str, Session],
    *,
    data_path_port: int = 4789,
    encrypted: bool = False,
    timeout: float = 10.0,
) -> tuple[Cell, ...]:
    """Prove every port between every ordered pair of *hosts* with packets that really arrive.

    Args:
        hosts: who will be in the swarm; one without a session gives cells of state unknown.
        sessions: open sessions, by host.
        data_path_port: the swarm's VXLAN port.
        encrypted: some network is encrypted, so ESP must pass as well.
        timeout: seconds until a host that does not answer is given up.
    """
    ports = Ports(data_path_port, encrypted)
    lost = {h.name: why for h in hosts if (why := usable(h))}
    asked = {h.name: sessions[h.name] for h in hosts if h.name in sessions and h.name not in lost}
    with Crew(lost) as crew:
        crew.start(asked, "underlay", deadline=timeout + _PATIENCE + _MARGIN)
        evidence = _ask(crew, hosts, ports, timeout)
    verdicts = judge(hosts, evidence, crew.lost, ports)
    rules = {name: _rules(sessions[name]) for name in suspects(verdicts)}
    return tuple(cell(v, rules) for v in verdicts)


def _ask(
    crew: Crew, hosts: Sequence[UnderlayHost], ports: Ports, timeout: float
) -> dict[str, Evidence]:
    nonce = secrets.randbits(32)
    openings = {h.name: opening(i, h, ports, nonce) for i, h in enumerate(hosts)}
    ready = crew.step(openings, "READY", timeout=timeout)
    asked = {
        h.name: questions(i, hosts, ready, ports, _PATIENCE)
        for i, h in enumerate(hosts)
        if h.name in ready
    }
    heard = crew.step(asked, "DONE", timeout=_PATIENCE + _MARGIN)
    late = crew.step(dict.fromkeys(heard, ("end",)), "BYE", timeout=_MARGIN)
    return {n: read((*ready[n], *heard[n], *late.get(n, ()))) for n in heard}


def _rules(session: Session) -> str:
    """The host's firewall rules now; without them the reason just names no rule."""
    try:
        return session.ask(FIREWALL_SCRIPT, timeout=10).stdout
    except SwarmlayError:
        return ""
