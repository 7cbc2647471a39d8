"""Which operating system, on which machine."""

import shlex
from collections.abc import Mapping
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import OperatingSystem
from provision.model.probes import Answer, Probe, excerpt, sections

SCRIPT = r"""
echo '@@ os'; cat /etc/os-release /dev/null || cat /usr/lib/os-release
echo '@@ architecture'; dpkg --print-architecture 2>/dev/null || uname -m
echo '@@ hostname'; read -r name </proc/sys/kernel/hostname; echo "$name"
echo '@@ machine'; id=; [ -r /etc/machine-id ] && read -r id </etc/machine-id; echo "$id"
"""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}


def parse(answer: Answer) -> Fact[Mapping[str, Fact[Any]]]:
    """Read os-release, the package architecture, the host's name and its machine-id."""
    found = sections(answer.stdout)
    architecture = found["architecture"].strip()
    return Known(
        {
            "os": _os(found["os"]),
            "architecture": _text(_MACHINES.get(architecture, architecture), "architecture"),
            "hostname": _text(found["hostname"].strip(), "hostname"),
            "machine_id": Known(found["machine"].strip()),
        }
    )


def _text(value: str, what: str) -> Fact[str]:
    return Known(value) if value.isprintable() and value else Unknown(f"no {what} was given")


def _os(text: str) -> Fact[OperatingSystem]:
    keys = dict(_assignment(line) for line in text.splitlines() if "=" in line)
    if "ID" not in keys:
        return Unknown(f"/etc/os-release names no system: {excerpt(text)!r}")
    return Known(
        OperatingSystem(
            id=keys["ID"],
            version_id=keys.get("VERSION_ID", ""),
            codename=keys.get("VERSION_CODENAME", keys.get("UBUNTU_CODENAME", "")),
            id_like=tuple(keys.get("ID_LIKE", "").split()),
            pretty=keys.get("PRETTY_NAME", ""),
        )
    )


def _assignment(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), "".join(shlex.split(value)[:1])


PROBE = Probe("system", SCRIPT, parse, ("os", "architecture", "hostname", "machine_id"))
