"""Who listens on which port."""

import re
from collections.abc import Iterable

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Listener
from provision.model.probes import Answer, Probe, excerpt

SCRIPT = "ss -Hlntup"

# Protocol, state, two queue lengths, local address, peer address, process.
_SOCKET = re.compile(r'^(tcp|udp)\s+\S+\s+\d+\s+\d+\s+\S+:(\d+)\s+\S+(?:.*\(\("([^"]+)")?')


def parse(answer: Answer) -> Fact[tuple[Listener, ...]]:
    """Read ss; a socket without a process is the kernel's own, as VXLAN's is."""
    if not answer.ok:
        return Unknown(f"ss: {excerpt(answer.stdout) or answer.exit_code}")
    return Known(tuple(dict.fromkeys(_listeners(answer.stdout.splitlines()))))


def _listeners(lines: Iterable[str]) -> Iterable[Listener]:
    for found in filter(None, map(_SOCKET.match, lines)):
        protocol, port, process = found.groups()
        yield Listener(int(port), "tcp" if protocol == "tcp" else "udp", process or "kernel")


PROBE = Probe("listeners", SCRIPT, parse)
