"""What a person sees while it happens."""

import io
import re
from collections.abc import Iterator

import pytest

from provision.cli.console import PlainConsole, SilentConsole
from provision.cli.console_live import LiveConsole
from provision.cli.progress import Board
from provision.model.actions import Action, Change, Plan
from provision.model.results import Event, Finished, Outcome, Phase, Progress, Result, Started


def _action(host: str) -> Action:
    return Action(f"{host}:engine:docker", host, "engine", "Docker engine", Change.CREATE, "none",
                  commands=("apt-get install docker.io",))  # fmt: skip


PLAN = Plan("demo", tuple(_action(host) for host in ("w1", "w2")))
EVENTS: tuple[Event, ...] = (
    Phase("observe", "2 hosts"),
    Phase("observe", "2 hosts", 0.4),
    Started("w1:engine:docker", "w1"),
    Started("w2:engine:docker", "w2"),
    Progress("w1:engine:docker", "w1", "unpacking \x1b[31mdocker.io"),
    Progress("w1:engine:docker", "w1", "unpacking \x1b[31mdocker.io"),
    Finished(Result("w1:engine:docker", "w1", Outcome.CHANGED, seconds=10.2)),
    Finished(Result("w2:engine:docker", "w2", Outcome.FAILED, "apt ended with 100\nE: …", "x", 3)),
)


def _clock() -> Iterator[float]:
    return iter(range(1000))


def _plain(*, verbose: bool = False) -> str:
    stream = io.StringIO()
    console = PlainConsole(stream, verbose=verbose, clock=_clock().__next__)
    console.expect(PLAN)
    for event in EVENTS:
        console.event(event)
    console.close()
    return stream.getvalue()


def test_plain_lines_tell_the_story() -> None:
    """Without a terminal: a line a thing that happened, each progress once."""
    assert _plain() == (
        "· observe: 2 hosts\n"
        "  w1: Docker engine: unpacking docker.io\n"
        "✓ w1: Docker engine  10.2 s\n"
        "✗ w2: Docker engine: apt ended with 100  3.0 s\n"
    )


def test_verbose_shows_commands() -> None:
    """-v shows what one would type, when it begins."""
    assert "    $ apt-get install docker.io\n" in _plain(verbose=True)


def test_quiet_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """-q writes nothing at all."""
    console = SilentConsole()
    console.expect(PLAN)
    for event in EVENTS:
        console.event(event)
    console.close()

    assert capfd.readouterr() == ("", "")


def test_live_stages_end_as_one_line_each() -> None:
    """On a terminal a stage that is over stays as one line with count and time."""
    stream = io.StringIO()
    console = LiveConsole(stream, color=False, clock=_clock().__next__)
    console.expect(PLAN)
    for event in EVENTS:
        console.event(event)
    with console.paused():
        stream.write("QUESTION\n")
    console.close()

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert " ✓ Observe: 2 hosts  0.4 s\n" in shown
    assert " ✗ Docker engine  1 of 2 failed; w2: apt ended with 100" in shown
    assert "QUESTION" in shown


def test_live_text_of_hosts_is_clean() -> None:
    """A host's words cannot colour the screen."""
    stream = io.StringIO()
    console = LiveConsole(stream, color=False, clock=_clock().__next__)
    console.notice("w1: recorded \x1b[31mED25519")
    console.close()

    assert "\x1b[31m" not in stream.getvalue()


def test_a_stage_counts_its_actions() -> None:
    """A stage is over when all its actions are."""
    board = Board()
    board.expect(PLAN)
    ended = [board.take(event, at) for at, event in enumerate(EVENTS)]

    stage = ended[-1]
    assert stage is not None
    assert (stage.title, stage.total, stage.counts) == ("Docker engine", 2, "2 hosts")
    assert [bool(s) for s in ended] == [False, True, *([False] * 5), True]
    assert board.open == []


def test_unplanned_actions_are_shown_too() -> None:
    """An action that no plan announced has a stage of its own."""
    board = Board()

    assert board.take(Started("w9:swarm:member", "w9"), 0) is None
    assert [stage.title for stage in board.open] == ["Swarm"]
