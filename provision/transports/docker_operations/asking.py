"""What an operation is given: the engine, its arguments and how long it may take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from provision.errors import UsageError
from provision.transports.docker_api import EngineApi, EngineError

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Request:
    """One operation under way.

    Attributes:
        arguments: those of the operation, refs already replaced.
        progress: hears what a slow operation is at.
    """

    engine: EngineApi
    operation: str
    arguments: Mapping[str, Any]
    timeout: float
    progress: Callable[[str], None] | None = None

    def need(self, name: str) -> Any:
        """An argument that must be there."""
        if self.arguments.get(name) is None:
            raise UsageError(f"docker {self.operation} needs the argument {name}")
        return self.arguments[name]

    def id(self, name: str = "id") -> str:
        """An argument as a part of a path; whatever it holds, it stays one part."""
        return quote(str(self.need(name)), safe="")

    def maybe(self, name: str, default: Any = None) -> Any:
        """An argument that may be left out."""
        value = self.arguments.get(name)
        return default if value is None else value

    def get(self, path: str, **query: Any) -> Any:
        """Read."""
        return self.engine.call("GET", path, query=query, timeout=self.timeout)

    def post(
        self, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Any:
        """Change."""
        return self.engine.call(
            "POST", path, query=query, body=body, headers=headers, timeout=self.timeout
        )

    def delete(self, path: str, **query: Any) -> Any:
        """Remove; what is not there is removed already. Says whether it was there."""
        try:
            self.engine.call("DELETE", path, query=query, timeout=self.timeout)
        except EngineError as error:
            if error.status != _NOT_FOUND:
                raise
            return False
        return True

    def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """A list of objects; anything else is an error, not a traceback."""
        data = self.get(path, **query)
        if data is None:
            return []
        if not (isinstance(data, list) and all(isinstance(item, dict) for item in data)):
            raise EngineError(0, f"unexpected answer to {path}: not a list of objects")
        return data

    def found(self, path: str, **query: Any) -> dict[str, Any]:
        """One object."""
        data = self.get(path, **query)
        if not isinstance(data, dict):
            raise EngineError(0, f"unexpected answer to {path}: not an object")
        return data

    def found_or_none(self, path: str, **query: Any) -> dict[str, Any] | None:
        """One object, or None where it does not exist."""
        try:
            return self.found(path, **query)
        except EngineError as error:
            if error.status == _NOT_FOUND:
                return None
            raise


def inside(data: Any, *keys: str, default: Any = None) -> Any:
    """What stands under *keys*, however much of the way is missing or null."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return default if data is None else data


def verdict(*, done: bool, text: str, failed: str | None = None) -> dict[str, Any]:
    """What a predicate for `Wait` answers."""
    return {"done": done, "text": text, "failed": failed}
