"""One host: its facts, its clock, and what happens when it cannot be asked."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from provision.errors import AuthenticationFailed, HostError, HostUnreachable
from provision.model.actions import DockerOperation, Ref, Step
from provision.model.connection import SshTarget
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.observed import HostFacts
from provision.model.probes import Answer
from provision.model.session import Pipe
from provision.observe import PROBES, observe, observe_host, unreachable

MARK = "f00dfeed"


class Scripted:
    """A session to a host that says what it is told to say."""

    def __init__(self, host: str, answer: Answer | HostError) -> None:
        self._host, self._answer = host, answer
        self.asked = 0

    @property
    def host(self) -> str:
        """The host's name."""
        return self._host

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Answer:
        """The answer, or the error."""
        del script, timeout, sudo
        self.asked += 1
        if isinstance(self._answer, HostError):
            raise self._answer
        return self._answer

    def do(
        self,
        step: Step,
        values: Mapping[Ref, str],
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Answer:
        """Nothing is ever done while observing."""
        raise AssertionError(step, values, progress)

    def docker(self, operation: DockerOperation, arguments: Mapping[str, Any]) -> Any:
        """No engine is asked."""
        raise AssertionError(operation, arguments)

    def open(self, words: Sequence[str], *, sudo: bool = True) -> Pipe:
        """No pipe is needed."""
        raise AssertionError(words, sudo)

    def close(self) -> None:
        """Nothing to close."""


def names() -> set[str]:
    """The facts that probes give."""
    return {name for probe in PROBES for name in probe.gives or (probe.name,)}


def host(name: str) -> Host:
    """A manager."""
    return Host(name, "manager", SshTarget(name, "192.0.2.1", "known_hosts"))


def test_probes_give_every_fact_once() -> None:
    """No field of HostFacts is left unasked, none is asked twice."""
    given = [name for probe in PROBES for name in probe.gives or (probe.name,)]
    fields = {field.name for field in dataclasses.fields(HostFacts)}
    others = {"host", "reachable", "unreachable_exit", "unreachable_hint", "clock"}
    assert sorted(given) == sorted(fields - others)


def test_a_host_that_cannot_be_reached_is_unknown_throughout() -> None:
    """With the same reason everywhere, the exit code and the hint."""
    error = AuthenticationFailed("it does not let us in", why="no key fits", hint="ssh-add")
    facts = unreachable("web1", error)
    assert facts.reachable == Unknown("it does not let us in (no key fits)")
    assert (facts.unreachable_exit, facts.unreachable_hint) == (3, "ssh-add")
    assert {getattr(facts, name) for name in names()} == {facts.reachable}


def test_a_connection_lost_on_the_way_is_no_exception() -> None:
    """The others are still observed."""
    session = Scripted("web1", HostUnreachable("the connection broke"))
    facts = observe_host(session, clock=lambda: 0.0, mark=MARK)
    assert facts.reachable == Unknown("the connection broke")


def test_a_host_without_a_shell_is_not_reachable() -> None:
    """A restricted account answers nothing; its words are the reason."""
    session = Scripted("web1", Answer(1, "", "This account is not available."))
    facts = observe_host(session, clock=lambda: 0.0, mark=MARK)
    assert isinstance(facts.reachable, Unknown)
    assert "not available" in facts.reachable.reason


def test_garbage_is_no_exception() -> None:
    """Every fact is Unknown; the host itself was reached."""
    session = Scripted("web1", Answer(0, "\x1b[2J\N{REPLACEMENT CHARACTER}" * 1000))
    facts = observe_host(session, clock=lambda: 0.0, mark=MARK)
    assert facts.reachable == Known(True)  # noqa: FBT003 - a fact
    assert all(isinstance(getattr(facts, name), Unknown) for name in names())


def test_the_clock_is_reckoned_as_ntp_does() -> None:
    """Neither the way nor the script's time shows in the offset."""
    answer = f"{MARK} clock 1010200000000\nx\n{MARK} clock 1011200000000\n"
    times = iter([1000.0, 1001.4])
    facts = observe_host(Scripted("web1", Answer(0, answer)), clock=lambda: next(times), mark=MARK)
    assert isinstance(facts.clock, Known)
    assert facts.clock.value.offset == pytest.approx(10.0)
    assert facts.clock.value.round_trip == pytest.approx(0.4)


def test_every_host_is_asked_once_and_in_order() -> None:
    """However many there are and however few at once; a host without session is described."""
    hosts = [host(f"web{n}") for n in range(7)]
    sessions: dict[str, Scripted | HostError] = {
        h.name: Scripted(h.name, Answer(0, "")) for h in hosts[:-1]
    }
    sessions["web3"] = HostUnreachable("timed out")
    found = observe(hosts, sessions, clock=lambda: 0.0, mark=MARK, parallel=2)
    assert list(found.hosts) == [h.name for h in hosts]
    assert found.hosts["web3"].reachable == Unknown("timed out")
    assert found.hosts["web6"].reachable == Unknown("no session was opened")
    assert {s.asked for s in sessions.values() if isinstance(s, Scripted)} == {1}


def test_nobody_is_observed_without_hosts() -> None:
    """An empty selection is no error."""
    assert observe([], {}, clock=lambda: 0.0, mark=MARK).hosts == {}
