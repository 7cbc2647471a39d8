"""The system's ssh is pinned like swarmlay's own connections."""

from pathlib import Path

from provision.cli.ssh_words import ssh_words
from provision.model.connection import SshTarget


def test_the_inventorys_settings_become_options(tmp_path: Path) -> None:
    """User, port, key, bastion and the known_hosts file are passed on; the address comes last."""
    known = str(tmp_path / "known_hosts")
    target = SshTarget("w1", "10.0.0.2", known, port=2222, user="debian", key="~/.ssh/k",
                       bastion="b@10.0.0.1", host_key="strict")  # fmt: skip

    words = ssh_words(target, {"HOME": "/home/me"})

    text = " ".join(words)
    assert words[0] == "ssh"
    assert words[-2:] == ("--", "10.0.0.2")
    assert f"UserKnownHostsFile={known}" in text
    assert "StrictHostKeyChecking=yes" in text
    assert "-F none" in text
    assert "-p 2222 -l debian -i /home/me/.ssh/k -J b@10.0.0.1" in text


def test_a_recorded_key_is_found_under_its_name(tmp_path: Path) -> None:
    """Our files name hosts as [address]:port, also for port 22; ssh is told so."""
    known = tmp_path / "known_hosts"
    known.write_text("[10.0.0.2]:22 ssh-ed25519 AAAA\n")

    words = ssh_words(SshTarget("w1", "10.0.0.2", str(known)), {})

    assert "HostKeyAlias=[10.0.0.2]:22" in words


def test_nothing_recorded_needs_no_alias(tmp_path: Path) -> None:
    """A file that another program wrote is read as it is."""
    known = tmp_path / "known_hosts"
    known.write_text("10.0.0.2 ssh-ed25519 AAAA\n")

    assert "HostKeyAlias" not in " ".join(ssh_words(SshTarget("w1", "10.0.0.2", str(known)), {}))
