"""Which inventory is meant: the one named, else the only one; never a guess."""

from pathlib import Path

import pytest

from provision.errors import UsageError
from provision.inventories import open_inventory
from provision.inventories.find import find

TEXT = "cluster: c\nhosts: {m: {address: a, role: manager}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one inventory in inventory/ and one beside it."""
    (tmp_path / "inventory" / "examples").mkdir(parents=True)
    (tmp_path / "inventory" / "only.yml").write_text(TEXT)
    (tmp_path / "inventory" / "examples" / "other.yml").write_text(TEXT)
    (tmp_path / "mine.yml").write_text(TEXT.replace("cluster: c", "cluster: mine"))
    return tmp_path


def test_named(folder: Path) -> None:
    """-i FILE wins; paths are relative to the current directory."""
    found = find("mine.yml", {"SWARMLAY_INVENTORY": "x"}, folder)

    assert (found.shown, found.path) == ("mine.yml", str(folder / "mine.yml"))


def test_environment(folder: Path) -> None:
    """SWARMLAY_INVENTORY wins over the folder."""
    assert find(None, {"SWARMLAY_INVENTORY": "mine.yml"}, folder).shown == "mine.yml"


def test_only_one(folder: Path) -> None:
    """The only file in inventory/ is meant; folders below it do not count."""
    assert find(None, {}, folder).shown == "inventory/only.yml"


def test_several(folder: Path) -> None:
    """Several files in inventory/ are an error that lists them."""
    (folder / "inventory" / "b.yaml").write_text(TEXT)

    with pytest.raises(UsageError) as caught:
        find(None, {}, folder)

    assert caught.value.why == "inventory/b.yaml, inventory/only.yml"
    assert "-i FILE" in caught.value.hint


def test_none(tmp_path: Path) -> None:
    """No inventory at all is an error that says how to name one."""
    with pytest.raises(UsageError, match="there is no inventory") as caught:
        find(None, {}, tmp_path)

    assert "-i lab" in caught.value.hint


@pytest.mark.parametrize(("selector", "name"), [("lab", "demo"), ("lab:x-1", "x-1")])
def test_lab(selector: str, name: str, tmp_path: Path) -> None:
    """A lab needs no file."""
    assert find(selector, {}, tmp_path).lab == name


@pytest.mark.parametrize("selector", ["lab:../x", "lab:; rm -rf /", "lab:X"])
def test_lab_name(selector: str, tmp_path: Path) -> None:
    """A lab's name is a name."""
    with pytest.raises(UsageError, match="no name of a lab"):
        find(selector, {}, tmp_path)


def test_opened(folder: Path) -> None:
    """An inventory shows the path as it was given, and pins host keys by its absolute path."""
    inventory = open_inventory(
        "mine.yml", environment={}, cwd=folder, home=folder, state_dir=folder / "state"
    )

    assert (inventory.cluster, inventory.path) == ("mine", "mine.yml")
    assert inventory.hosts[0].ssh.known_hosts.startswith(f"{folder}/state/known_hosts/mine-")


@pytest.mark.parametrize("there", [True, False])
def test_ssh_config_of_the_user(there: bool, folder: Path) -> None:
    """The user's ssh_config is read if there is one."""
    (folder / ".ssh").mkdir()
    if there:
        (folder / ".ssh" / "config").write_text("")

    inventory = open_inventory(
        "mine.yml", environment={}, cwd=folder, home=folder, state_dir=folder
    )

    assert inventory.hosts[0].ssh.ssh_config == (f"{folder}/.ssh/config" if there else None)
