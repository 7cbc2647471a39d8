"""Documents in: the inventory and the playbooks."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from provision import documents
from provision.api.settings import Environment
from provision.inventories import open_inventory as find_and_open
from provision.load import LARGEST, NamedFile, Unreadable, load_playbooks, named_files
from provision.model.desired import DesiredState
from provision.model.inventory import Inventory


def open_inventory(selector: str | None = None, *, env: Environment | None = None) -> Inventory:
    """The inventory that *selector* names (a file, ``lab``, ``lab:NAME``), or the only one.

    Raises:
        provision.errors.UsageError: it is wrong, or there is none or more than one.
    """
    env = env or Environment.here()
    return find_and_open(
        selector,
        environment=env.variables,
        cwd=env.cwd,
        home=env.home,
        state_dir=env.state_dir,
        cache_dir=env.cache_dir,
    )


def load(
    playbooks: Sequence[str | Path], inventory: Inventory, *, env: Environment | None = None
) -> DesiredState:
    """What the playbooks want, merged; without any: an engine, open ports and a swarm.

    Raises:
        provision.errors.DocumentError: at file:line:column, with all further errors.
    """
    env = env or Environment.here()
    trees = [documents.read(env.cwd / path, shown=str(path)) for path in playbooks]
    named = named_files(trees, inventory.vars, env.variables)
    files = {one: _content(env, one) for one in named}
    salt = secrets.token_hex(32)
    return load_playbooks(trees, inventory, env.variables, files=files, salt=salt)


def _content(env: Environment, named: NamedFile) -> bytes | Unreadable:
    """What a playbook's file holds; ``~`` is the operator's home."""
    path = named.path
    if path == "~" or path.startswith("~/"):
        path = f"{env.home}{path[1:]}"
    try:
        with (env.cwd / Path(named.playbook).parent / path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return Unreadable((reason or str(error)).lower())
    return data if len(data) <= LARGEST else Unreadable(f"it is longer than {LARGEST >> 20} MiB")
