"""Frozen values as JSON data. Files' contents and the engine's raw objects are not part of it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any

from pydantic import BaseModel

from provision.model.actions import Ref
from provision.model.facts import Known, Unknown

_LEFT_OUT = frozenset({"raw", "files", "daemon_text"})


def plain(value: Any) -> Any:
    """*value* as what JSON knows, keys in their own order; a `Ref` shows its name only."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    return _compound(value)


def _compound(value: Any) -> Any:
    if isinstance(value, Known):
        return {"known": plain(value.value)}
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    return _container(value)


def _container(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in fields(value) if f.name not in _LEFT_OUT]
        return {name: plain(getattr(value, name)) for name in names}
    return str(value)
