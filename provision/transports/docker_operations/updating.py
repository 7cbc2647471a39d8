"""Read-modify-write on Swarm's objects: each has a version, and somebody else may be faster."""

import time
from collections.abc import Callable
from typing import Any

from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside

_TRIES = 20
_PAUSE = 0.05
_OUT_OF_SEQUENCE = "update out of sequence"


def update(
    request: Request,
    read: str,
    write: str,
    change: Callable[[dict[str, Any]], Any],
    **query: Any,
) -> bool:
    """Read the object, let *change* say its new spec, write it; again if it changed meanwhile.

    *change* answers None to leave the object alone. Says whether something was written.
    """
    for _ in range(_TRIES - 1):
        try:
            return _attempt(request, read, write, change, query)
        except EngineError as error:
            if _OUT_OF_SEQUENCE not in error.message:
                raise
        time.sleep(_PAUSE)
    return _attempt(request, read, write, change, query)


def _attempt(
    request: Request,
    read: str,
    write: str,
    change: Callable[[dict[str, Any]], Any],
    query: dict[str, Any],
) -> bool:
    current = request.found(read)
    version = inside(current, "Version", "Index")
    if not isinstance(version, int):
        raise EngineError(0, f"unexpected answer to {read}: no version")
    spec = change(current)
    if spec is None:
        return False
    body, headers = spec if isinstance(spec, tuple) else (spec, None)
    request.post(write, body, headers, version=version, **query)
    return True
