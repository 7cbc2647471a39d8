"""`python -m bench`: measure on labs of 3 and 10 hosts and write docs/bench.md. Needs root."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machines import make_ready
from bench.measure import help_time, measure
from bench.report import Figures, document, table
from provision.cli.lab import lab_paths
from provision.lab import lifecycle
from provision.lab.labs import Lab
from provision.lab.spec import LabSpec


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--hosts", default="3,10", help="numbers of hosts, separated by commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", default=str(Path(__file__).parents[1] / "docs" / "bench.md"))
    given = parser.parse_args()
    figures: dict[int, Figures] = {}
    engine = ""
    for hosts in map(int, given.hosts.split(",")):
        with _lab(hosts) as lab:
            engine = make_ready(lab)
            tell(f"{hosts} hosts are ready")
            figures[hosts] = measure(lab, given.runs, tell)
        print("\n".join(table({hosts: figures[hosts]})), flush=True)
    text = document(figures, help_time(), engine, given.runs)
    Path(given.write).write_text(text, encoding="utf-8")
    print(text)


@contextmanager
def _lab(hosts: int) -> Iterator[Lab]:
    name = f"bench-{hosts}-{os.getpid()}"
    paths = lab_paths()
    try:
        yield lifecycle.up(LabSpec(name, 1, hosts - 1), paths)
    finally:
        lifecycle.down(name, paths)


def tell(text: str) -> None:
    """Progress goes to stderr."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
