"""Which inventory is meant: the one that was named, else the only one there is; never a guess."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provision.documents import parse, read
from provision.errors import UsageError
from provision.model.tree import Node, quoted

VARIABLE: Final = "SWARMLAY_INVENTORY"
FOLDER: Final = "inventory"
LAB: Final = "lab"
DEFAULT_LAB: Final = "demo"

# A lab needs no file: these words are its inventory. The lab has no repository of Docker's own.
_LAB_WORDS: Final = "cluster: {name}\nsource: {{lab: {name}}}\nengine: {{source: distro}}\n"
_LAB_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True)
class Found:
    """The inventory that is meant.

    Attributes:
        shown: how it was named.
        path: its absolute path.
        lab: the lab's name where there is no file.
    """

    shown: str
    path: str
    lab: str = ""

    def tree(self) -> Node:
        """Its document.

        Raises:
            DocumentError: it cannot be read.
        """
        if self.lab:
            return parse(_LAB_WORDS.format(name=self.lab), file=self.shown)
        return read(self.path, shown=self.shown)


def find(selector: str | None, environment: Mapping[str, str], cwd: Path) -> Found:
    """The inventory that is meant.

    Raises:
        UsageError: there is none, or several could be meant.
    """
    named = selector or environment.get(VARIABLE) or _only(cwd)
    if named == LAB or named.startswith(f"{LAB}:"):
        return _lab(named.partition(":")[2] or DEFAULT_LAB)
    # Not resolved: host keys are pinned per path as people know it, links included.
    return Found(named, os.path.abspath(cwd / Path(named).expanduser()))  # noqa: PTH100


def _lab(name: str) -> Found:
    if not set(name) <= _LAB_NAME:
        raise UsageError(
            f"{quoted(name)} is no name of a lab",
            why="lower-case letters, digits and '-'",
            hint="see `swarmlay lab status`",
        )
    return Found(f"{LAB}:{name}", f"/{LAB}/{name}", name)


def _only(cwd: Path) -> str:
    """The only file in ``inventory/``."""
    folder = cwd / FOLDER
    found = sorted(p.name for p in _files(folder) if p.suffix in (".yml", ".yaml"))
    if len(found) == 1:
        return f"{FOLDER}/{found[0]}"
    advice = "name one with -i FILE (or -i lab, -i lab:NAME), or in SWARMLAY_INVENTORY"
    if found:
        names = ", ".join(f"{FOLDER}/{name}" for name in found)
        raise UsageError("several inventories could be meant", why=names, hint=advice)
    raise UsageError("there is no inventory", why=f"no .yml file in {FOLDER}/ here", hint=advice)


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
