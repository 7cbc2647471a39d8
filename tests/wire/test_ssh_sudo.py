"""Becoming root: without a password, with one, and when it does not work."""

from typing import Any

import pytest

from provision.errors import AuthenticationFailed
from provision.model.actions import Run, WriteFile
from provision.model.connection import Sudo

pytestmark = pytest.mark.wire

_VARIABLE = "SUDO_PASSWORD"
_WITH_PASSWORD = Sudo(password_env=_VARIABLE)


def _mode(site: Any, mode: str) -> None:
    (site.directory / "bin" / "mode").write_text(mode)


def test_sudo_without_a_password(site: Any) -> None:
    """Where sudo asks nothing, nothing is sent."""
    session = site.connect(site.target(sudo=Sudo()))

    assert session.ask("echo root").stdout == "root\n"
    assert "sudo -n" in site.server.commands[-1]


def test_a_password_goes_over_stdin_only(site: Any) -> None:
    """The password reaches sudo, and neither a command line nor the command's stdin."""
    _mode(site, "password")
    site.environment[_VARIABLE] = "open sesame"
    session = site.connect(site.target(sudo=_WITH_PASSWORD))

    answer = session.do(Run(("cat",), stdin="mine"), {})

    assert (answer.exit_code, answer.stdout) == (0, "mine")
    assert session.ask("echo $((20 + 1))").stdout == "21\n"
    assert "sesame" not in "".join(site.server.commands)


def test_a_password_that_is_not_asked_for_does_not_leak(site: Any) -> None:
    """Where sudo does not ask after all, the password is not run as a line of the script."""
    site.environment[_VARIABLE] = "open sesame"
    session = site.connect(site.target(sudo=_WITH_PASSWORD))

    answer = session.ask("echo fine")

    assert (answer.stdout, answer.stderr) == ("fine\n", "")


def test_a_wrong_password_is_said_and_not_shown(site: Any) -> None:
    """A wrong password fails at once."""
    _mode(site, "password")
    site.environment[_VARIABLE] = "open barley"
    session = site.connect(site.target(sudo=_WITH_PASSWORD))

    with pytest.raises(AuthenticationFailed, match="does not take the password") as raised:
        session.ask("echo never")
    assert "barley" not in f"{raised.value}{raised.value.hint}"


def test_a_needed_password_is_asked_for_in_the_hint(site: Any) -> None:
    """Without a password configured the hint names how to give one; nothing is retried."""
    _mode(site, "password")
    session = site.connect(site.target(sudo=Sudo()))

    with pytest.raises(AuthenticationFailed, match="wants a password") as raised:
        session.ask("echo never")
    assert "password_env" in raised.value.hint
    assert len(site.server.commands) == 1


def test_a_user_who_may_not_is_told(site: Any) -> None:
    """Not being in sudoers is an error of its own."""
    _mode(site, "denied")
    session = site.connect(site.target(sudo=Sudo()))

    with pytest.raises(AuthenticationFailed, match="may not use sudo"):
        session.do(WriteFile("/nowhere/x", "y"), {})


def test_an_unset_variable_is_named(site: Any) -> None:
    """A password variable that is not set is named before anything is run."""
    session = site.connect(site.target(sudo=_WITH_PASSWORD))

    with pytest.raises(AuthenticationFailed, match="SUDO_PASSWORD"):
        session.ask("true")
    assert site.server.commands == []


def test_the_person_is_asked_once(site: Any) -> None:
    """sudo: {ask: true} asks once a run, not once a command."""
    _mode(site, "password")
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "open sesame"

    session = site.connect(site.target(sudo=Sudo(ask=True)), ask_password=ask)

    assert [session.ask("echo x").stdout for _ in range(3)] == ["x\n"] * 3
    assert asked == ["sudo password for tester: "]


def test_nobody_to_ask_for_the_password(site: Any) -> None:
    """sudo: {ask: true} without a terminal is refused with the way out."""
    with pytest.raises(AuthenticationFailed) as raised:
        site.connect(site.target(sudo=Sudo(ask=True)))
    assert "password_env" in raised.value.hint
