"""Trees → the inventory and the desired state. Pure: it reads no file and asks nobody."""

from provision.load.inventory import load_inventory, source_of
from provision.load.named_files import LARGEST, Files, NamedFile, Unreadable, named_files
from provision.load.playbook import load_playbooks

__all__ = [
    "LARGEST",
    "Files",
    "NamedFile",
    "Unreadable",
    "load_inventory",
    "load_playbooks",
    "named_files",
    "source_of",
]
