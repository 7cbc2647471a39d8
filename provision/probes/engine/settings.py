"""The engine itself: version, settings, what a restart would stop."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Engine
from provision.model.probes import excerpt
from provision.probes.engine.http import Reply, replies


def engine(found: Mapping[str, str], info: Reply) -> Fact[Engine]:
    """The engine as ``/info`` and daemon.json describe it; one that hangs has a *problem*."""
    text = base64.b64decode(found["daemon"]).decode(errors="replace")
    try:
        daemon = json.loads(text) if text.strip() else {}
    except ValueError as error:
        return Unknown(f"/etc/docker/daemon.json is not JSON: {error}")
    if not isinstance(daemon, dict):
        return Unknown(f"/etc/docker/daemon.json is not an object: {excerpt(text)}")
    installed = Engine(
        problem=info.problem,
        daemon=daemon,
        daemon_text=text,
        enabled=bool(found["enabled"].strip()),
    )
    return Known(installed if info.problem else _spoken(installed, info, _running(found)))


def _spoken(installed: Engine, info: Reply, running: tuple[str, ...]) -> Engine:
    body: Mapping[str, Any] = info.body
    return replace(
        installed,
        running=True,
        running_containers=running,
        version=body["ServerVersion"],
        api_version=info.api_version,
        live_restore=bool(body.get("LiveRestoreEnabled")),
        arch=body.get("Architecture", ""),
        operating_system=body.get("OperatingSystem", ""),
        insecure=any("without encryption" in w for w in body.get("Warnings") or ()),
        http_proxy=body.get("HttpProxy", ""),
        https_proxy=body.get("HttpsProxy", ""),
        no_proxy=body.get("NoProxy", ""),
        data_root=body.get("DockerRootDir", "/var/lib/docker"),
    )


def _running(found: Mapping[str, str]) -> tuple[str, ...]:
    listed = replies(found).get("/containers/json?all=1", Reply()).body or ()
    return tuple(
        sorted(c["Names"][0].lstrip("/") for c in listed if c["State"] == "running" and c["Names"])
    )
