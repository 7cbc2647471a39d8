"""Trees → the inventory and the desired state. Pure: it reads no file and asks nobody."""

from provision.load.inventory import load_inventory, source_of
from provision.load.playbook import load_playbooks

__all__ = ["load_inventory", "load_playbooks", "source_of"]
