"""An Engine API answer as it comes out of the socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provision.model.probes import excerpt


@dataclass(frozen=True, slots=True)
class Reply:
    """The JSON of one request, or why there is none."""

    body: Any = None
    api_version: str = ""
    problem: str = ""


def replies(found: Mapping[str, str]) -> dict[str, Reply]:
    """The answers among the sections of a script's output, by request path."""
    return {path: _reply(text) for path, text in found.items() if path.startswith("/")}


def _reply(text: str) -> Reply:
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.splitlines() or [""]
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return Reply(problem=f"it gave no JSON: {excerpt(text) or 'nothing at all'}")
    if " 200" not in status:
        return Reply(problem=excerpt(str(data.get("message", data))))
    return Reply(data, headers.get("api-version", ""))
