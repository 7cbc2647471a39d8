"""The engine's settings files, as values."""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any

from provision.model.desired import Proxy

DAEMON_JSON = "/etc/docker/daemon.json"
PROXY_DROPIN = "/etc/systemd/system/docker.service.d/swarmlay-proxy.conf"


def merge(existing: str, wanted: Mapping[str, Any]) -> str | None:
    """The text of daemon.json in which *wanted* holds and all else stays; None: it does already.

    Objects are merged key by key; anything else that is wanted replaces what is there.

    Raises:
        ValueError: what exists is not a JSON object.
    """
    before = json.loads(existing) if existing.strip() else {}
    if not isinstance(before, dict):
        raise ValueError(f"{DAEMON_JSON} is not a JSON object")  # noqa: TRY004 - bad text
    after = _merged(before, wanted)
    return None if after == before else json.dumps(after, indent=2) + "\n"


def _merged(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(before)
    for key, value in wanted.items():
        there = before.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            both[key] = _merged(there, value)
        else:
            both[key] = value
    return both


def proxy_dropin(proxy: Proxy, peers: Iterable[str]) -> str:
    """The systemd drop-in with the engine's proxies; the peers are reached without one."""
    direct = [*(proxy.no_proxy or "").split(","), "localhost", "127.0.0.1", *peers]
    wanted = {
        "HTTP_PROXY": proxy.http,
        "HTTPS_PROXY": proxy.https,
        "NO_PROXY": ",".join(dict.fromkeys(word.strip() for word in direct if word.strip())),
    }
    lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in wanted.items() if value]
    return "\n".join(["# Written by swarmlay.", "[Service]", *lines, ""])


def _quoted(assignment: str) -> str:
    """As systemd reads it: ``%`` begins a specifier, quotes and backslashes are escaped.

    Raises:
        ValueError: a line break would begin another setting.
    """
    if not assignment.isprintable():
        raise ValueError(f"{assignment!r} cannot be a proxy")
    escaped = assignment.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def version_matches(version: str, pattern: str) -> bool:
    """Whether an engine's version (``28.5.1``) is one that the pattern (``28.*``) allows."""
    return fnmatch.fnmatchcase(version, pattern)
