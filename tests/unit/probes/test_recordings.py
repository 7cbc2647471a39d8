"""Real hosts' answers, as recorded, are read as they were meant."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provision.model.facts import Unknown
from provision.observe.batch import unbatch
from provision.observe.hosts import PROBES, assemble
from tests.recordings.record import MARK, facts, plain

RECORDINGS = sorted(
    path.parent for path in Path(__file__).parents[2].glob("recordings/*/answer.txt")
)
WORKER = next(path for path in RECORDINGS if path.name == "bookworm-worker")


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: str(path.name))
def test_recordings_are_read_as_before(folder: Path) -> None:
    """A parser that reads a real answer differently says so here."""
    expected = json.loads((folder / "expected.json").read_text())
    answer = (folder / "answer.txt").read_bytes().decode()
    assert plain(facts(answer, expected["host"])) == expected


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: str(path.name))
def test_real_hosts_leave_nothing_unknown(folder: Path) -> None:
    """On a supported system every probe can be answered."""
    expected = json.loads((folder / "expected.json").read_text())
    unknown = [
        name for name, fact in expected.items() if isinstance(fact, dict) and "reason" in fact
    ]
    assert unknown == ["clock"]


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: str(path.name))
def test_recordings_hold_no_secret(folder: Path) -> None:
    """No join token, no private key."""
    text = "".join(path.read_text() for path in folder.iterdir())
    assert not re.search(r"SWMTKN|PRIVATE KEY", text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_answer_is_never_an_exception(data: st.DataObject) -> None:
    """Bytes lost or changed on the way make facts Unknown at most."""
    answer = (WORKER / "answer.txt").read_bytes().decode()
    at = data.draw(st.integers(0, len(answer)))
    upto = data.draw(st.integers(at, min(len(answer), at + 400)))
    noise = data.draw(st.text(max_size=30))
    damaged = answer[:at] + noise + answer[upto:]
    assemble("worker-1", PROBES, unbatch(PROBES, MARK, damaged), Unknown("recorded"))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_as_any_answer_is_never_an_exception(text: str) -> None:
    """Also when the probe's frame is intact."""
    said = "".join(f"{MARK} begin {p.name}\n{text}\n{MARK} end 0\n" for p in PROBES)
    assemble("x", PROBES, unbatch(PROBES, MARK, said), Unknown("recorded"))
