"""The file of known host keys: what is read from it, written to it, and taken out of it."""

from pathlib import Path

import paramiko
import pytest

from provision.errors import HostKeyMismatch
from provision.transports.host_keys import HostKeys, entry_name, forget_entry


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    """A host's key."""
    return paramiko.ECDSAKey.generate()


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [("h", 22, "[h]:22"), ("::1", 2222, "[::1]:2222"), ("[::1]", 22, "[::1]:22")],
)
def test_an_entry_always_has_its_port(address: str, port: int, expected: str) -> None:
    """VMs behind one address differ by port only, so the port is part of every name."""
    assert entry_name(address, port) == expected


def test_a_key_is_recorded_privately(tmp_path: Path, key: paramiko.PKey) -> None:
    """The file and its folder are made when the first key is recorded, for the owner alone."""
    path = tmp_path / "deep" / "known_hosts"

    HostKeys(str(path), "accept-new").judge("h", 22, key, "web1")

    assert path.read_text() == f"[h]:22 {key.get_name()} {key.get_base64()}\n"
    assert path.stat().st_mode & 0o077 == 0


def test_other_lines_are_kept(tmp_path: Path, key: paramiko.PKey) -> None:
    """Comments, other hosts and a last line without an end survive recording and forgetting."""
    path = tmp_path / "known_hosts"
    other = f"[other]:22 {key.get_name()} {key.get_base64()}"
    path.write_text(f"# mine\n{other}")
    HostKeys(str(path), "accept-new").judge("h", 22, key, "web1")

    assert forget_entry(str(path), "h", 22)
    assert path.read_text() == f"# mine\n{other}\n"


@pytest.mark.parametrize("plain", ["h", "[h]:22", "other,h"])
def test_plain_names_count_at_port_22(tmp_path: Path, key: paramiko.PKey, plain: str) -> None:
    """Files written by other tools name a host at port 22 by its address alone."""
    path = tmp_path / "known_hosts"
    path.write_text(f"{plain} {key.get_name()} {key.get_base64()}\n")

    HostKeys(str(path), "strict").judge("h", 22, key, "web1")
    with pytest.raises(HostKeyMismatch):
        HostKeys(str(path), "strict").judge("h", 23, key, "web1")


def test_hashed_names_are_found_and_forgotten(tmp_path: Path, key: paramiko.PKey) -> None:
    """A file with hashed names works like any other."""
    path = tmp_path / "known_hosts"
    hashed = paramiko.HostKeys.hash_host("[h]:22")
    path.write_text(f"{hashed} {key.get_name()} {key.get_base64()}\n")

    HostKeys(str(path), "strict").judge("h", 22, key, "web1")
    assert forget_entry(str(path), "h", 22)
    assert path.read_text() == ""


def test_the_recorded_kind_is_asked_for_first(tmp_path: Path, key: paramiko.PKey) -> None:
    """A host with several keys is made to show the one that is known."""
    path = tmp_path / "known_hosts"
    HostKeys(str(path), "accept-new").judge("h", 22, key, "web1")
    offered = ("ssh-ed25519", key.get_name(), "rsa-sha2-512")

    assert HostKeys(str(path), "strict").algorithms("h", 22, offered)[0] == key.get_name()
    assert HostKeys(str(path), "off").algorithms("h", 22, offered) == offered


def test_nothing_to_forget_makes_no_file(tmp_path: Path) -> None:
    """Forgetting where nothing was recorded leaves no trace."""
    assert not forget_entry(str(tmp_path / "known_hosts"), "h", 22)
    assert list(tmp_path.iterdir()) == []
