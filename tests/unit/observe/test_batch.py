"""Many probes in one script: run by a real shell, whatever the probes do."""

import json
import subprocess
from typing import Any

import pytest

from provision.model.facts import Fact, Known, Unknown
from provision.model.probes import Answer, Probe
from provision.observe.batch import LIMIT, Batch, batch, unbatch
from provision.observe.hosts import PROBES

MARK = "f00dfeed"


def text(answer: Answer) -> Fact[Any]:
    """What the probe printed and how it ended."""
    return Known((answer.exit_code, answer.stdout))


def broken(answer: Answer) -> Fact[Any]:
    """A parser that trusts what it reads."""
    return Known(json.loads(answer.stdout))


def asked(*probes: Probe) -> Batch:
    """The facts that this machine's shell gives."""
    said = subprocess.run(
        ("sh",), input=batch(probes, MARK).encode(), capture_output=True, check=False
    )
    return unbatch(probes, MARK, said.stdout.decode(errors="replace"))


def test_each_probe_gets_its_own_answer() -> None:
    """With its exit code, and what it wrote to either stream."""
    found = asked(Probe("a", "echo one; exit 3", text), Probe("b", "echo two >&2", text))
    assert found.facts == {"a": Known((3, "one\n")), "b": Known((0, "two\n"))}


def test_the_clock_is_read_at_both_ends() -> None:
    """So that the script's own time is no part of the round trip."""
    found = asked(Probe("a", "sleep 0.2", text))
    assert found.began is not None
    assert found.ended is not None
    assert 0.15 < found.ended - found.began < 5


def test_a_probe_that_hangs_costs_only_its_own_fact() -> None:
    """Its deadline ends it, and what it started."""
    slow = Probe("slow", "sleep 60 & sleep 60", text, deadline=1)
    found = asked(slow, Probe("b", "echo here", text))
    assert found.facts["slow"] == Unknown("no answer within 1 s")
    assert found.facts["b"] == Known((0, "here\n"))


def test_a_probe_that_floods_costs_only_its_own_fact() -> None:
    """Its answer is cut off, and is then no answer."""
    found = asked(Probe("flood", "yes", text), Probe("b", "echo here", text))
    assert found.facts["flood"] == Unknown("its answer has no end")
    assert found.facts["b"] == Known((0, "here\n"))


def test_a_quote_left_open_costs_only_its_own_fact() -> None:
    """Each probe has a shell of its own."""
    found = asked(Probe("a", "echo 'x", text), Probe("b", "echo here", text))
    assert found.facts["a"] != found.facts["b"] == Known((0, "here\n"))


@pytest.mark.parametrize("script", ["printf '\\033[2J\\007'", "head -c 999 /dev/urandom", "exit 9"])
def test_garbage_is_unknown_with_a_reason_that_can_be_shown(script: str) -> None:
    """Escape codes of a host never reach the user's terminal."""
    fact = asked(Probe("a", script, broken)).facts["a"]
    assert isinstance(fact, Unknown)
    assert fact.reason.isprintable()
    assert len(fact.reason) < 300


def test_a_host_that_says_nothing_is_unknown() -> None:
    """No probe is taken for answered."""
    found = unbatch([Probe("a", "true", text)], MARK, "")
    assert found == Batch({"a": Unknown("the host did not answer")})


def test_an_answer_that_breaks_off_is_unknown() -> None:
    """A lost connection in the middle leaves what was complete."""
    probes = [Probe("a", "true", text), Probe("b", "true", text)]
    whole = f"{MARK} begin a\nx\n\n{MARK} end 0\n{MARK} begin b\nhal"
    assert unbatch(probes, MARK, whole).facts == {
        "a": Known((0, "x\n")),
        "b": Unknown("its answer was cut off"),
    }


def test_a_login_message_does_not_matter() -> None:
    """What comes before the first mark is not ours."""
    said = f"Welcome!\n{MARK} begin a\nx\n\n{MARK} end 0\n"
    assert unbatch([Probe("a", "true", text)], MARK, said).facts["a"] == Known((0, "x\n"))


def test_no_line_of_the_script_exceeds_what_answers_may_be() -> None:
    """The script of all probes stays small."""
    assert len(batch(PROBES, MARK)) < 20_000 < LIMIT
