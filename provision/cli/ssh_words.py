"""The system's own ssh for one host, with the same key pinning as swarmlay's connections."""

from collections.abc import Mapping
from pathlib import Path

from provision.model.connection import SshTarget

_CHECKING = {"strict": "yes", "accept-new": "accept-new", "off": "no"}


def ssh_words(target: SshTarget, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The command that logs in to *target*; words for the host may follow."""
    words = ["ssh", "-o", f"UserKnownHostsFile={target.known_hosts}"]
    words += ["-o", "GlobalKnownHostsFile=/dev/null"]
    words += ["-o", f"StrictHostKeyChecking={_CHECKING[target.host_key]}"]
    words += _alias(target)
    words += ["-F", target.ssh_config or "none"]
    words += ["-p", str(target.port)] if target.port else []
    words += ["-l", target.user] if target.user else []
    words += ["-i", _home(target.key, variables)] if target.key else []
    words += ["-J", target.bastion] if target.bastion else []
    return (*words, "--", target.address)


def _alias(target: SshTarget) -> list[str]:
    """Swarmlay always records ``[address]:port``; ssh looks for that name only when told to."""
    name = f"[{target.address}]:{target.port or 22}"
    recorded = Path(target.known_hosts)
    if recorded.is_file() and name in recorded.read_text(encoding="utf-8", errors="replace"):
        return ["-o", f"HostKeyAlias={name}"]
    return []


def _home(path: str, variables: Mapping[str, str]) -> str:
    if path.startswith("~/") and variables.get("HOME"):
        return f"{variables['HOME']}{path[1:]}"
    return path
