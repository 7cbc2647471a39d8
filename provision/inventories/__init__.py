"""Where hosts come from. To add a source: one file, one line in `SOURCES`, a model of its words."""

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from provision.inventories import lab, ssh_config, vagrant, yaml_file
from provision.inventories.find import find
from provision.load import load_inventory, source_of
from provision.model.inventory import HostSource, Inventory, SourcedHost, SourcePlaces
from provision.model.tree import Node

__all__ = ["SOURCES", "open_inventory"]

SOURCES: Final[tuple[HostSource, ...]] = (
    yaml_file.SOURCE,
    lab.SOURCE,
    ssh_config.SOURCE,
    vagrant.SOURCE,
)


def open_inventory(
    selector: str | None = None,
    *,
    environment: Mapping[str, str],
    cwd: Path,
    home: Path,
    state_dir: Path,
    cache_dir: Path | None = None,
) -> Inventory:
    """The inventory that is meant, read, its source asked, everything resolved.

    Args:
        selector: a file, ``lab`` or ``lab:NAME``; None: SWARMLAY_INVENTORY, else the only file in
            ``inventory/``.
        environment: variables for interpolation.
        cwd: where relative paths begin.
        home: what ``~`` stands for.
        state_dir: swarmlay's XDG state directory (known_hosts, labs).
        cache_dir: swarmlay's XDG cache directory.

    Raises:
        UsageError: there is none, several could be meant, or it is wrong (exit 2).
        SwarmlayError: its source cannot tell its hosts.
    """
    found = find(selector, environment, cwd)
    tree = found.tree()
    places = SourcePlaces(
        directory=os.path.dirname(found.path),  # noqa: PTH120 - a word for the pure core, not a Path
        home=str(home),
        state_dir=str(state_dir),
        cache_dir=str(cache_dir or home / ".cache" / "swarmlay"),
        environment=environment,
    )
    return load_inventory(
        tree,
        path=found.path,
        environment=environment,
        state_dir=str(state_dir),
        home=str(home),
        ssh_config=_ssh_config(home),
        sourced_hosts=_sourced(tree, places, environment),
    )


def _sourced(
    tree: Node, places: SourcePlaces, environment: Mapping[str, str]
) -> tuple[SourcedHost, ...]:
    source = source_of(tree, environment)
    return next(one for one in SOURCES if one.matches(source)).hosts(source, places)


def _ssh_config(home: Path) -> str | None:
    path = home / ".ssh" / "config"
    return str(path) if path.is_file() else None
