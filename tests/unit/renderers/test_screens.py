"""Whole screens, compared with golden files: look at them when they change.

``SWARMLAY_WRITE_GOLDEN=1 pytest tests/unit/renderers`` writes them anew.
"""

import os
from pathlib import Path

import pytest

from provision.renderers.base import Report, Screen
from provision.renderers.terminal import RENDERER
from provision.renderers.terminal.text import cells
from tests.unit.renderers import samples

GOLDEN = Path(__file__).parents[2] / "golden" / "screens"
SCREENS: dict[str, Report] = {
    "plan": samples.BARE,
    "plan-blocked": samples.BLOCKED,
    "plan-empty": samples.EMPTY,
    "up": samples.UP,
    "up-empty": samples.UP_EMPTY,
    "up-failed": samples.UP_FAILED,
    "check": samples.WELL,
    "check-ill": samples.ILL,
    "check-wide": samples.WIDE,
    "down": samples.DOWN,
    "down-left": samples.DOWN_LEFT,
    "status": samples.STATUS,
    "hosts": samples.HOSTS_LIST,
    "facts": samples.FACTS,
    "exec": samples.EXEC,
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SCREENS)
def test_screens_are_as_agreed(name: str, width: int) -> None:
    """A report always looks the same on the same screen."""
    text = RENDERER.render(SCREENS[name], Screen(width=width))
    file = GOLDEN / f"{name}.{width}.txt"
    if os.environ.get("SWARMLAY_WRITE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SCREENS)
def test_screens_fit(name: str, width: int) -> None:
    """No line is wider than the screen."""
    text = RENDERER.render(SCREENS[name], Screen(width=width))

    assert max(map(cells, text.splitlines())) <= width


def test_what_was_shown_is_not_shown_again() -> None:
    """After the question the end of `up` shows what came of the plan, not the plan."""
    text = RENDERER.render(samples.UP, Screen(brief=True))

    assert "Plan for cluster" not in text
    assert "Second plan: empty, nothing to change." in text


def test_unavailable_is_said_once() -> None:
    """What the kernel lacks is one line with its cause, not N² red cells."""
    text = RENDERER.render(samples.WELL, Screen())

    assert text.count("ip_vs") == 1
    assert "✗" not in text


def test_verbose_shows_every_command() -> None:
    """Long lists of commands are cut short unless -v is given."""
    assert "more (-v shows them)" not in RENDERER.render(samples.BARE, Screen(verbose=True))
