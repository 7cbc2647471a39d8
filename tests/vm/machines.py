"""Virtual machines on a bridge of their own: switched on and off, rebooted, typed at.

They are described as a `Lab`, so that whatever logs in to a lab's hosts logs in to them.
"""

import ctypes
import mmap
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from provision.errors import HostUnreachable
from provision.lab import network, processes
from provision.lab.access import ssh_words
from provision.lab.commands import last_words, run
from provision.lab.labs import Lab, LabHost
from provision.lab.spec import bridge_name, link_name
from provision.lab.subnets import hardware_address
from tests.vm.image import Image

BOOT_TIMEOUT = 420.0  # 25 s on an idle machine, minutes where others use it, too
_MTU = 1500
_POWER_OFF = 30.0
_SSH = 22
# A wall clock and a random source are the machine's; the rest only costs time in emulation.
_KERNEL = (
    "console=ttyS0 quiet nokaslr mitigations=off audit=0 apparmor=0 selinux=0 random.trust_cpu=on "
    "tsc=reliable no_timer_check panic=1 net.ifnames=0"
)
# rdtsc; shl rdx, 32; or rax, rdx; ret
_READ_TSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")


@dataclass(frozen=True)
class Vm:
    """One virtual machine: memory in MiB, and another disk if it needs one."""

    host: LabHost
    folder: Path
    memory: int = 1024
    extra: Path | None = None

    @property
    def pidfile(self) -> Path:
        """Where QEMU writes its process id."""
        return self.folder / "qemu.pid"

    @property
    def console(self) -> Path:
        """What the machine says on its serial line."""
        return self.folder / "console.log"

    @property
    def pid(self) -> int | None:
        """The QEMU process, or None if the machine is off."""
        return processes.from_file(self.pidfile, str(self.pidfile))


@dataclass(frozen=True)
class Machines:
    """Some virtual machines, what they share, and an inventory of them as plain hosts."""

    lab: Lab
    vms: Mapping[str, Vm]
    image: Image
    inventory: Path

    @property
    def bridge(self) -> str:
        """The bridge they are plugged into."""
        return bridge_name(self.lab.name)

    def address(self, name: str) -> str:
        """A machine's address."""
        return self.vms[name].host.address

    def switch_on(self, name: str) -> None:
        """Start a machine; it boots meanwhile."""
        vm = self.vms[name]
        tap = link_name(self.lab.name, vm.host.short)
        network.remove_links([tap])
        run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"])
        run(["ip", "link", "set", tap, "mtu", str(_MTU), "master", self.bridge, "up"])
        run(qemu_words(vm, tap, self.image, self.lab.bridge_address), timeout=60)

    def switch_off(self, name: str) -> None:
        """Pull the plug: the machine notices nothing; QEMU writes out what its disk holds."""
        pid = self.vms[name].pid
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        if not processes.wait_for_end([pid], _POWER_OFF):
            processes.kill([pid])

    def boot(self) -> None:
        """Switch on those that are off, and wait until all let us in."""
        for name, vm in self.vms.items():
            if vm.pid is None:
                self.switch_on(name)
        for name in self.vms:
            self.wait_until_open(name)

    def wait_until_open(self, name: str, timeout: float = BOOT_TIMEOUT) -> None:
        """Wait until a machine's SSH answers.

        Raises:
            HostUnreachable: it does not in time, or QEMU has ended.
        """
        vm, began = self.vms[name], time.monotonic()
        while not _greets(vm.host.address):
            if vm.pid is None or time.monotonic() - began > timeout:
                raise HostUnreachable("SSH does not answer", where=name, why=last_words(vm.console))
            time.sleep(0.2)

    def reboot(self, name: str, *, hard: bool = False) -> None:
        """Restart a machine, or pull its plug, and wait until it is back.

        Raises:
            HostUnreachable: it does not come back.
        """
        before = self._boot_id(name)
        if hard:
            self.switch_off(name)
            self.switch_on(name)
        else:
            self.ask(name, "systemctl reboot", check=False)
        end = time.monotonic() + BOOT_TIMEOUT
        while time.monotonic() < end:
            self.wait_until_open(name)
            with suppress(AssertionError, subprocess.TimeoutExpired):
                if self._boot_id(name) != before:
                    return
            time.sleep(0.5)
        raise HostUnreachable("it does not come back", where=name, why="still the old boot")

    def _boot_id(self, name: str) -> str:
        return self.ask(name, "cat /proc/sys/kernel/random/boot_id", timeout=60).strip()

    def ask(self, name: str, script: str, *, timeout: float = 300, check: bool = True) -> str:
        """Run a shell script as root on a machine; its stdout comes back."""
        done = subprocess.run(
            (*ssh_words(self.lab, self.vms[name].host), "sudo", "sh", "-s"),
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"{name}: {script!r} ended with {done.returncode}: {done.stdout}{done.stderr}"
        )
        return done.stdout

    def everywhere(self, script: str, *, timeout: float = 300) -> dict[str, str]:
        """The same script on all machines at once."""
        with ThreadPoolExecutor(len(self.vms)) as pool:
            said = pool.map(lambda name: self.ask(name, script, timeout=timeout), self.vms)
            return dict(zip(self.vms, said, strict=True))


def qemu_words(vm: Vm, tap: str, image: Image, gateway: str) -> list[str]:
    """The command that starts a machine: emulated, since nested virtualisation is rare."""
    host = vm.host
    kernel = (
        f"{_KERNEL} tsc_early_khz={tsc_khz()} systemd.hostname={host.name} "
        f"systemd.machine_id={host.machine_id} swl.address={host.address}/24 swl.gateway={gateway}"
    )
    disks = [(vm.folder / "disk.qcow2", "qcow2"), *([(vm.extra, "raw")] if vm.extra else [])]
    drives = [
        f"file={file},format={kind},if=virtio,cache=unsafe,discard=unmap" for file, kind in disks
    ]
    return [
        "qemu-system-x86_64", "-name", f"swarmlay-{host.name}", "-M", "q35,usb=off", "-nodefaults",
        "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "1",
        "-m", str(vm.memory),
        "-kernel", str(image.kernel), "-initrd", str(vm.folder / "initrd.img"), "-append", kernel,
        *(word for drive in drives for word in ("-drive", drive)),
        "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no",
        "-device", f"virtio-net-pci,netdev=net0,mac={hardware_address(host.address)},romfile=",
        "-device", "virtio-rng-pci", "-serial", f"file:{vm.console}", "-display", "none",
        "-daemonize", "-pidfile", str(vm.pidfile),
    ]  # fmt: skip


@cache
def tsc_khz() -> int:
    """How fast this machine's time stamp counter runs, which is the emulated machines' as well.

    Left to itself, a kernel that boots while others use the machine measures it wrongly (645 for
    2596 MHz was seen): its clock then runs four times too fast, and so does every timeout in it.
    """
    with mmap.mmap(
        -1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ) as code:
        code.write(_READ_TSC)
        place = ctypes.c_char.from_buffer(code)
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(place))
        ticks, began = read(), time.monotonic_ns()
        time.sleep(0.5)
        khz: int = (read() - ticks) * 1_000_000 // (time.monotonic_ns() - began)
        del read, place
    return khz


def _greets(address: str) -> bool:
    """Whether an SSH server says its name."""
    try:
        with socket.create_connection((address, _SSH), timeout=5) as connection:
            readable, _, _ = select.select([connection], [], [], 20)
            return bool(readable) and connection.recv(4) == b"SSH-"
    except OSError:
        return False
