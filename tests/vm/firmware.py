"""A machine's initial RAM disk: it mounts the disk, sets the address and brings the first files.

What a cloud gives its machines at the first boot (a key to log in with, a host key, a name) comes
with it; the machine keeps them on its disk, as any machine does.
"""

import gzip
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.vm.image import Image
from tests.vm.packages import BUSYBOX

APPLETS = (
    "sh", "mount", "umount", "insmod", "cat", "sleep", "ip", "switch_root", "[", "cp", "chown",
    "touch",
)  # fmt: skip
INIT = """#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod /lib/$module; done
for word in $(cat /proc/cmdline); do
  case $word in
    swl.address=*) address=${word#*=} ;;
    swl.gateway=*) gateway=${word#*=} ;;
  esac
done
tries=0
until [ -b /dev/vda ] && [ -e /sys/class/net/eth0 ]; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || break
  sleep 0.1
done
mount -t ext4 -o rw,noatime /dev/vda /root || exec sh
if [ ! -e /root/etc/.vm-first-boot ]; then
  cp -a /seed/. /root/
  chown -R 1000:1000 /root/home/debian
  touch /root/etc/.vm-first-boot
fi
ip link set lo up
ip addr add "$address" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
umount /proc
umount /sys
mount -o move /dev /root/dev
exec switch_root /root /sbin/init
"""


@dataclass(frozen=True)
class SeedFile:
    """A file that the disk gets at the first boot."""

    text: str
    mode: int = 0o644


def write(image: Image, seed: Mapping[str, SeedFile], target: Path) -> None:
    """Make the RAM disk *target*; *seed* is path below / → file."""
    folder = target.with_suffix(".tree")
    for name in ("bin", "lib", "proc", "sys", "dev", "root"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(BUSYBOX, folder / "bin" / "busybox")
    (folder / "bin" / "busybox").chmod(0o755)
    for applet in APPLETS:
        (folder / "bin" / applet).symlink_to("busybox")
    for module in image.modules:
        shutil.copyfile(module, folder / "lib" / module.name)
    _file(folder / "modules", SeedFile("".join(f"{m.name}\n" for m in image.modules)))
    _file(folder / "init", SeedFile(INIT, 0o755))
    for path, file in seed.items():
        _file(folder / "seed" / path.lstrip("/"), file)
    target.write_bytes(_packed(folder))
    shutil.rmtree(folder)


def _file(path: Path, file: SeedFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.name == ".ssh":
        path.parent.chmod(0o700)
    path.write_text(file.text)
    path.chmod(file.mode)


def _packed(folder: Path) -> bytes:
    names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    done = subprocess.run(
        ["cpio", "--quiet", "-o", "-H", "newc"],
        input=names.encode(),
        cwd=folder,
        capture_output=True,
        check=True,
        env={"PATH": os.defpath},
    )
    return gzip.compress(done.stdout, compresslevel=1)
