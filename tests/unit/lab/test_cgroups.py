"""How the machine's cgroups are understood, and what of the file tree is touched."""

from pathlib import Path

import pytest

from provision.errors import SwarmlayError
from provision.lab import cgroups
from provision.lab.cgroups import Cgroups, Hierarchy

BY_HAND = """\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""
HYBRID = """\
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,nosuid,xattr,name=systemd 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/openrc cgroup rw,release_agent=/lib/x,name=openrc 0 0
"""
UNIFIED = """\
proc /proc proc rw 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0
"""


def test_version_1_mounted_by_hand() -> None:
    """Each hierarchy is its own; a version 2 beside it does not matter."""
    found = cgroups.understand(BY_HAND)

    assert found.version == 1
    assert found.places("swarmlay.demo.manager") == (
        "/sys/fs/cgroup/cpu/swarmlay.demo.manager",
        "/sys/fs/cgroup/cpuset/swarmlay.demo.manager",
        "/sys/fs/cgroup/systemd/swarmlay.demo.manager",
    )
    assert found.hierarchies[-1].options == "none,name=systemd"


def test_hybrid_with_joint_controllers() -> None:
    """Joint controllers stay together; hierarchies of other init systems are left alone."""
    found = cgroups.understand(HYBRID)

    assert [(h.folder, h.options) for h in found.hierarchies] == [
        ("systemd", "none,name=systemd"),
        ("cpu,cpuacct", "cpu,cpuacct"),
    ]


def test_version_2() -> None:
    """One tree, one directory a host."""
    found = cgroups.understand(UNIFIED)

    assert found == Cgroups(unified="/sys/fs/cgroup")
    assert found.version == 2
    assert found.places("swarmlay.demo.manager") == ("/sys/fs/cgroup/swarmlay.demo.manager",)


@pytest.mark.parametrize("mounts", ["", "cgroup /cg/cpu cgroup rw,cpu 0 0\n"])
def test_machines_that_cannot_hold_a_systemd_are_told(mounts: str) -> None:
    """No cgroups, or version 1 without the hierarchy of systemd, is refused with the command."""
    with pytest.raises(SwarmlayError) as caught:
        cgroups.understand(mounts)

    assert "mount" in caught.value.hint


def test_controllers_are_switched_on_and_off_again(tmp_path: Path) -> None:
    """Only those that are there and were off; only those are switched off at the end."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids dmem\n")
    control = tmp_path / "cgroup.subtree_control"
    control.write_text("cpu memory pids\n")
    layout = Cgroups(unified=str(tmp_path))

    missing = cgroups.missing_controllers(layout)

    assert missing == ("cpuset", "io")
    cgroups.delegate(layout, missing)
    assert control.read_text() == "+io"
    cgroups.undelegate(layout, missing)
    assert control.read_text() == "-io"
    assert cgroups.missing_controllers(Cgroups((Hierarchy("/x", ("cpu",)),))) == ()


def test_removal_takes_nested_directories(tmp_path: Path) -> None:
    """Deepest first, only those of the lab, and what is gone is fine."""
    layout = Cgroups(unified=str(tmp_path))
    (tmp_path / "swarmlay.demo.manager" / "system.slice" / "docker.service").mkdir(parents=True)
    (tmp_path / "swarmlay.demo-2.manager").mkdir()

    found = cgroups.leftovers(layout, "swarmlay.demo.")

    assert cgroups.remove((*found, str(tmp_path / "swarmlay.demo.gone"))) == ()
    assert [path.name for path in tmp_path.iterdir()] == ["swarmlay.demo-2.manager"]
