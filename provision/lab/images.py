"""The seed of the labs' registries: made once, kept in the cache, copied for each lab."""

import hashlib
import inspect
import platform
from pathlib import Path
from shlex import quote

from provision.lab import oci
from provision.lab.commands import run
from provision.lab.labs import LabEvent, OnEvent
from provision.lab.locks import locked
from provision.lab.oci import Layer
from provision.lab.paths import Paths
from provision.lab.rootfs import chroot_shell, ensure_rootfs, private
from provision.lab.spec import Suite
from provision.lab.stand_ins import STAND_INS, StandIn, workshop_script

# Debian 12's busybox crashes on `wget -T`, which health checks use.
SUITE: Suite = "trixie"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "riscv64": "riscv64"}


def ensure_seed(paths: Paths, on_event: OnEvent) -> Path:
    """The cached folder with ``registry`` (storage) and ``tools`` (the registry's program)."""
    shelf = paths.make(paths.cache / "images")
    done = shelf / _name()
    if done.is_dir():
        return done
    root = ensure_rootfs(SUITE, paths, on_event)
    with locked(shelf / ".lock"):
        if not done.is_dir():
            on_event(LabEvent("images", "making nginx, redis, busybox, alpine (once; about 15 s)"))
            _build(root, done)
    return done


def _name() -> str:
    """Another recipe is another folder; how images are packed is part of it."""
    recipe = f"{SUITE}{workshop_script()}{STAND_INS}{inspect.getsource(oci)}"
    return f"seed-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def _build(root: Path, done: Path) -> None:
    fresh = done.with_name(f".{done.name}.new")
    run(["rm", "-rf", "--one-file-system", str(fresh)])
    for name in ("upper", "work", "merged"):
        (fresh / name).mkdir(parents=True)
    run(private(_workshop(root, fresh)), stdin=workshop_script(), timeout=1800)
    workshop = fresh / "upper" / "workshop"
    (workshop / "tools").rename(fresh / "tools")
    _pack_all(workshop, fresh)
    run(["rm", "-rf", *(str(fresh / name) for name in ("upper", "work", "merged"))])
    fresh.rename(done)


def _workshop(root: Path, fresh: Path) -> tuple[str, ...]:
    """A shell in a throw-away copy of the root file system."""
    merged = fresh / "merged"
    layers = f"lowerdir={root},upperdir={fresh}/upper,workdir={fresh}/work"
    mount = f"mount -n -t overlay workshop -o {quote(layers)} {quote(str(merged))}"
    return ("sh", "-c", f"mount -n --make-rprivate / && {mount} && {chroot_shell(merged)}")


def _pack_all(workshop: Path, fresh: Path) -> None:
    base = workshop / "base"
    layers = {
        folder.name: oci.pack(folder, None if folder == base else base)
        for folder in sorted(workshop.iterdir())
        if folder.is_dir()
    }
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    for image in STAND_INS:
        version = (fresh / "tools" / f"{image.package}.version").read_text()
        _write(image, [layers[name] for name in image.layers], version, architecture, fresh)


def _write(
    image: StandIn, layers: list[Layer], version: str, architecture: str, fresh: Path
) -> None:
    blobs = {layer.digest: layer.packed for layer in layers}
    manifests = {}
    for tags, label in ((image.tags, ""), *(((tag,), tag) for tag in image.versioned)):
        settings = oci.config(image, label, version, architecture, layers)
        blobs[oci.digest(settings)] = settings
        manifests.update(dict.fromkeys(tags, oci.manifest(settings, layers)))
    for path, content in oci.storage(image, manifests, blobs):
        file = fresh / "registry" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
