"""Record a lab host's answer to all probes: ``python tests/recordings/record.py LAB HOST NAME``.

What identifies the machine (machine-id, MAC and lab addresses) is replaced, so that recordings can
be compared and published. ``expected.json`` is what the parsers make of it today: read it before
it is committed.
"""

import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from provision.lab import lifecycle
from provision.lab.paths import Paths
from provision.model.connection import SshTarget
from provision.model.facts import Unknown
from provision.model.observed import HostFacts
from provision.observe.batch import batch, unbatch
from provision.observe.hosts import PROBES, assemble
from provision.transports.ssh import SshTransport

MARK = "recorded"
HERE = Path(__file__).parent


def plain(value: Any) -> Any:
    """Facts as JSON has them, the empty ones left out."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {name: found for name, found in fields.items() if found not in ("", [], {})}
    if isinstance(value, dict):
        return {name: plain(found) for name, found in value.items()}
    return [plain(found) for found in value] if isinstance(value, list | tuple) else value


def facts(answer: str, host: str) -> HostFacts:
    """What the parsers make of a recorded answer."""
    return assemble(host, PROBES, unbatch(PROBES, MARK, answer), Unknown("recorded"))


def scrubbed(answer: str) -> str:
    """The answer without what identifies the machine."""
    text = re.sub(r"(@@ machine\n)[0-9a-f]{32}", rf"\g<1>{'0' * 32}", answer)
    text = re.sub(r"10\.78\.\d+\.", "10.78.1.", text)
    text = re.sub(r"\b02:53:0a:4e:[0-9a-f]{2}:", "02:53:0a:4e:01:", text)
    text = re.sub(rf"{MARK} clock \d+", f"{MARK} clock 1700000000000000000", text)
    return re.sub(r'"SystemTime":"[^"]*"', '"SystemTime":"2023-11-14T22:13:20Z"', text)


def main(lab_name: str, host_name: str, name: str) -> None:
    """Ask the host, write what it said and what it means."""
    lab = lifecycle.load(lab_name, Paths.from_environment(os.environ, Path.home()))
    host = lab.host(host_name)
    target = SshTarget(
        host.name,
        host.address,
        lab.known_hosts,
        user=lab.user,
        key=lab.key,
        host_key="strict",
    )
    session = SshTransport({host.name: target}, environment=os.environ).connect(host.name)
    answer = scrubbed(session.ask(batch(PROBES, MARK)).stdout)
    session.close()
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "answer.txt").write_bytes(answer.encode())
    expected = json.dumps(plain(facts(answer, host_name)), indent=1, sort_keys=True)
    (folder / "expected.json").write_text(expected + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
