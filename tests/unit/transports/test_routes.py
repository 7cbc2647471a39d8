"""Which way leads to a host: inventory, ssh_config and defaults put together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision.errors import HostUnreachable, UsageError
from provision.model.connection import SshTarget
from provision.transports.routes import Route, route
from provision.transports.ssh_config import UserConfig

_TARGET = SshTarget(name="web1", address="web", known_hosts="/k")


@pytest.fixture
def way(tmp_path: Path) -> Callable[..., Route]:
    """Resolves a target with an ssh_config."""
    environment = {"HOME": str(tmp_path), "USER": "me"}

    def resolve(config: str, **changes: Any) -> Route:
        (tmp_path / "config").write_text(config)
        target = replace(_TARGET, ssh_config="~/config", **changes)
        return route(target, UserConfig(target.ssh_config, environment), environment)

    return resolve


def test_the_inventory_wins(way: Callable[..., Route]) -> None:
    """What the inventory says is not changed by ssh_config, which fills in the rest."""
    config = "Host web\n  HostName 10.0.0.1\n  User a\n  Port 2222\n  IdentityFile ~/.ssh/k\n"

    hop = way(config, user="b", port=22).host

    assert (hop.address, hop.user, hop.port) == ("10.0.0.1", "b", 22)
    assert hop.key_files[0].endswith("/.ssh/k")


def test_defaults_apply(way: Callable[..., Route], tmp_path: Path) -> None:
    """Without any word: our own name, port 22, OpenSSH's default keys last."""
    hop = way("").host

    assert (hop.user, hop.port, hop.key) == ("me", 22, None)
    assert hop.key_files == tuple(
        f"{tmp_path}/.ssh/{name}" for name in ("id_ed25519", "id_ecdsa", "id_rsa")
    )


def test_identities_only_leaves_out_default_keys(way: Callable[..., Route]) -> None:
    """IdentitiesOnly means the named files and nothing else."""
    hop = way("Host web\n  IdentityFile /k\n  IdentitiesOnly yes\n").host

    assert (hop.key_files, hop.identities_only) == (("/k",), True)


@pytest.mark.parametrize(
    ("bastion", "expected"),
    [
        ("gate", [("gate", 22, "me")]),
        ("a@gate:2200", [("gate", 2200, "a")]),
        ("one,b@two:23", [("one", 22, "me"), ("two", 23, "b")]),
        ("a@[2001:db8::1]:22", [("2001:db8::1", 22, "a")]),
    ],
)
def test_bastions_are_read(
    way: Callable[..., Route], bastion: str, expected: list[tuple[str, int, str]]
) -> None:
    """[user@]host[:port], several with commas, nearest first."""
    hops = way("", bastion=bastion).bastions

    assert [(hop.address, hop.port, hop.user) for hop in hops] == expected


def test_proxy_jump_none_means_none(way: Callable[..., Route]) -> None:
    """ProxyJump none switches a general rule off."""
    assert way("Host web\n  ProxyJump none\nHost *\n  ProxyJump gate\n").bastions == ()


def test_a_circle_of_bastions_ends(way: Callable[..., Route]) -> None:
    """Bastions that lead to one another are an error, not a hang."""
    config = "Host web\n  ProxyJump a\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a\n"

    with pytest.raises(HostUnreachable, match="does not end"):
        way(config)


def test_proxy_command_is_refused(way: Callable[..., Route]) -> None:
    """A command of ssh_config is not run; what to use instead is said."""
    with pytest.raises(HostUnreachable, match="ProxyCommand") as raised:
        way("Host web\n  ProxyCommand nc %h %p\n")
    assert "bastion" in raised.value.hint


@pytest.mark.parametrize("bastion", ["-oProxyCommand=x", "a b", "gate:port", "$(id)"])
def test_a_bastion_is_only_an_address(way: Callable[..., Route], bastion: str) -> None:
    """Bastions are held to the same as addresses."""
    with pytest.raises(HostUnreachable):
        way("", bastion=bastion)


def test_ipv6_literals_are_addresses(way: Callable[..., Route]) -> None:
    """IPv6 works with and without brackets, and with a zone."""
    for address in ("2001:db8::1", "[2001:db8::1]", "fe80::1%eth0"):
        assert way("", address=address).host.address == address


def test_what_follows_an_include_belongs_to_its_block(
    way: Callable[..., Route], tmp_path: Path
) -> None:
    """An Include in the middle of a block does not end it."""
    (tmp_path / "more").write_text("Host other\n  User x\n")
    config = f"Host web\n  Include {tmp_path}/more\n  Port 2222\n"

    assert way(config).host.port == 2222


def test_an_include_of_itself_is_an_error(way: Callable[..., Route], tmp_path: Path) -> None:
    """A file that includes itself is told, not followed for ever."""
    with pytest.raises(UsageError, match="cannot be read"):
        way(f"Include {tmp_path}/config\n")


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    """An ssh_config that does not exist is no error: most users have none."""
    environment = {"HOME": str(tmp_path), "USER": "me"}

    found = route(_TARGET, UserConfig(str(tmp_path / "none"), environment), environment)

    assert found.host.address == "web"
