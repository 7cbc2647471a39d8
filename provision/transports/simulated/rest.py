"""The simulated engine's doors: method and path to handler, errors in the engine's own words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


class Refusal(Exception):
    """The engine says no: a status and its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        groups: what the path's placeholders matched.
    """

    groups: tuple[str, ...]
    query: Mapping[str, Any]
    body: Any

    def wanted(self, name: str) -> list[str] | None:
        """The values of a filter, or None."""
        filters = self.query.get("filters") or {}
        found = filters.get(name) if isinstance(filters, Mapping) else None
        return None if found is None else list(found)


Handler: TypeAlias = Callable[[Call], Any]


class Routes:
    """Finds the handler of a request."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Let *handler* answer; ``{}`` in *path* stands for one part of it."""
        pattern = re.compile("^" + re.escape(path).replace(r"\{\}", "([^/]+)") + "$")
        self._routes.append((method, pattern, handler))

    def answer(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Any:
        """What the engine answers, or `Refusal`."""
        for known, pattern, handler in self._routes:
            found = pattern.match(path)
            if known == method and found:
                return handler(Call(found.groups(), query, body))
        raise Refusal(404, "page not found")
