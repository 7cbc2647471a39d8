"""Day two, planned: rotate, unlock, upgrade, back up, restore. Pure, as every plan is."""

from provision.plan.day_two.restoring import Backup, Restoration, plan_restore
from provision.plan.day_two.rotation import ROTATIONS, plan_rotate
from provision.plan.day_two.saving import plan_backup
from provision.plan.day_two.unlocking import plan_unlock
from provision.plan.day_two.upgrading import plan_upgrade

__all__ = [
    "ROTATIONS",
    "Backup",
    "Restoration",
    "plan_backup",
    "plan_restore",
    "plan_rotate",
    "plan_unlock",
    "plan_upgrade",
]
