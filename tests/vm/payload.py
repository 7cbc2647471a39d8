"""A disk with swarmlay as it is installed from a wheel, and the lab's caches."""

import subprocess
import sys
from pathlib import Path

from provision.lab.commands import run
from provision.lab.images import ensure_seed
from provision.lab.lifecycle import ignore
from provision.lab.paths import Paths
from provision.lab.rootfs import ensure_rootfs

REPOSITORY = Path(__file__).parents[2]
_PYTHON = "3.11"  # Debian 12's
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "any")


def make(folder: Path, user: Paths) -> Path:
    """The disk image: ``site`` for Python, ``cache`` for the lab."""
    tree, image = folder / "tree", folder / "payload.raw"
    _install(tree / "site", folder)
    for made, kind in (
        (ensure_rootfs("bookworm", user, ignore), "rootfs"),
        (ensure_seed(user, ignore), "images"),
    ):
        shelf = tree / "cache" / "swarmlay" / kind
        shelf.mkdir(parents=True)
        run(["cp", "-a", "--reflink=auto", str(made), str(shelf)])
    run(["truncate", "--size", "4G", str(image)])
    made_of = ("-d", str(tree), "-O", "^metadata_csum,^has_journal", "-m", "0")
    run(["mkfs.ext4", "-q", "-F", *made_of, str(image)])
    run(["rm", "-rf", "--one-file-system", str(tree)])
    return image


def _install(site: Path, folder: Path) -> None:
    """A wheel of the checkout, then the wheel and what it needs, for the machine's Python."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(REPOSITORY))
    wheel = next(folder.glob("swarmlay-*.whl"))
    platforms = (word for name in _PLATFORMS for word in ("--platform", name))
    target = ("--target", str(site), "--python-version", _PYTHON, "--only-binary", ":all:")
    _pip("install", *target, *platforms, str(wheel))


def _pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "-q", *words], check=True, cwd="/")
