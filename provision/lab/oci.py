"""Images and a registry's storage folder, written by hand: no engine, no image tools needed.

The formats are Docker's image manifest version 2, schema 2 and the layout of the ``distribution``
registry's file system driver; both have been the same for years.
"""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from provision.lab.stand_ins import PATH, StandIn

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_EPOCH = "2024-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, packed: *diff_id* is the digest before, *digest* the one after compression."""

    packed: bytes
    digest: str
    diff_id: str


def digest(content: bytes) -> str:
    """As registries name content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def pack(folder: Path, below: Path | None = None) -> Layer:
    """The folder as a layer, without what the layer *below* has already.

    Times and owners are fixed, so that the same files give the same digest everywhere.
    """
    plain = BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if below is not None and _in(below / name):
                continue
            archive.addfile(*_entry(archive, path, name))
    raw = plain.getvalue()
    packed = gzip.compress(raw, compresslevel=6, mtime=0)
    return Layer(packed, digest(packed), digest(raw))


def _in(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _entry(archive: tarfile.TarFile, path: Path, name: str) -> tuple[tarfile.TarInfo, Any]:
    entry = archive.gettarinfo(path, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    if entry.islnk():  # files that share an inode: keep it simple, store each
        entry.type, entry.size = tarfile.REGTYPE, path.stat().st_size
    return entry, BytesIO(path.read_bytes()) if entry.isreg() else None


def config(image: StandIn, tag: str, version: str, architecture: str, layers: list[Layer]) -> bytes:
    """What ``docker inspect`` shows of an image."""
    settings: dict[str, Any] = {
        "Env": [PATH, *image.environment],
        "Cmd": list(image.command),
        "Labels": {
            "io.swarmlay.stand-in": f"Debian's {image.package} {version} stands in for "
            f"{image.name}{tag and ':' + tag}"
        },
    }
    optional = {
        "Entrypoint": list(image.entrypoint),
        "ExposedPorts": {port: {} for port in image.ports},
        "Volumes": {volume: {} for volume in image.volumes},
        "StopSignal": image.stop_signal,
        "WorkingDir": image.folder,
    }
    settings.update({key: value for key, value in optional.items() if value})
    return _json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": _EPOCH,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": _EPOCH, "created_by": "swarmlay lab"} for _ in layers],
        }
    )


def manifest(settings: bytes, layers: list[Layer]) -> bytes:
    """What a tag points to."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, settings),
            "layers": [
                {"mediaType": _LAYER, "size": len(layer.packed), "digest": layer.digest}
                for layer in layers
            ],
        }
    )


def storage(
    image: StandIn, manifests: Mapping[str, bytes], blobs: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    """The files of a registry's storage folder for one repository.

    Args:
        image: the repository, below ``library/`` as the Hub has it.
        manifests: tag → manifest.
        blobs: digest → the configs and layers that they name.
    """
    root = f"docker/registry/v2/repositories/library/{image.name}"
    for name, content in blobs.items():
        yield _blob(name), content
        yield f"{root}/_layers/{_slashed(name)}/link", name.encode()
    for tag, content in manifests.items():
        name = digest(content)
        link = name.encode()
        yield _blob(name), content
        yield f"{root}/_manifests/revisions/{_slashed(name)}/link", link
        yield f"{root}/_manifests/tags/{tag}/current/link", link
        yield f"{root}/_manifests/tags/{tag}/index/{_slashed(name)}/link", link


def _blob(name: str) -> str:
    kind, _, value = name.partition(":")
    return f"docker/registry/v2/blobs/{kind}/{value[:2]}/{value}/data"


def _slashed(name: str) -> str:
    return name.replace(":", "/")


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(content), "digest": digest(content)}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
