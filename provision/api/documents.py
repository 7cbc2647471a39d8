"""Documents in: the inventory and the playbooks."""

from collections.abc import Sequence
from pathlib import Path

from provision import documents
from provision.api.settings import Environment
from provision.inventories import open_inventory as find_and_open
from provision.load import load_playbooks
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
    return load_playbooks(trees, inventory, env.variables)
