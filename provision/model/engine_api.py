"""Forms of the Engine API that services and containers share."""

from collections.abc import Iterable, Mapping
from typing import Any

from provision.model.desired import Healthcheck, Mount, VolumeOptions
from provision.model.redaction import looks_secret
from provision.model.secret_text import HIDDEN
from provision.model.storage import Volume

NANO = 1_000_000_000
"""Nanoseconds in a second, nano-CPUs in a CPU."""


def nanoseconds(seconds: float | None) -> int | None:
    """The Engine API's unit of time."""
    return None if seconds is None else round(seconds * NANO)


def mount(
    wanted: Mount, volumes: Mapping[str, Volume], labels: Mapping[str, str]
) -> dict[str, Any]:
    """One mount in the Engine API's form (services and containers share it).

    Args:
        wanted: what is wanted.
        volumes: the volumes that the playbooks declare.
        labels: what a volume gets that this mount brings into being.
    """
    named = wanted.type == "volume" and wanted.source is not None
    volume = volumes.get(str(wanted.source), Volume()) if named else Volume()
    made: dict[str, Any] = {
        "Type": wanted.type,
        "Source": (volume.name or wanted.source) if named else wanted.source,
        "Target": wanted.target,
        "ReadOnly": wanted.read_only or None,
    }
    if wanted.bind is not None and wanted.bind.propagation:
        made["BindOptions"] = {"Propagation": wanted.bind.propagation}
    if wanted.type == "volume":
        made["VolumeOptions"] = _volume_options(wanted, volume, labels if named else {})
    if wanted.tmpfs is not None:
        made["TmpfsOptions"] = {"SizeBytes": wanted.tmpfs.size, "Mode": wanted.tmpfs.mode}
    kept: dict[str, Any] = without_empty(made)
    return kept


def _volume_options(wanted: Mount, volume: Volume, labels: Mapping[str, str]) -> dict[str, Any]:
    options = wanted.volume or VolumeOptions()
    driver = {"Name": volume.driver, "Options": dict(volume.driver_opts)}
    own = {} if volume.external else {**volume.labels, **options.labels, **labels}
    return {"NoCopy": options.nocopy or None, "Labels": own, "DriverConfig": driver}


def shown(variables: Iterable[str]) -> list[str]:
    """``NAME=value`` pairs as a plan may show them: without values whose names speak of secrets."""
    pairs = (pair.partition("=") for pair in variables)
    return [
        f"{name}={HIDDEN if value and looks_secret(name) else value}" for name, _, value in pairs
    ]


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
