"""The virtual machines' disk: stock Debian with the cloud kernel, made once and kept in the cache.

A root file system as a folder, then a file system made of the folder, a kernel, and the modules for
an initial RAM disk of our own: no boot loader, no DHCP, no cloud-init. No Docker inside: `up`
installs it.
"""

import hashlib
import inspect
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from provision.errors import ActionFailed
from provision.lab.commands import run
from provision.lab.locks import locked
from provision.lab.paths import Paths
from provision.lab.rootfs import chroot_shell, machine_recipe, private

PACKAGES = (
    "systemd-sysv", "udev", "dbus", "openssh-server", "sudo", "iproute2", "iptables", "kmod",
    "ufw", "procps", "iputils-ping", "ca-certificates", "linux-image-cloud-amd64",
    "python3", "debootstrap", "ipvsadm",
)  # fmt: skip
# What only costs time in a machine that lives for minutes; each second counts fivefold here.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "apt-daily.service", "apt-daily-upgrade.service",
    "fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service", "dpkg-db-backup.timer",
    "systemd-timesyncd.service", "systemd-pstore.service", "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount", "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service", "systemd-hwdb-update.service",
    "systemd-firstboot.service", "getty@tty1.service", "serial-getty@ttyS0.service",
    "console-getty.service", "getty-static.service", "ldconfig.service",
    "systemd-journal-flush.service", "logrotate.timer", "man-db.timer",
    "systemd-networkd-wait-online.service", "systemd-logind.service", "ipvsadm.service",
)  # fmt: skip
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "ext4", "af_packet")
SIZE = "6G"
USER = "debian"


@dataclass(frozen=True)
class Image:
    """What QEMU boots; *disk* is never written to, machines have overlays on it."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system, raw and sparse."""
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """Debian's kernel."""
        return self.folder / "vmlinuz"

    @property
    def modules(self) -> tuple[Path, ...]:
        """What the initial RAM disk loads, in this order."""
        folder = self.folder / "modules"
        return tuple(folder / name for name in (folder / "order").read_text().split())


def ensure(paths: Paths) -> Image:
    """The cached image, made first if need be (about a minute); another recipe is another image."""
    shelf = paths.make(paths.cache / "vm")
    done = shelf / f"bookworm-{_recipe()}"
    with locked(shelf / ".lock"):
        if not done.is_dir():
            _build(done)
    return Image(done)


def _recipe() -> str:
    """This file is the recipe, with what the machine's apt needs to say."""
    text = inspect.getsource(sys.modules[__name__]) + "".join(machine_recipe("bookworm").apt)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _build(done: Path) -> None:
    fresh = done.with_name(f".{done.name}.new")
    run(["rm", "-rf", "--one-file-system", str(fresh)])
    root = fresh / "root"
    fresh.mkdir()
    run(private(_bootstrap(root)), timeout=1800)
    inside = f"mount -n --make-rprivate / && {chroot_shell(root)}"
    run(private(("sh", "-c", inside)), stdin=_settle(), timeout=1800)
    shutil.copyfile(next((root / "boot").glob("vmlinuz-*")), fresh / "vmlinuz")
    _keep_modules(root, fresh / "modules")
    run(["truncate", "--size", SIZE, str(fresh / "disk.raw")])
    made_of = ("-d", str(root), "-O", "^metadata_csum,^has_journal", "-m", "0")
    run(["mkfs.ext4", "-q", "-F", "-L", "root", *made_of, str(fresh / "disk.raw")], timeout=900)
    run(["rm", "-rf", "--one-file-system", str(root)])
    fresh.rename(done)


def _bootstrap(root: Path) -> tuple[str, ...]:
    """Nothing may start and no RAM disk be made meanwhile."""
    recipe = machine_recipe("bookworm")
    policy, conf = "$1/usr/sbin/policy-rc.d", "$1/etc/initramfs-tools"
    denying = f'printf "#!/bin/sh\\nexit 101\\n" >"{policy}"'
    deny = f'mkdir -p "$1/usr/sbin"; {denying}; chmod 755 "{policy}"'
    bare = f'mkdir -p "{conf}"; echo update_initramfs=no >"{conf}/update-initramfs.conf"'
    return (
        "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}",
        *(f"--aptopt={line.rstrip(';')}" for line in recipe.apt),
        "--dpkgopt=force-unsafe-io", "--dpkgopt=force-confold",
        "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        f"--setup-hook={deny}",
        f"--setup-hook={bare}",
        recipe.suite, str(root), *recipe.sources,
    )  # fmt: skip


def _settle() -> str:
    """What is done inside, as root, once."""
    recipe = machine_recipe("bookworm")
    sources, apt = "\n".join(recipe.sources), "\n".join(recipe.apt)
    return f"""set -eu
cat >/etc/apt/sources.list <<'LINES'
{sources}
LINES
printf '%s\\n' 'Acquire::Languages "none";' '{apt}' >/etc/apt/apt.conf.d/90vm
apt-get -q update
apt-get clean
rm -f /usr/sbin/policy-rc.d
cd /etc/systemd/system
for unit in {" ".join(MASKED)}; do ln -sf /dev/null $unit; done
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf.d/vm.conf
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id
echo LANG=C.UTF-8 >/etc/default/locale
echo '/dev/vda / ext4 noatime 0 0' >/etc/fstab
useradd --create-home --shell /bin/bash --groups sudo {USER}
echo '{USER} ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/90-vm
chmod 440 /etc/sudoers.d/90-vm
"""


def _keep_modules(root: Path, folder: Path) -> None:
    """Copy what a virtio disk and network card need; ``order`` says in which order to load it."""
    version = next((root / "lib" / "modules").iterdir()).name
    folder.mkdir()
    names: list[str] = []
    for module in MODULES:
        words = ["modprobe", "-d", str(root), "-S", version, "--show-depends", module]
        for line in run(words).splitlines():
            verb, _, path = line.partition(" ")
            file = Path(path.strip())
            if verb == "insmod" and file.name not in names:
                shutil.copyfile(file, folder / file.name)
                names.append(file.name)
    if not names:
        raise ActionFailed("the kernel's modules were not found", where=version)
    (folder / "order").write_text("\n".join(names) + "\n")
