"""One command measured: wall clock, CPU of the controller, SSH sessions accepted by the hosts."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import gettempdir

from bench.machines import names, sessions
from provision.lab.labs import Lab

_COMPILED = str(Path(gettempdir()) / f"swarmlay-bench-{os.getuid()}")


@dataclass(frozen=True)
class Cost:
    """What one run cost."""

    wall: float
    cpu: float
    sessions: int = 0


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        median(c.wall for c in costs),
        median(c.cpu for c in costs),
        round(median(c.sessions for c in costs)),
    )


def timed(words: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; a figure of a failed run is none.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    env = {**os.environ, "PYTHONPYCACHEPREFIX": _COMPILED}  # compiled once, as when installed
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{said}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(wall, cpu)


def on_lab(lab: Lab, words: Sequence[str]) -> Cost:
    """Run a command against a lab and count its SSH sessions, too."""
    before = sessions(lab)
    cost = timed(words)
    after = sessions(lab) - len(names(lab))  # the question itself opened one on each host
    return Cost(cost.wall, cost.cpu, after - before)


def floor_words(lab: Lab, verb: str) -> list[str]:
    """The floor script's command line."""
    addresses = [host.address for host in lab.hosts]
    return [
        sys.executable,
        "-m",
        "bench.floor",
        verb,
        lab.user,
        lab.key,
        lab.known_hosts,
        *addresses,
    ]


def swarmlay_words(lab: Lab, *words: str) -> list[str]:
    """Swarmlay's command line."""
    verb, *rest = words
    command = str(Path(sys.executable).parent / "swarmlay")
    return [command, verb, "-i", f"lab:{lab.name}", "--yes", *rest]


PLAYBOOK = str(Path(__file__).parent / "job.yml")
STEPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("first", "up", ("up", "--no-check", PLAYBOOK)),
    ("again", "up", ("up", "--no-check", PLAYBOOK)),
    ("down", "down", ("down",)),
)


def measure(lab: Lab, runs: int, tell: Callable[[str], None]) -> dict[tuple[str, str], Cost]:
    """(tool, step) → median cost; the tools take turns on the same hosts."""
    found: dict[tuple[str, str], list[Cost]] = {}
    for run in range(runs):
        for step, verb, _ in STEPS:
            found.setdefault(("floor", step), []).append(on_lab(lab, floor_words(lab, verb)))
        for step, _, words in STEPS:
            cost = on_lab(lab, swarmlay_words(lab, *words))
            found.setdefault(("swarmlay", step), []).append(cost)
        tell(f"run {run + 1} of {runs} done")
    return {key: middle(costs) for key, costs in found.items()}


def help_time(runs: int = 7) -> Cost:
    """``swarmlay --help``."""
    command = str(Path(sys.executable).parent / "swarmlay")
    return middle([timed([command, "--help"]) for _ in range(runs)])
