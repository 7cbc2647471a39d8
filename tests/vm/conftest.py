"""Virtual machines for tests: three for those about swarms, made once, bare at first."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provision.lab.paths import Paths
from tests.lab.swarmlay import Ended, Swarmlay
from tests.vm import making
from tests.vm.machines import Machines
from tests.vm.packages import missing_packages

Typed = Callable[..., Ended]
PATIENCE = 1800.0  # seconds for a whole `up` where others use the machine, too


@pytest.fixture(scope="session")
def user_paths() -> Paths:
    """The user's caches; machines that a killed run left behind are ended first."""
    if lacking := _lacking():
        if os.environ.get("CI"):
            pytest.fail(f"virtual machines need {lacking}, and CI has to have it")
        pytest.skip(f"virtual machines need {lacking}")
    paths = Paths.from_environment(os.environ, Path.home())
    making.sweep(paths)
    return paths


def _lacking() -> str:
    packages = missing_packages()
    root = () if os.geteuid() == 0 else ("root",)
    return ", ".join((*root, *(f"the package {name}" for name in packages)))


@pytest.fixture(scope="session")
def vms(user_paths: Paths) -> Iterator[Machines]:
    """A manager and two workers with Debian's stock kernel, SSH and nothing else."""
    with making.machines(making.name_of_run(), user_paths) as made:
        yield made


@pytest.fixture(scope="session")
def swarmlay(vms: Machines) -> Typed:
    """The command line against the machines as plain hosts."""
    state = {"XDG_STATE_HOME": str(vms.inventory.parent / "state")}
    typed = Swarmlay(vms.lab, state)
    return lambda *words: typed(*words, inventory=str(vms.inventory), timeout=PATIENCE)
