"""The recipe of the hosts' root file system."""

import subprocess

from provision.lab import rootfs
from provision.lab.rootfs import Recipe

DUMP = """\
APT "";
Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://proxy.lan:3128";
Acquire::https::Proxy "http://127.0.0.1:3128";
Acquire::Languages "none";
"""


def test_only_what_concerns_the_network_is_carried_over() -> None:
    """A proxy on the machine's loopback would be nobody for a host."""
    assert rootfs.carried_apt_lines(DUMP) == (
        'Acquire::Check-Valid-Until "false";',
        'Acquire::http::Proxy "http://proxy.lan:3128";',
    )


def test_another_recipe_is_another_folder() -> None:
    """A cached file system is never used for a recipe it was not made by."""
    names = {Recipe("bookworm").name, Recipe("trixie").name, Recipe("bookworm", ("x;",)).name}

    assert len(names) == 3
    assert Recipe("bookworm").name == Recipe("bookworm").name
    assert Recipe("bookworm").name.startswith("bookworm-")


def test_the_recipe_is_bare() -> None:
    """A host brings neither Docker nor a firewall."""
    assert not {"docker.io", "ufw", "iptables", "nftables"} & set(rootfs.PACKAGES)


def test_the_scripts_are_valid_shell() -> None:
    """They parse."""
    script = rootfs.settle_script(Recipe("bookworm", ('Acquire::http::Proxy "http://p";',)))

    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
