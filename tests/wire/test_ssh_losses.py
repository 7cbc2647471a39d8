"""Connections that break: what is done again, what is not, and what survives on the host."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from provision.errors import HostUnreachable
from provision.model.actions import Run, Wait, WriteFile

pytestmark = pytest.mark.wire


def _cut_during(site: Any, times: int = 1, after: float = 0.3) -> None:
    """Cut the connection a moment after each of the next *times* commands has begun."""
    left = [times]

    def before(command: str) -> None:
        del command
        if left[0] > 0:
            left[0] -= 1
            threading.Timer(after, site.server.cut).start()

    site.server.before_command = before


def test_an_idle_loss_is_not_noticed(site: Any) -> None:
    """A connection lost while idle is made anew, for any step."""
    session = site.connect()
    site.server.cut()
    time.sleep(0.2)

    assert session.do(Run(("echo", "again"), sudo=False), {}).stdout == "again\n"
    assert site.server.connections == 2


def test_a_question_is_asked_again(site: Any) -> None:
    """A read-only script whose connection broke is asked once more."""
    session = site.connect()
    _cut_during(site)

    assert session.ask("sleep 0.6; echo here", sudo=False).stdout == "here\n"
    assert len(site.server.commands) == 2


def test_a_question_is_not_asked_for_ever(site: Any) -> None:
    """A connection that breaks each time ends in an error."""
    session = site.connect()
    _cut_during(site, times=9)

    with pytest.raises(HostUnreachable):
        session.ask("sleep 0.6; echo here", sudo=False)
    assert len(site.server.commands) == 2


def test_a_command_is_not_run_again(site: Any, tmp_path: Path) -> None:
    """A command that may have been carried out is not repeated; the error says so."""
    session = site.connect()
    log = tmp_path / "log"
    _cut_during(site)

    with pytest.raises(HostUnreachable) as raised:
        session.do(Run(("sh", "-c", f"echo x >>{log}; sleep 0.6"), sudo=False), {})

    assert "not known" in raised.value.why
    assert log.read_text() == "x\n"


def test_a_file_is_written_again(site: Any, tmp_path: Path) -> None:
    """Writing a file is the same however often it is done, so it is."""
    session = site.connect()
    big = "x" * 3_000_000
    _cut_during(site, after=0.0)

    assert session.do(WriteFile(str(tmp_path / "f"), big), {}).ok
    assert (tmp_path / "f").read_text() == big
    assert [p.name for p in tmp_path.glob("f*")] == ["f"]


def test_a_wait_goes_on(site: Any, tmp_path: Path) -> None:
    """A wait whose connection broke watches on."""
    session = site.connect()
    _cut_during(site)
    threading.Timer(0.9, (tmp_path / "ready").touch).start()
    predicate = Run(("test", "-e", str(tmp_path / "ready")), sudo=False)

    answer = session.do(Wait(predicate, timeout=20, why="it", every=0.1), {})

    assert answer.exit_code == 0


def _long(tmp_path: Path, seconds: float, code: int = 0) -> Run:
    """A step that notes each start."""
    script = (
        f"echo started >>{tmp_path}/starts; echo begun; sleep {seconds}; echo ended; exit {code}"
    )
    return Run(("sh", "-c", script), unit="long", sudo=False, timeout=60)


def test_a_long_step_survives_losses(site: Any, tmp_path: Path) -> None:
    """Two lost connections neither end nor repeat a step with a unit."""
    session = site.connect()
    _cut_during(site, times=2)

    answer = session.do(_long(tmp_path, 1.5, code=3), {})

    assert (answer.exit_code, answer.stdout) == (3, "begun\nended\n")
    assert (tmp_path / "starts").read_text() == "started\n"
    assert site.server.connections == 3


def test_a_killed_run_is_taken_up(site: Any, tmp_path: Path) -> None:
    """Another run of swarmlay attaches to what the first one started and left running."""
    first = site.connect()
    thread = threading.Thread(target=_quietly, args=(first, _long(tmp_path, 2.0)))
    thread.start()
    while not (tmp_path / "starts").exists():
        time.sleep(0.02)
    first.close()
    thread.join()

    answer = site.connect().do(_long(tmp_path, 2.0), {})

    assert (answer.exit_code, answer.stdout) == (0, "begun\nended\n")
    assert (tmp_path / "starts").read_text() == "started\n"


def test_an_old_result_is_not_believed(site: Any, tmp_path: Path) -> None:
    """What another run left finished is no answer to this one: the command runs again."""
    first = site.connect()
    thread = threading.Thread(target=_quietly, args=(first, _long(tmp_path, 0.5)))
    thread.start()
    while not (tmp_path / "starts").exists():
        time.sleep(0.02)
    first.close()
    thread.join()
    time.sleep(1.0)

    assert site.connect().do(_long(tmp_path, 0.5), {}).ok
    assert (tmp_path / "starts").read_text() == "started\nstarted\n"


def test_a_long_step_tells_how_far_it_is(site: Any, tmp_path: Path) -> None:
    """The last line of a long step is told while it runs."""
    said: list[str] = []

    site.connect().do(_long(tmp_path, 2.2), {}, progress=said.append)

    assert said[:1] == ["begun"]


def test_a_long_step_that_takes_too_long_goes_on(site: Any, tmp_path: Path) -> None:
    """When the time is up the step is left to run on, and the answer says so."""
    script = f"sleep 3; touch {tmp_path}/done"
    step = Run(("sh", "-c", script), unit="slow", sudo=False, timeout=1)

    answer = site.connect().do(step, {})

    assert (answer.exit_code, "still runs" in answer.stderr) == (124, True)
    time.sleep(3)
    assert (tmp_path / "done").exists()


def test_closing_ends_those_who_wait(site: Any) -> None:
    """Ctrl-C closes sessions: whoever is in one comes back at once, and does not reconnect."""
    session = site.connect()
    threading.Timer(0.4, session.close).start()
    began = time.monotonic()

    with pytest.raises(HostUnreachable):
        session.ask("sleep 20", sudo=False)
    assert (time.monotonic() - began < 5, site.server.connections) == (True, 1)


def test_closing_ends_waiting_for_a_boot(site: Any) -> None:
    """A session that waits for its host to come back can be closed meanwhile."""
    session = site.connect(site.target(wait=60.0))
    site.server.stop()
    threading.Timer(0.6, session.close).start()
    began = time.monotonic()

    with pytest.raises(HostUnreachable):
        session.ask("true", sudo=False)
    assert time.monotonic() - began < 10


def test_a_dead_peer_is_noticed(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stops answering, its TCP alive, is given up; nothing hangs."""
    monkeypatch.setattr("provision.transports.connecting._PULSE_EVERY", 0.2)
    monkeypatch.setattr("provision.transports.connecting._PULSE_ANSWER", 0.5)
    session = site.connect()
    threading.Timer(0.3, _freeze, args=(site.server,)).start()
    began = time.monotonic()

    with pytest.raises(HostUnreachable):
        session.do(Run(("sleep", "20"), sudo=False), {})
    assert time.monotonic() - began < 10


def _freeze(server: Any) -> None:
    """Let the server read no more."""
    for transport in server._transports:
        transport.packetizer.read_message = _never


def _never() -> Any:
    time.sleep(30)
    raise EOFError


def _quietly(session: Any, step: Run) -> None:
    """A run that is killed in the middle."""
    try:
        session.do(step, {})
    except HostUnreachable:
        return
