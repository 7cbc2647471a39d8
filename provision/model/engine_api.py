"""Forms of the Engine API that services and containers share."""

from collections.abc import Mapping
from typing import Any

from provision.model.desired import Healthcheck, Mount

NANO = 1_000_000_000
"""Nanoseconds in a second, nano-CPUs in a CPU."""


def nanoseconds(seconds: float | None) -> int | None:
    """The Engine API's unit of time."""
    return None if seconds is None else round(seconds * NANO)


def mount(wanted: Mount) -> dict[str, Any]:
    """One mount in the Engine API's form (services and containers share it)."""
    made: dict[str, Any] = {
        "Type": wanted.type,
        "Source": wanted.source,
        "Target": wanted.target,
        "ReadOnly": wanted.read_only or None,
    }
    if wanted.bind is not None and wanted.bind.propagation:
        made["BindOptions"] = {"Propagation": wanted.bind.propagation}
    if wanted.volume is not None and wanted.volume.nocopy:
        made["VolumeOptions"] = {"NoCopy": True}
    if wanted.tmpfs is not None:
        made["TmpfsOptions"] = {"SizeBytes": wanted.tmpfs.size, "Mode": wanted.tmpfs.mode}
    kept: dict[str, Any] = without_empty(made)
    return kept


def healthcheck(wanted: Healthcheck | None) -> dict[str, Any] | None:
    """A health check in the Engine API's form."""
    if wanted is None:
        return None
    return {
        "Test": list(wanted.test),
        "Interval": nanoseconds(wanted.interval),
        "Timeout": nanoseconds(wanted.timeout),
        "Retries": wanted.retries,
        "StartPeriod": nanoseconds(wanted.start_period),
    }


_MODES = frozenset({"Global", "GlobalJob"})
"""Keys that mean something although they are empty."""


def without_empty(value: Any) -> Any:
    """The same without None, empty lists and empty mappings: the engine's defaults then hold."""
    if isinstance(value, Mapping):
        kept = {k: v if k in _MODES else without_empty(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if k in _MODES or v not in (None, [], {})}
    if isinstance(value, list):
        return [without_empty(v) for v in value]
    return value
