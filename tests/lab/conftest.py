"""Real hosts for tests: one lab for all, fresh labs for those that need bare or broken ones.

Labs are named after the test run and taken down with whatever asked for them, also when that
failed; those of runs that were killed are taken down by the next run.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from provision.errors import SwarmlayError
from provision.lab import lifecycle, machine
from provision.lab.access import ssh_words
from provision.lab.labs import Lab
from provision.lab.paths import Paths
from provision.lab.spec import LabSpec
from tests.lab.swarmlay import Swarmlay

FreshLab = Callable[..., Lab]
OnHost = Callable[[Lab, str, str], subprocess.CompletedProcess[str]]

_MINE = re.compile(r"pytest-(\d+)-\d+")
_asking: list[Callable[[Callable[[], None]], None]] = []
"""Who is being set up or run now, innermost last: what it makes ends with it."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remember which fixture asks."""
    _asking.append(request.addfinalizer)
    try:
        return (yield)
    finally:
        _asking.pop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Remember which test asks."""
    _asking.append(item.addfinalizer)
    try:
        return (yield)
    finally:
        _asking.pop()


@pytest.fixture(scope="session")
def lab_paths() -> Paths:
    """The caches and the state of the user, so that a lab left behind is found by its name."""
    if os.geteuid() != 0:
        reason = "the lab needs root"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI has to have it")
        pytest.skip(reason)
    paths = Paths.from_environment(os.environ, Path.home())
    _sweep(paths)
    return paths


@pytest.fixture(scope="session")
def fresh_lab(lab_paths: Paths) -> FreshLab:
    """A function that makes a lab of bare hosts, which ends with the fixture or test that asks.

    Its keywords are those of `LabSpec`: managers, workers, suite.
    """
    numbers = itertools.count(1)

    def make(**wanted: Any) -> Lab:
        name = f"pytest-{os.getpid()}-{next(numbers)}"
        _asking[-1](lambda: lifecycle.down(name, lab_paths))
        return lifecycle.up(LabSpec(name, **wanted), lab_paths)

    return make


@pytest.fixture(scope="session")
def lab(fresh_lab: FreshLab) -> Lab:
    """One manager and two workers for all tests that leave hosts as they find them."""
    return fresh_lab()


@pytest.fixture(scope="session")
def on_host() -> OnHost:
    """Type a command on a host of a lab, with the system's own ssh."""

    def run(lab: Lab, host: str, command: str) -> subprocess.CompletedProcess[str]:
        words = [*ssh_words(lab, lab.host(host)), command]
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def swarmlay_on() -> Callable[[Lab], Swarmlay]:
    """The command line against a lab."""
    return lambda lab: Swarmlay(lab, {})


def _sweep(paths: Paths) -> None:
    """End the labs of test runs that were killed."""
    for name, claim in machine.claims(paths.machine).items():
        found = _MINE.fullmatch(name)
        if found and claim.state == str(paths.lab(name)) and not Path("/proc", found[1]).exists():
            with suppress(SwarmlayError):
                lifecycle.down(name, paths)
