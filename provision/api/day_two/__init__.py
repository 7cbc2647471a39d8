"""Day two over an open session: rotate, unlock, upgrade, back up, restore, export logs.

from provision.api import day_two

with api.connect(inventory) as cluster:
    report = day_two.upgrade_swarm(cluster, to="28.*", confirm=lambda plan: True)

Not a part of `provision.api`'s own names: verbs of every day start without it.
"""

from provision.api.day_two.backup import BackupTaken, backup_swarm, read_backup, restore_swarm
from provision.api.day_two.logs import Exported, export_logs
from provision.api.day_two.trust import Rotated, rotate_swarm, unlock_swarm
from provision.api.day_two.upgrade import upgrade_swarm

__all__ = [
    "BackupTaken",
    "Exported",
    "Rotated",
    "backup_swarm",
    "export_logs",
    "read_backup",
    "restore_swarm",
    "rotate_swarm",
    "unlock_swarm",
    "upgrade_swarm",
]
