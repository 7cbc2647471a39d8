"""Figures as a table, with the goals they are held against."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from bench.measure import STEPS, Cost

Figures = Mapping[tuple[str, str], Cost]
TITLES = {"first": "first `up`", "again": "`up` again, nothing to change", "down": "`down`"}
WALL = {"first": 1.5, "again": 2.0, "down": 1.5}


def cpu_goal(hosts: int) -> float:
    """CPU seconds that a no-change run may cost."""
    return 0.45 + 0.015 * hosts


def table(figures: Mapping[int, Figures]) -> list[str]:
    """One row per number of hosts and step."""
    head = ("hosts", "step", "floor: wall / CPU s", "swarmlay: wall / CPU s", "wall, times floor",
            "SSH sessions: floor / swarmlay", "goals")  # fmt: skip
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for hosts, found in figures.items():
        rows += [_row(hosts, step, found) for step, _, _ in STEPS]
    return rows


def _row(hosts: int, step: str, found: Figures) -> str:
    floor, ours = found["floor", step], found["swarmlay", step]
    ratio = ours.wall / floor.wall
    cells = (
        str(hosts),
        TITLES[step],
        f"{floor.wall:.2f} / {floor.cpu:.2f}",
        f"{ours.wall:.2f} / {ours.cpu:.2f}",
        f"{ratio:.2f}",
        f"{floor.sessions} / {ours.sessions}",
        "; ".join(_goals(hosts, step, ours, ratio)),
    )
    return f"| {' | '.join(cells)} |"


def _goals(hosts: int, step: str, ours: Cost, ratio: float) -> list[str]:
    goals = [
        (f"wall ≤ {WALL[step]}", ratio <= WALL[step]),
        ("1 session a host", ours.sessions <= hosts),
    ]
    if step == "again":
        goals.append((f"CPU ≤ {cpu_goal(hosts):.2f} s", ours.cpu <= cpu_goal(hosts)))
    return [f"{name}: {'met' if met else 'MISSED'}" for name, met in goals]


def machine() -> str:
    """What it ran on, without a name or a date."""
    model = next(
        (row.split(":", 1)[1].strip() for row in Path("/proc/cpuinfo").read_text().splitlines()
         if row.startswith("model name")), platform.machine())  # fmt: skip
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} CPUs ({model}), {system}"


TEXT = """# What it costs

Made by `make bench`; do not edit.
Medians of {runs} runs, the two programs taking turns on the same lab hosts.

Machine: {machine}; engine {engine} on the hosts.
Controller and hosts share the machine, so wall times are noisy upper bounds;
CPU seconds (of the controller, user and system) are what to compare.

The job: Docker's package and service looked at, four firewall rules, swarm init and joins,
two attachable overlays, a service of three replicas waited for.
Docker is there before and is not counted.
`bench/floor.py` is the least paramiko script that does the job: no plan, no lock, no ownership,
no second look.
`up` is measured with `--no-check`, `down` without `--purge`.

{table}

`swarmlay --help`: {wall:.2f} s wall, {cpu:.2f} s CPU (goal: under 0.25 s).
"""


def document(figures: Mapping[int, Figures], helped: Cost, engine: str, runs: int) -> str:
    """docs/bench.md."""
    return TEXT.format(
        runs=runs,
        machine=machine(),
        engine=engine,
        table="\n".join(table(figures)),
        wall=helped.wall,
        cpu=helped.cpu,
    )
