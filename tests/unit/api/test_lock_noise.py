"""The lock on hosts whose logins talk."""

import pytest

from provision.errors import Refused
from tests.unit.api.worlds import OVERLAY, Town


class Noisy:
    """A machine's programs, greeted by a login."""

    def __init__(self, said: list[str], *, only: bool = False) -> None:
        self.said, self.only = said, only

    def wrap(self, town: Town, host: str) -> None:
        """Let *host* greet whoever starts a command that is talked with."""
        programs = town.transport.machine(host).programs
        start = programs.start

        def noisy(words: object) -> object:
            reply, end = start(words)  # type: ignore[arg-type]

            def greeted(line: str | None) -> list[str]:
                first = self.said if line is None else []
                return [*first, *([] if self.only else reply(line))]

            return greeted, end

        town.transport.machine(host).programs.start = noisy  # type: ignore[method-assign,assignment]


def test_a_greeting_before_the_lock_is_passed_over() -> None:
    """A profile that prints does not keep anybody from working."""
    town = Town({"m1": "manager", "w1": "worker"})
    Noisy(["Welcome to Debian", "\033[2J", ""]).wrap(town, "m1")

    assert town.up(town.load(OVERLAY)).exit_code == 0


def test_what_is_said_instead_of_the_lock_is_quoted() -> None:
    """Without its escape codes."""
    town = Town({"m1": "manager", "w1": "worker"})
    Noisy(["\033[2Jthis account is closed"], only=True).wrap(town, "m1")

    with pytest.raises(Refused) as refused:
        town.up(town.load(OVERLAY))

    assert "this account is closed" in refused.value.why
    assert "\033" not in refused.value.why
