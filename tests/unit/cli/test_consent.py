"""Nothing changes without a yes."""

import io

import pytest

from provision.cli.consent import Consent, require_consent
from provision.cli.console import SilentConsole
from provision.cli.environment import Terminal
from provision.cli.flags import Flags
from provision.cli.invocation import Invocation
from provision.errors import UsageError
from tests.unit.renderers.samples import BARE, INVENTORY


def _invocation(*, asks: bool = True, **flags: object) -> Invocation:
    seen = Terminal(asks=asks, out=False, err=False, width=80, color=False)
    return Invocation(Flags(**flags), seen, SilentConsole())  # type: ignore[arg-type]


def test_without_terminal_and_yes_it_refuses() -> None:
    """Nobody can be asked: exit 2, and the hint says how to agree."""
    with pytest.raises(UsageError) as refused:
        require_consent(_invocation(asks=False), "up")

    assert refused.value.exit_code == 2
    assert "swarmlay up --yes" in refused.value.hint


def test_yes_needs_no_terminal() -> None:
    """--yes agrees beforehand."""
    require_consent(_invocation(asks=False, yes=True), "up")


@pytest.mark.parametrize(("typed", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False),
                                              ("n\n", False), ("", False)])  # fmt: skip
def test_only_yes_is_yes(
    typed: str,
    agreed: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The question names cluster, hosts and number; Enter and end of input mean no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    assert Consent(_invocation(), INVENTORY, "Apply")(BARE) is agreed
    out, err = capsys.readouterr()
    assert "Plan for cluster demo" in out
    assert "Apply these 9 actions to cluster demo (manager, worker-1, worker-2)? [y/N]" in err


def test_json_on_stdout_stays_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With -o json the plan one is asked about is on stderr."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    assert Consent(_invocation(output="json"), INVENTORY, "Apply")(BARE)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Plan for cluster demo" in err


def test_yes_shows_the_plan_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """What is going to happen is always on record, but with -q."""
    assert Consent(_invocation(yes=True), INVENTORY, "Apply")(BARE)
    assert "Plan for cluster demo" in capsys.readouterr().out
    assert Consent(_invocation(yes=True, quiet=True), INVENTORY, "Apply")(BARE)
    assert capsys.readouterr().out == ""
