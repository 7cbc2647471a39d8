"""The Vagrantfile, read by Vagrant itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.lab


def validated(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """What ``vagrant validate`` says; its state goes to *folder*."""
    program = shutil.which("vagrant")
    if program is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("vagrant is not installed")
    homes = {
        "VAGRANT_HOME": str(folder / "home"),
        "VAGRANT_DOTFILE_PATH": str(folder / "dot"),
        "VAGRANT_CWD": str(ROOT),
        "VAGRANT_CHECKPOINT_DISABLE": "1",
    }
    return subprocess.run(
        [program, "validate", "--ignore-provider"],
        env={**os.environ, **homes, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_three_hosts(tmp_path: Path) -> None:
    """Without settings it describes manager, worker-1 and worker-2."""
    answer = validated(tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert "worker-2" in answer.stdout
    assert "worker-3" not in answer.stdout


def test_settings(tmp_path: Path) -> None:
    """Count, memory, processors and box come from the environment."""
    answer = validated(
        tmp_path,
        SWARMLAY_VAGRANT_HOSTS="5",
        SWARMLAY_VAGRANT_MEMORY="2048",
        SWARMLAY_VAGRANT_CPUS="2",
        SWARMLAY_VAGRANT_BOX="generic/debian12",
    )

    assert answer.returncode == 0, answer.stderr
    assert "worker-4" in answer.stdout


def test_wrong_setting(tmp_path: Path) -> None:
    """A setting that is no number is refused by name."""
    answer = validated(tmp_path, SWARMLAY_VAGRANT_HOSTS="many")

    assert answer.returncode != 0
    assert "SWARMLAY_VAGRANT_HOSTS must be 1 to 99" in answer.stdout + answer.stderr
