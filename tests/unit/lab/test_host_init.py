"""The scripts that are a host's power supply and firmware."""

import subprocess
from pathlib import Path

import pytest

from provision.lab.cgroups import Cgroups, Hierarchy
from provision.lab.host_init import Plug, init_script, root_script, supervise_script

V1 = Cgroups(
    (
        Hierarchy("/sys/fs/cgroup/cpu,cpuacct", ("cpu", "cpuacct")),
        Hierarchy("/sys/fs/cgroup/cpuset", ("cpuset",)),
        Hierarchy("/sys/fs/cgroup/systemd", ("name=systemd",)),
    )
)
V2 = Cgroups(unified="/sys/fs/cgroup")


def plug(cgroups: Cgroups, folder: str = "/state/demo/hosts/manager") -> Plug:
    """A host's plug."""
    return Plug(
        folder=Path(folder),
        rootfs=Path("/cache/bookworm"),
        hostname="manager",
        scope="swarmlay.demo.manager",
        link="swl-demo_m1",
        bridge="swl-demo",
        address="10.78.3.11/24",
        mac="02:53:0a:4e:03:0b",
        gateway="10.78.3.1",
        mtu=1500,
        cgroups=cgroups,
    )


@pytest.mark.parametrize("cgroups", [V1, V2])
@pytest.mark.parametrize("folder", ["/state/demo", "/home/a b/it's $HOME/demo"])
def test_scripts_are_valid_shell(cgroups: Cgroups, folder: str) -> None:
    """Every script parses, with folders of any spelling."""
    for render in (supervise_script, init_script, root_script):
        script = render(plug(cgroups, folder))

        assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_the_first_process_enters_its_cgroups_before_the_namespace() -> None:
    """The namespace's root is where the process is when it is unshared."""
    lines = init_script(plug(V1)).splitlines()

    assert lines[2:5] == [
        "echo 0 >/sys/fs/cgroup/cpu,cpuacct/swarmlay.demo.manager/cgroup.procs",
        "echo 0 >/sys/fs/cgroup/cpuset/swarmlay.demo.manager/cgroup.procs",
        "echo 0 >/sys/fs/cgroup/systemd/swarmlay.demo.manager/cgroup.procs",
    ]
    assert lines[5].startswith("exec unshare --cgroup")


def test_version_1_host() -> None:
    """The cpuset is filled in, joint controllers keep their usual links, systemd is told."""
    assert "cat /sys/fs/cgroup/cpuset/cpuset.mems >" in supervise_script(plug(V1))
    script = root_script(plug(V1))
    assert "ln -s cpu,cpuacct sys/fs/cgroup/cpu\n" in script
    assert "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1" in script
    assert "systemd.unified_cgroup_hierarchy=0" in script


def test_version_2_host() -> None:
    """One mount, and nothing about version 1."""
    script = root_script(plug(V2))

    assert script.count("sys/fs/cgroup") == 1
    assert "unified_cgroup_hierarchy" not in script
    assert "cpuset" not in supervise_script(plug(V2))


def test_the_machine_is_out_of_sight_before_systemd_starts() -> None:
    """The machine's own tree is let go of in between."""
    script = root_script(plug(V2))

    assert script.index("pivot_root") < script.index("umount -n -l /.machine")
    assert script.index("umount -n -l /.machine") < script.index("exec env -i container=other")
