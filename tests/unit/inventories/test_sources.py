"""Sources: labs, ssh_config, Vagrant."""

from pathlib import Path

import pytest

from provision.errors import HostUnreachable, SwarmlayError, UsageError
from provision.inventories import open_inventory
from provision.inventories.vagrant import machines
from provision.lab import labs
from provision.lab.labs import Lab, LabHost
from provision.lab.paths import Paths
from provision.model.inventory import Inventory

SSH_CONFIG = """\
Host manager
  HostName 127.0.0.1
  User vagrant
  Port 2222
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/home/me/my project/.vagrant/machines/manager/virtualbox/private_key"
  IdentityFile /other
  IdentitiesOnly yes
  LogLevel FATAL

Host worker-1
  HostName 192.168.121.7
  User vagrant
  Port 22
  IdentityFile /home/me/.vagrant.d/insecure_private_keys/vagrant.key.ed25519

"""


def opened(folder: Path, text: str, **environment: str) -> Inventory:
    """The inventory of a file inventory/x.yml in *folder*."""
    (folder / "inventory").mkdir(exist_ok=True)
    (folder / "inventory" / "x.yml").write_text(text)
    return open_inventory(
        None, environment=environment, cwd=folder, home=folder, state_dir=folder / "state"
    )


def vagrant(folder: Path, script: str) -> str:
    """A PATH on which ``vagrant`` is this script."""
    program = folder / "bin" / "vagrant"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def lab(folder: Path) -> Lab:
    """A lab that was made, as its state file tells."""
    made = Lab(
        name="x",
        suite="bookworm",
        subnet="10.78.3.0/24",
        bridge_address="10.78.3.1",
        registry="10.78.3.1:5000",
        user="debian",
        key="/k/id",
        known_hosts="/k/known_hosts",
        hosts=(
            LabHost("manager", "manager", "10.78.3.2", "m", "0" * 32),
            LabHost("worker-1", "worker", "10.78.3.3", "w1", "1" * 32),
        ),
    )
    labs.save(made, Paths(state=folder / "state" / "lab", cache=folder))
    return made


def test_lab_by_name(tmp_path: Path) -> None:
    """-i lab:NAME needs no file; host keys are the lab's own and strict; packages are Debian's."""
    lab(tmp_path)

    inventory = open_inventory(
        "lab:x", environment={}, cwd=tmp_path, home=tmp_path, state_dir=tmp_path / "state"
    )

    manager, worker = inventory.hosts
    assert (inventory.cluster, inventory.path) == ("x", "lab:x")
    assert (manager.role, worker.role) == ("manager", "worker")
    assert (manager.ssh.address, manager.ssh.user, manager.ssh.key) == (
        "10.78.3.2",
        "debian",
        "/k/id",
    )
    assert (manager.ssh.known_hosts, manager.ssh.host_key) == ("/k/known_hosts", "strict")
    assert manager.engine is not None
    assert manager.engine.source == "distro"


def test_lab_in_a_file(tmp_path: Path) -> None:
    """A file may add to what the lab gives."""
    lab(tmp_path)

    inventory = opened(
        tmp_path, "cluster: c\nsource: {lab: x}\nhosts: {worker-1: {labels: {zone: a}}}\n"
    )

    assert inventory.host("worker-1").labels == {"zone": "a"}
    assert inventory.host("worker-1").ssh.address == "10.78.3.3"


def test_no_lab(tmp_path: Path) -> None:
    """A lab that is not there is an error with the command that makes it."""
    with pytest.raises(UsageError, match="there is no lab 'y'") as caught:
        opened(tmp_path, "cluster: c\nsource: {lab: y}\n")

    assert caught.value.hint == "make it with: swarmlay lab up --name y"


def test_ssh_config(tmp_path: Path) -> None:
    """Aliases of an ssh_config are dialled as such: that file decides the rest."""
    (tmp_path / "config").write_text("Host a b\n  User me\n")

    inventory = opened(
        tmp_path,
        "cluster: c\nsource: {ssh_config: ../config, hosts: [a, b]}\nhosts: {a: {role: manager}}\n",
    )

    first, second = inventory.hosts
    assert (first.role, second.role) == ("manager", "worker")
    assert (second.ssh.address, second.ssh.user, second.ssh.port) == ("b", None, None)
    assert second.ssh.ssh_config == str(tmp_path / "config")


def test_no_ssh_config(tmp_path: Path) -> None:
    """An ssh_config that is not there is an error that names it."""
    with pytest.raises(UsageError, match=f"there is no ssh_config {tmp_path}/nope"):
        opened(tmp_path, "cluster: c\nsource: {ssh_config: ~/nope, hosts: [a]}\n")


def test_what_vagrant_says() -> None:
    """Quoted paths, several keys and different ports are read as ssh reads them."""
    manager, worker = machines(SSH_CONFIG, "/d")

    assert (manager.name, manager.address, manager.port) == ("manager", "127.0.0.1", 2222)
    assert manager.key == "/home/me/my project/.vagrant/machines/manager/virtualbox/private_key"
    assert (worker.name, worker.address, worker.user) == ("worker-1", "192.168.121.7", "vagrant")


def test_vagrant(tmp_path: Path) -> None:
    """Vagrant is asked in the directory that the inventory names, relative to itself."""
    path = vagrant(tmp_path, f"pwd > asked; cat <<'E'\n{SSH_CONFIG}\nE")

    inventory = opened(
        tmp_path,
        "cluster: c\nsource: {vagrant: ..}\nhosts: {manager: {role: manager}}\n",
        PATH=path,
    )

    assert (tmp_path / "asked").read_text().strip() == str(tmp_path)
    assert [host.ssh.port for host in inventory.hosts] == [2222, 22]
    assert inventory.hosts[0].ssh.ssh_config is None


@pytest.mark.parametrize(
    ("script", "error", "says", "hint"),
    [
        (
            "echo 'The provider reports that it is not yet ready for SSH.' >&2; exit 1",
            HostUnreachable,
            "not all of Vagrant's machines run",
            "vagrant up",
        ),
        (
            "echo 'A Vagrant environment or target machine is required to run this' >&2; exit 1",
            UsageError,
            "vagrant ssh-config failed",
            "the directory of the Vagrantfile",
        ),
        ("echo 'boom' >&2; exit 3", UsageError, "vagrant ssh-config failed", "vagrant status"),
        ("true", HostUnreachable, "Vagrant knows no running machine", "vagrant up"),
    ],
    ids=["not running", "no Vagrantfile", "fails", "nothing"],
)
def test_vagrant_fails(
    script: str, error: type[SwarmlayError], says: str, hint: str, tmp_path: Path
) -> None:
    """What Vagrant refuses is said in our words, with its own as the reason."""
    path = vagrant(tmp_path, script)

    with pytest.raises(error, match=says) as caught:
        opened(tmp_path, "cluster: c\nsource: {vagrant: ..}\n", PATH=path)

    assert hint in caught.value.hint


def test_no_vagrant(tmp_path: Path) -> None:
    """A machine without Vagrant gets that as its error."""
    with pytest.raises(UsageError, match="vagrant cannot be run"):
        opened(tmp_path, "cluster: c\nsource: {vagrant: ..}\n", PATH=str(tmp_path))


def test_no_directory(tmp_path: Path) -> None:
    """A directory that is not there is not blamed on Vagrant."""
    path = vagrant(tmp_path, "true")

    with pytest.raises(UsageError, match="Vagrant directory cannot be entered"):
        opened(tmp_path, "cluster: c\nsource: {vagrant: nope}\n", PATH=path)
