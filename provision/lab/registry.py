"""The lab's registry mirror (being built)."""

from pathlib import Path

from provision.lab.labs import Lab, OnEvent
from provision.lab.paths import Paths


def ensure_seed(paths: Paths, on_event: OnEvent) -> Path:
    return paths.cache


def start(lab: Lab, images: Path, paths: Paths) -> str:
    return f"{lab.bridge_address}:5000"


def mark(folder: Path) -> str:
    """The argument by which the lab's registry is recognised among the processes."""
    return str(folder / "registry" / "config.yml")
