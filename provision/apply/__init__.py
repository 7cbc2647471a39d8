"""apply: carry a plan out over open sessions; results come as they happen, also when partial."""

from provision.apply.schedule import Gate, apply
from provision.apply.values import Values

__all__ = ["Gate", "Values", "apply"]
