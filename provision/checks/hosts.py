"""Each host by itself: reachable, its engine up, its clock with the others'."""

from collections.abc import Iterable
from statistics import median

from provision.model.facts import Known, Unknown
from provision.model.findings import Cell, State
from provision.model.observed import HostFacts, ObservedState

LAYER = "host"
MAX_SKEW = 30.0  # seconds; certificates and raft tolerate not much more


def cells(observed: ObservedState) -> tuple[Cell, ...]:
    """Three cells a host; one for a host that does not answer."""
    offsets = [f.clock.value.offset for f in observed.hosts.values() if isinstance(f.clock, Known)]
    middle = median(offsets) if offsets else 0.0
    return tuple(c for facts in observed.hosts.values() for c in _host(facts, middle))


def _host(facts: HostFacts, middle: float) -> Iterable[Cell]:
    if not isinstance(facts.reachable, Known):
        yield Cell(
            LAYER,
            facts.host,
            "reachable",
            facts.host,
            facts.host,
            State.UNKNOWN,
            expected="answers over SSH",
            reason=facts.reachable.reason,
            hint=facts.unreachable_hint,
        )
        return
    yield _cell(facts.host, "reachable", State.OK, "answers over SSH")
    yield _engine(facts)
    yield _clock(facts, middle)


def _engine(facts: HostFacts) -> Cell:
    expected = "the engine runs"
    if isinstance(facts.engine, Unknown):
        return _cell(facts.host, "engine", State.UNKNOWN, expected, reason=facts.engine.reason)
    engine = facts.engine.value
    if engine is None:
        why = "there is no Docker engine"
        return _cell(facts.host, "engine", State.FAILED, expected, reason=why)
    if not engine.running:
        why = engine.problem or "the engine does not answer"
        return _cell(facts.host, "engine", State.FAILED, expected, reason=why)
    return _cell(facts.host, "engine", State.OK, expected, found=engine.version)


def _clock(facts: HostFacts, middle: float) -> Cell:
    expected = f"within {MAX_SKEW:.0f} s of the others"
    if isinstance(facts.clock, Unknown):
        return _cell(facts.host, "clock", State.UNKNOWN, expected, reason=facts.clock.reason)
    off = facts.clock.value.offset - middle
    found = f"{off:+.1f} s"
    if abs(off) <= MAX_SKEW:
        return _cell(facts.host, "clock", State.OK, expected, found=found)
    why = f"its clock is {found} from the median of all hosts"
    return _cell(facts.host, "clock", State.FAILED, expected, found=found, reason=why)


def _cell(
    host: str, probe: str, state: State, expected: str, *, found: str = "", reason: str = ""
) -> Cell:
    return Cell(
        LAYER, host, probe, host, host, state, expected=expected, found=found, reason=reason
    )
