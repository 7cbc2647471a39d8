"""Which nameservers the hosts get: ones that answer, or one that says no at once."""

import ipaddress
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SOURCES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_PATIENCE = 1.0
_PORT = 53


def nameservers(text: str) -> tuple[str, ...]:
    """The IPv4 nameservers of a resolv.conf that a host can reach: not those on loopback."""
    words = [line.split() for line in text.splitlines()]
    return tuple(
        row[1] for row in words if len(row) > 1 and row[0] == "nameserver" and _usable(row[1])
    )


def _usable(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.version == 4 and not parsed.is_loopback  # noqa: PLR2004 - the IP version


def resolv_conf(answering: Iterable[str], fallback: str) -> str:
    """The hosts' /etc/resolv.conf.

    With no nameserver that answers, hosts ask the *fallback*, the lab's bridge, where a rule
    rejects the question: a look-up then fails at once. Without any entry Docker would ask
    8.8.8.8, and each look-up would hang.
    """
    chosen = tuple(answering) or (fallback,)
    lines = [f"nameserver {address}" for address in chosen[:3]]
    return "\n".join((*lines, "options timeout:2 attempts:2")) + "\n"


def usable_nameservers() -> tuple[str, ...]:
    """The machine's nameservers that answer now, from the first file that names any for us."""
    for source in _SOURCES:
        with suppress(OSError):
            if found := nameservers(source.read_text()):
                return tuple(address for address in found if answers(address))
    return ()


def answers(address: str) -> bool:
    """Whether a nameserver says anything at all when asked for the root's nameservers."""
    question = struct.pack(">HHHHHH", 0x5357, 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack(">HH", 2, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_PATIENCE)
        try:
            asking.connect((address, _PORT))
            asking.send(question)
            return bool(asking.recv(512))
        except OSError:
            return False
