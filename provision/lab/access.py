"""How a lab's hosts are reached with the system's own ssh: pure."""

from provision.lab.labs import Lab, LabHost


def ssh_options(lab: Lab) -> tuple[str, ...]:
    """Only the lab's key, only the pinned host keys, nothing of the user's configuration."""
    return (
        "-F", "none",
        "-i", lab.key,
        "-o", "IdentitiesOnly=yes",
        "-o", "IdentityAgent=none",
        "-o", f"UserKnownHostsFile={lab.known_hosts}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
    )  # fmt: skip


def ssh_words(lab: Lab, host: LabHost) -> tuple[str, ...]:
    """The command that logs in to *host*; a command for it may follow."""
    return ("ssh", *ssh_options(lab), f"{lab.user}@{host.address}", "--")
