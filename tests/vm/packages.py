"""What the machine needs before it can emulate others; as a program: prints what it lacks."""

from pathlib import Path

from provision.lab.commands import find

TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "cpio": "cpio",
    "iptables": "iptables",
    "modprobe": "kmod",
    "curl": "curl",
}
BUSYBOX = Path("/bin/busybox")


def missing_packages() -> tuple[str, ...]:
    """What this machine lacks, as Debian packages."""
    lacking = [package for program, package in TOOLS.items() if find(program) is None]
    if not BUSYBOX.exists() or not _is_static(BUSYBOX):
        lacking.append("busybox-static")
    return tuple(lacking)


def _is_static(program: Path) -> bool:
    """One that names an interpreter (ld.so) in its header is not."""
    return b"ld-linux" not in program.read_bytes()[:4096]


if __name__ == "__main__":
    print(" ".join(missing_packages()))  # noqa: T201 - for the Makefile
