"""The three small shell scripts that are a host's power supply, cable and firmware: pure.

``supervise.sh`` runs on the machine as long as the host is switched on and boots it again when
it asks for a reboot. ``init.sh`` is the host's first process and enters its cgroups; ``root.sh``
lays out its file systems and becomes systemd.
"""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from provision.lab.cgroups import Cgroups

NODES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
READ_ONLY_SYSCTLS = ("abi", "debug", "dev", "fs", "kernel", "vm")
DOCKER_FOLDERS = ("docker", "containerd")
# What the kernel reports of a process that ended a pid namespace: reboot(2), RESTART and the rest.
REBOOTED = 128 + 1
KILLED = 128 + 9


@dataclass(frozen=True, slots=True)
class Plug:
    """Everything a host's scripts need to know.

    Attributes:
        folder: the host's own folder in the lab's state. rootfs: the lower file system.
        hostname: as in /etc/hostname. scope: its network namespace and cgroups.
        link: the machine's end of its cable. bridge: what that end is plugged into.
        address: ``10.78.3.11/24``. mac: stays the same over reboots, as a network card's does.
        gateway: the bridge's address. mtu: of the cable.
    """

    folder: Path
    rootfs: Path
    hostname: str
    scope: str
    link: str
    bridge: str
    address: str
    mac: str
    gateway: str
    mtu: int
    cgroups: Cgroups


def supervise_script(plug: Plug) -> str:
    """Boot the host, and again whenever it asks for it (or is reset while ``again`` exists)."""
    folder = quote(str(plug.folder))
    return f"""#!/bin/sh
# swarmlay lab: keeps host {plug.hostname} running. Ends when the host is switched off.
cd /
echo $$ >{folder}/supervisor.pid
while :; do
{_cable(plug)}
{_places(plug)}
  nsenter --net=/run/netns/{plug.scope} unshare --mount --uts --ipc --pid --fork \\
    --kill-child=KILL /bin/sh {folder}/init.sh
  ended=$?
  [ $ended = {REBOOTED} ] && continue
  [ -e {folder}/again ] && rm -f {folder}/again && continue
  exit 0
done
"""


def _cable(plug: Plug) -> str:
    """A fresh network namespace at each boot: a real reboot forgets firewall rules, too."""
    nic = f"address {plug.mac} mtu {plug.mtu}"
    return f"""\
  ip link del {plug.link} 2>/dev/null
  [ ! -e /run/netns/{plug.scope} ] || ip netns del {plug.scope}
  ip netns add {plug.scope} &&
  ip -batch - <<'EOF' &&
link add {plug.link} mtu {plug.mtu} type veth peer name eth0 {nic} netns {plug.scope}
link set {plug.link} master {plug.bridge} up
EOF
  ip -n {plug.scope} -batch - <<'EOF' || exit 1
link set lo up
addr add {plug.address} dev eth0
link set eth0 up
route add default via {plug.gateway}
EOF"""


def _places(plug: Plug) -> str:
    """The host's cgroups, without what the boot before left in them."""
    lines = [
        f"  mkdir -p {place} && find {place} -mindepth 1 -depth -type d -delete"
        for place in map(quote, plug.cgroups.places(plug.scope))
    ]
    for hierarchy in plug.cgroups.hierarchies:
        if "cpuset" in hierarchy.controllers:
            place = f"{hierarchy.mountpoint}/{plug.scope}"
            lines += [
                f"  cat {quote(hierarchy.mountpoint)}/cpuset.{what} >{quote(place)}/cpuset.{what}"
                for what in ("cpus", "mems")
            ]
    return "\n".join(lines)


def init_script(plug: Plug) -> str:
    """Enter the cgroups first: the namespace that is unshared next has its root there.

    The supervisor stays outside: version 2 lets no directory have both processes and children.
    """
    enter = "\n".join(
        f"echo 0 >{quote(place)}/cgroup.procs" for place in plug.cgroups.places(plug.scope)
    )
    return f"""#!/bin/sh
set -eu
{enter}
exec unshare --cgroup /bin/sh {quote(str(plug.folder))}/root.sh
"""


def root_script(plug: Plug) -> str:
    """Lay out the file systems in a mount namespace of the host's own and become systemd."""
    folder = quote(str(plug.folder))
    binds = "\n".join(
        f"mkdir -p var/lib/{name}; mount -n --bind {folder}/{name} var/lib/{name}"
        for name in DOCKER_FOLDERS
    )
    nodes = "\n".join(f"mknod -m 666 dev/{name} c 1 {minor}" for name, minor in NODES.items())
    return f"""#!/bin/sh
set -eu
umask 022
mount -n --make-rprivate /
mount -n -t overlay swarmlay -o lowerdir={quote(str(plug.rootfs))},upperdir={folder}/upper,\
workdir={folder}/work {folder}/root
cd {folder}/root
{binds}
mount -n -t proc -o nosuid,nodev,noexec proc proc
for area in {" ".join(READ_ONLY_SYSCTLS)}; do
  [ ! -d proc/sys/$area ] || {{
    mount -n --bind proc/sys/$area proc/sys/$area
    mount -n -o remount,bind,ro proc/sys/$area
  }}
done
mkdir -p .boot
mount -n -t tmpfs -o mode=755,size=64k tmpfs .boot
cat proc/sys/kernel/random/uuid >.boot/id
mount -n --bind .boot/id proc/sys/kernel/random/boot_id
umount -n -l .boot
rmdir .boot
mount -n -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -n -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -n -t tmpfs -o mode=755,nosuid tmpfs dev
{nodes}
mknod -m 666 dev/tty c 5 0
mkdir dev/pts dev/shm dev/net
mount -n -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -n -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
mknod -m 666 dev/net/tun c 10 200
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
{_cgroup_mounts(plug.cgroups)}
mkdir -p .machine
pivot_root . .machine
cd /
umount -n -l /.machine
rmdir /.machine
hostname {plug.hostname}
exec env -i container=other {_environment(plug.cgroups)}\
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd{_arguments(plug.cgroups)} </dev/null >/dev/null 2>&1
"""


def _cgroup_mounts(cgroups: Cgroups) -> str:
    if cgroups.unified:
        return "mount -n -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup"
    lines = ["mount -n -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs sys/fs/cgroup"]
    for hierarchy in cgroups.hierarchies:
        place = f"sys/fs/cgroup/{hierarchy.folder}"
        lines += [
            f"mkdir {place}",
            f"mount -n -t cgroup -o nosuid,nodev,noexec,{hierarchy.options} cgroup {place}",
        ]
        if len(hierarchy.controllers) > 1:
            lines += [
                f"ln -s {hierarchy.folder} sys/fs/cgroup/{name}" for name in hierarchy.controllers
            ]
    return "\n".join(lines)


def _environment(cgroups: Cgroups) -> str:
    return "" if cgroups.unified else "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 "


def _arguments(cgroups: Cgroups) -> str:
    return (
        ""
        if cgroups.unified
        else " systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
    )
