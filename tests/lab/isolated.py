"""A machine inside the machine: interfaces, routes, iptables, sysctls and mounts of its own.

What a lab leaves behind can be compared there to the last bit, whatever other labs do meanwhile.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SETUP = """
umount -n -l -R /run/netns 2>/dev/null || true
mount -t tmpfs tmpfs /run
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_forward
echo ready
exec sleep infinity
"""
_ONLY_CGROUP_V2 = """
umount -n -l -R /sys/fs/cgroup
mount -n -t cgroup2 cgroup2 /sys/fs/cgroup
"""
_OUTSIDE = """
ip netns add outside
ip link add uplink type veth peer name eth0 netns outside
ip addr add 198.51.100.1/24 dev uplink
ip link set uplink up
ip -n outside addr add 198.51.100.2/24 dev eth0
ip -n outside link set eth0 up
ip route add default via 198.51.100.2
iptables -P FORWARD DROP
"""


@dataclass(frozen=True)
class Machine:
    """The machine inside; *pid* is the process that keeps it."""

    pid: int
    state: Path

    def words(self, *words: str) -> list[str]:
        """The command that runs *words* there."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--", *words]

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run *words* there to their end."""
        return subprocess.run(
            self.words(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=self.environment,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """Labs of this machine keep their state apart."""
        return {**os.environ, "XDG_STATE_HOME": str(self.state)}

    def lab_words(self, *words: str) -> list[str]:
        """The command that runs ``swarmlay lab`` there."""
        return self.words(sys.executable, "-m", "provision.cli.lab", *words)

    def lab(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``swarmlay lab`` there."""
        return self.run(sys.executable, "-m", "provision.cli.lab", *words)

    def with_outside(self) -> None:
        """A world beyond the machine, which knows no way back to a lab, and a closed FORWARD."""
        assert self.run("sh", "-ec", _OUTSIDE).returncode == 0

    def with_cgroup_v2(self) -> None:
        """Cgroups as distributions mount them today; what version 1 holds elsewhere is missed."""
        assert self.run("sh", "-ec", _ONLY_CGROUP_V2).returncode == 0

    def snapshot(self, *labs: str) -> dict[str, str]:
        """All that a lab may change; of the cgroups, which are shared, those of *labs*."""
        ask = {
            "links": "ip -o link show | sed 's/^[0-9]*: //'",
            "namespaces": "ip netns list; ls -A /run",
            "routes": "ip -4 route show table all | sort",
            "forwarding": "cat /proc/sys/net/ipv4/ip_forward",
            "iptables": "iptables-save -t filter; iptables-save -t nat; nft list tables",
            "mounts": "cat /proc/self/mounts",
        }
        found = {name: self.run("sh", "-c", script).stdout for name, script in ask.items()}
        found["iptables"] = _without_counters(found["iptables"])
        found["cgroups"] = "\n".join(_cgroups(labs))
        found["processes"] = "\n".join(_processes(self.state))
        labs_folder = self.state / "swarmlay" / "lab"  # the folder itself may stay
        found["state"] = "\n".join(sorted(str(path) for path in labs_folder.rglob("*")))
        return found


@contextmanager
def machine(state: Path) -> Iterator[Machine]:
    """A machine of one's own until the end of the block."""
    keeper = subprocess.Popen(
        ["unshare", "--net", "--mount", "sh", "-ec", _SETUP],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with keeper:
        try:
            assert keeper.stdout is not None
            assert keeper.stdout.readline() == "ready\n"
            yield Machine(keeper.pid, state)
        finally:
            keeper.kill()


def _without_counters(saved: str) -> str:
    lines = [re.sub(r" \[\d+:\d+\]$", "", line) for line in saved.splitlines()]
    return "\n".join(line for line in lines if not line.startswith("#"))


def _cgroups(labs: tuple[str, ...]) -> Iterator[str]:
    """The directories of *labs* in all hierarchies, and those that are no lab's."""
    root = Path("/sys/fs/cgroup")
    for path in sorted((*root.glob("*"), *root.glob("*/*"))):
        name = path.name
        if path.is_dir() and (not name.startswith("swarmlay.") or name.split(".")[1] in labs):
            yield str(path)


def _processes(state: Path) -> Iterator[str]:
    """Command lines that name the labs' state."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{state}/" in line:
            yield line
