"""The pipeline as functions: what the command line and scripts call.

from provision import api

inventory = api.open_inventory("inventory/example.yml")
desired = api.load(["playbooks/overlay.yml"], inventory)
with api.connect(inventory) as cluster:
    plan = cluster.plan(desired)                          # touches nothing
    report = cluster.up(desired, confirm=lambda plan: True)
"""

from provision.api.cluster import ClusterSession, connect
from provision.api.documents import load, open_inventory
from provision.api.nodes import NodeDeed, Replacement, change_node, replace_node
from provision.api.settings import Environment, Options

__all__ = [
    "ClusterSession",
    "Environment",
    "NodeDeed",
    "Options",
    "Replacement",
    "change_node",
    "connect",
    "load",
    "open_inventory",
    "replace_node",
]
