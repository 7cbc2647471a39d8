"""Files that swarmlay may have written, and its manifest."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from provision.model.context import SWARM_RECORD
from provision.model.facts import Fact, Known, Unknown
from provision.model.probes import Answer, Probe, sections

MANIFEST = "/var/lib/swarmlay/manifest.json"
TEXTS = (
    "/etc/apt/sources.list.d/docker.sources",
    "/etc/apt/sources.list.d/docker.list",
    "/etc/docker/daemon.json",
    "/etc/systemd/system/docker.service.d/swarmlay-proxy.conf",
    "/etc/systemd/system/swarmlay-firewall.service",
    "/etc/swarmlay/firewall",
    SWARM_RECORD,
    MANIFEST,
)
KEYRINGS = ("/etc/apt/keyrings/docker.asc", "/etc/apt/keyrings/docker.gpg")

_SCRIPT = r"""
echo '@@ begin'
for file in TEXTS; do
    [ -f "$file" ] && echo "@@ $file" && base64 -w0 "$file" && echo
done
for file in KEYRINGS; do
    [ -f "$file" ] && echo "@@ sha256 $file" && sha256sum <"$file"
done
true
"""
SCRIPT = _SCRIPT.replace("TEXTS", " ".join(TEXTS)).replace("KEYRINGS", " ".join(KEYRINGS))


def parse(answer: Answer) -> Fact[Mapping[str, Fact[Any]]]:
    """Read the contents; a file that is not named does not exist."""
    found = sections(answer.stdout)
    if "begin" not in found:
        return Unknown("the files could not be read")
    texts = {
        name: base64.b64decode(body, validate=False).decode(errors="replace")
        for name, body in found.items()
        if name.startswith("/")
    }
    digests = {
        name.removeprefix("sha256 "): body.split()[0]
        for name, body in found.items()
        if name.startswith("sha256 ")
    }
    return Known({"files": Known({**texts, **digests}), "manifest": _manifest(texts.get(MANIFEST))})


def _manifest(text: str | None) -> Fact[Mapping[str, Any] | None]:
    if text is None:
        return Known(None)
    try:
        manifest = json.loads(text)
    except ValueError as error:
        return Unknown(f"{MANIFEST} is not JSON: {error}")
    return Known(manifest) if isinstance(manifest, dict) else Unknown(f"{MANIFEST} is no object")


PROBE = Probe("files", SCRIPT, parse, ("files", "manifest"))
