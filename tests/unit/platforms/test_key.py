"""A repository's key is trusted by its fingerprint only; the real script is run on real keys."""

import shutil
import subprocess
from pathlib import Path

import pytest

from provision.platforms.debian.scripts import KEY

KEYS = Path(__file__).parents[2] / "recordings" / "keys"
ONE, TWO = (KEYS / "fingerprints").read_text().split()

pytestmark = pytest.mark.skipif(
    not Path("/usr/lib/apt/apt-helper").exists(), reason="fetching needs apt, which is not here"
)


def fetch(key: Path, wanted: str, keyring: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a host would."""
    words = ("sh", "-s", "--", f"file:{key}", wanted, str(keyring))
    return subprocess.run(words, input=KEY, text=True, capture_output=True, check=False)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A place for a key that may be changed."""
    tmp_path.chmod(0o755)
    return Path(shutil.copy(KEYS / "one.asc", tmp_path / "key"))


def test_the_right_key_is_kept_without_its_armour(key: Path, tmp_path: Path) -> None:
    """What is written is what was checked: the packets, readable by apt."""
    keyring = tmp_path / "keyrings" / "docker.gpg"
    ended = fetch(key, ONE, keyring)
    assert ended.returncode == 0, ended.stderr
    assert keyring.read_bytes()[0] in (0x98, 0x99)
    assert keyring.stat().st_mode & 0o777 == 0o644


def test_a_wrong_key_is_refused_and_nothing_is_written(key: Path, tmp_path: Path) -> None:
    """The message names both fingerprints."""
    ended = fetch(key, TWO, tmp_path / "keyrings" / "docker.gpg")
    assert ended.returncode == 4
    assert ONE in ended.stderr
    assert TWO in ended.stderr
    assert "nothing was written" in ended.stderr
    assert not (tmp_path / "keyrings").exists()


@pytest.mark.parametrize("wanted", [ONE, TWO])
def test_a_second_key_in_the_file_is_refused(wanted: str, key: Path, tmp_path: Path) -> None:
    """Apt would trust every key of the file, not only the one that was asked for."""
    shutil.copy(KEYS / "both.asc", key)
    ended = fetch(key, wanted, tmp_path / "ring")
    assert ended.returncode == 4
    assert not (tmp_path / "ring").exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b"\x99\xff\xff\x04", b"\x9b\x00" * 9]
)
def test_what_is_no_key_is_refused(content: bytes, key: Path, tmp_path: Path) -> None:
    """A captive portal's page, half a file or garbage never becomes a keyring."""
    key.write_bytes(content)
    ended = fetch(key, ONE, tmp_path / "ring")
    assert ended.returncode != 0
    assert ended.stderr
    assert not (tmp_path / "ring").exists()


def test_two_blocks_are_refused(key: Path, tmp_path: Path) -> None:
    """Apt might read the other one."""
    key.write_text((KEYS / "one.asc").read_text() * 2)
    assert fetch(key, ONE, tmp_path / "ring").returncode == 4


def test_a_key_that_cannot_be_fetched_says_so(tmp_path: Path) -> None:
    """The URL is named."""
    ended = fetch(tmp_path / "nothing", ONE, tmp_path / "ring")
    assert ended.returncode == 1
    assert "could not be fetched" in ended.stderr
