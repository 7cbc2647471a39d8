"""The hosts' root file system: a real Debian, made once for each recipe and kept in the cache."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from provision.errors import ActionFailed
from provision.lab.commands import find, run
from provision.lab.labs import LabEvent, OnEvent
from provision.lab.locks import locked
from provision.lab.paths import Paths
from provision.lab.spec import SSH_USER, Suite

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "ca-certificates",
    "iputils-ping",
)  # fmt: skip
# Units that fail or mean harm in namespaces: a console that is not there, timers that take the
# package lock at moments of their own, file systems that belong to the machine.
MASKED = (
    "console-getty.service", "systemd-modules-load.service", "apt-daily.timer",
    "apt-daily-upgrade.timer", "apt-daily.service", "apt-daily-upgrade.service",
    "proc-sys-fs-binfmt_misc.automount", "systemd-binfmt.service", "systemd-udevd.service",
    "systemd-networkd-wait-online.service",
)  # fmt: skip
# What of the machine's apt configuration is about the network between it and the archive.
CARRIED = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until",
           "Acquire::Check-Date")  # fmt: skip
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what is in a root file system; *apt* are lines for apt.conf."""

    suite: Suite
    apt: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The lines of sources.list."""
        main, security = f"{MIRROR}/debian", f"{MIRROR}/debian-security"
        return (
            f"deb {main} {self.suite} main",
            f"deb {main} {self.suite}-updates main",
            f"deb {security} {self.suite}-security main",
        )

    @property
    def name(self) -> str:
        """The folder in the cache: another recipe is another folder."""
        text = "\n".join((*self.sources, *PACKAGES, settle_script(self)))
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def settle_script(recipe: Recipe) -> str:
    """What is done inside the fresh root file system, as a shell script: pure."""
    sources = "\n".join(recipe.sources)
    masks = " ".join(MASKED)
    apt = "\n".join(('Acquire::Languages "none";', *recipe.apt))
    return f"""set -eu
cat >/etc/apt/sources.list <<'EOF'
{sources}
EOF
rm -f /etc/apt/sources.list.d/*
cat >/etc/apt/apt.conf.d/90lab <<'EOF'
{apt}
EOF
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/lab
apt-get -q update
apt-get -q -y upgrade
apt-get clean
echo LANG=C.UTF-8 >/etc/default/locale
cd /etc/systemd/system
for unit in {masks}; do ln -sf /dev/null $unit; done
mkdir -p ssh.service.d
printf '[Unit]\\nAfter=systemd-user-sessions.service\\n' >ssh.service.d/lab.conf
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id
useradd --create-home --shell /bin/bash --groups sudo {SSH_USER}
echo '{SSH_USER} ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/90-lab
chmod 440 /etc/sudoers.d/90-lab
"""


def carried_apt_lines(dump: str) -> tuple[str, ...]:
    """From ``apt-config dump``: the lines to carry over; a proxy on loopback serves no host."""
    lines = (line.strip() for line in dump.splitlines())
    return tuple(
        line
        for line in lines
        if line.split(" ")[0] in CARRIED and "localhost" not in line and "127.0.0.1" not in line
    )


def machine_recipe(suite: Suite) -> Recipe:
    """The recipe for this machine."""
    known = find("apt-config") is not None
    return Recipe(suite, carried_apt_lines(run(["apt-config", "dump"])) if known else ())


def ensure_rootfs(suite: Suite, paths: Paths, on_event: OnEvent) -> Path:
    """The cached root file system, made first if need be; two runs at once make it once."""
    recipe = machine_recipe(suite)
    shelf = paths.make(paths.cache / "rootfs")
    done = shelf / recipe.name
    if done.is_dir():
        return done
    with locked(shelf / f".{suite}.lock"):
        if not done.is_dir():
            on_event(LabEvent("rootfs", f"making a Debian {suite} (once; about 30 s)"))
            _build(recipe, done)
    return done


def _build(recipe: Recipe, done: Path) -> None:
    """Make it beside its place and rename it there: a half-made one is never taken for done."""
    fresh = done.with_name(f".{done.name}.new")
    if fresh.exists():
        run(["rm", "-rf", "--one-file-system", str(fresh)])
    try:
        run(private(_bootstrap(recipe, fresh)), timeout=1800)
        run(private(_inside(fresh)), stdin=settle_script(recipe), timeout=1800)
        fresh.rename(done)
    except ActionFailed as error:
        error.hint = error.hint or "the archive must be reachable once; is this machine online?"
        raise


def private(words: tuple[str, ...]) -> tuple[str, ...]:
    """*words* where their mounts and processes end with them, and they with us."""
    return ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", *words)


def _inside(root: Path) -> tuple[str, ...]:
    return ("sh", "-c", f"mount -n --make-rprivate / && {chroot_shell(root)}")


def chroot_shell(root: Path) -> str:
    """Shell words that become a shell inside *root* which reads its script from its input."""
    r = quote(str(root))
    return (
        f"mount -n -t proc proc {r}/proc && mount -n --bind /dev {r}/dev && "
        f"cp -L /etc/resolv.conf {r}/etc/resolv.conf && "
        f"exec chroot {r} /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "
        "DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 /bin/sh -s"
    )


def _bootstrap(recipe: Recipe, target: Path) -> tuple[str, ...]:
    include = ",".join(PACKAGES)
    if find("mmdebstrap") is not None:
        options = tuple(f"--aptopt={line.rstrip(';')}" for line in recipe.apt)
        return (
            "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={include}", *options,
            recipe.suite, str(target), *recipe.sources,
        )  # fmt: skip
    return (
        "debootstrap", "--variant=minbase", f"--include={include}", f"--keyring={KEYRING}",
        recipe.suite, str(target), f"{MIRROR}/debian",
    )  # fmt: skip
