"""What is typed, asked and read: contexts, keys, offers."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from provision.api import Environment
from provision.api.keys import hand_over, key_file, known_key
from provision.cli.context import create_words, ssh_lines, url
from provision.model.actions import Run
from provision.model.connection import SshTarget
from provision.model.upgrades import Offer, Upgrades
from provision.platforms.debian import Debian

PLAIN = SshTarget("m1", "10.0.0.1", "/state/known_hosts", user="debian")


class Manager:
    """A session with a manager that has an unlock key."""

    def __init__(self, key: str) -> None:
        self.key = key

    def docker(self, operation: str, arguments: Any) -> str:
        """The key."""
        assert (operation, arguments) == ("swarm.unlock_key", {})
        return self.key


def environment(folder: Path, said: list[str]) -> Environment:
    """One whose state is in *folder*."""
    return replace(Environment.here(), state_dir=folder, notice=said.append)


def test_a_context_names_user_address_and_port() -> None:
    """As docker's ssh:// wants them; port 22 goes without saying."""
    assert url(PLAIN, "") == "ssh://debian@10.0.0.1"
    assert url(replace(PLAIN, port=2222), "") == "ssh://debian@10.0.0.1:2222"
    assert url(replace(PLAIN, address="fd00::1", user=None), "") == "ssh://[fd00::1]"
    assert create_words("swarmlay-demo", "ssh://m1")[-1] == "host=ssh://m1"


def test_what_ssh_does_not_know_is_said_for_its_config() -> None:
    """A key or a bastion stands in the inventory only; docker runs the system's ssh."""
    lines = ssh_lines(replace(PLAIN, key="/keys/id", bastion="admin@203.0.113.1"), "swarmlay-demo")

    assert ssh_lines(PLAIN, "swarmlay-demo") == ""
    assert lines.splitlines()[0] == "Host swarmlay-demo"
    assert "  IdentityFile /keys/id" in lines
    assert "  ProxyJump admin@203.0.113.1" in lines
    assert url(PLAIN, "swarmlay-demo") == "ssh://debian@swarmlay-demo"


def test_an_unlock_key_is_handed_over_in_a_file(tmp_path: Path) -> None:
    """Only its owner reads it, its place is said, the key is not; the one before is kept."""
    said: list[str] = []
    env = environment(tmp_path, said)
    for key in ("SWMKEY-1-a", "SWMKEY-1-a", "SWMKEY-1-b"):
        hand_over(env, "demo", "s1", Manager(key))  # type: ignore[arg-type]
    path = key_file(env, "demo", "s1")

    assert path.read_text() == "SWMKEY-1-b\n"
    assert path.with_suffix(".old-key").read_text() == "SWMKEY-1-a\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(said) == 2
    assert str(path) in said[0]
    assert "SWMKEY" not in "".join(said)
    assert known_key(env, "demo").reveal() == "SWMKEY-1-b"
    assert not known_key(env, "other")


def test_without_autolock_there_is_nothing_to_hand_over(tmp_path: Path) -> None:
    """No file, no word."""
    said: list[str] = []

    assert not hand_over(environment(tmp_path, said), "demo", "s1", Manager(""))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    assert said == []


def test_debian_upgrades_to_exactly_what_it_offered() -> None:
    """The pattern is an argument and never script; what was held is held again."""
    platform = Debian()
    assert isinstance(platform, Upgrades)
    asked = platform.offers("docker-ce", "28.*; rm -rf /")
    work = platform.upgrade("docker.io", "1.2-3", "demo", ("docker.io",))
    runs = [s.words for s in work.steps if isinstance(s, Run)]

    assert asked.words[-2:] == ("docker-ce", "28.*; rm -rf /")
    assert "rm -rf /" not in str(asked.stdin)
    assert runs[0][:6] == ("sh", "-s", "--", "demo", "1.2-3", "distro")
    assert ("apt-mark", "hold", "docker.io") in runs


def test_an_offer_is_read_line_by_line() -> None:
    """What is not understood is no offer."""
    said = "Reading lists=1\ninstalled=1\noffered=2\nrelation=newer\n"

    assert Debian().read_offer(said) == Offer("1", "2", "newer")
    assert Debian().read_offer("") == Offer()
