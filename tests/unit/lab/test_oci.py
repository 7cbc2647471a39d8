"""Images and the registry's folder, written by hand."""

import gzip
import io
import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

from provision.lab import oci
from provision.lab.stand_ins import STAND_INS, workshop_script

IMAGE = replace(STAND_INS[0], volumes=("/data",))


def tree(root: Path) -> Path:
    """A folder with all kinds of entries."""
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr" / "bin" / "tool").write_text("#!/bin/sh\n")
    (root / "usr" / "bin" / "tool").chmod(0o755)
    (root / "usr" / "bin" / "again").hardlink_to(root / "usr" / "bin" / "tool")
    (root / "tmp").mkdir(mode=0o1777)
    return root


def test_a_layer_is_the_same_everywhere(tmp_path: Path) -> None:
    """Times and owners do not count, so that digests can be compared between machines."""
    one, two = oci.pack(tree(tmp_path / "one")), oci.pack(tree(tmp_path / "two"))

    assert one == two
    assert oci.digest(gzip.decompress(one.packed)) == one.diff_id
    with tarfile.open(fileobj=io.BytesIO(one.packed)) as archive:
        entries = {entry.name: entry for entry in archive}
        assert entries["bin"].linkname == "usr/bin"
        assert entries["usr/bin/tool"].mode == 0o755
        assert entries["usr/bin/again"].isreg()
        assert {entry.uid for entry in entries.values()} == {0}


def test_a_layer_leaves_out_what_is_below(tmp_path: Path) -> None:
    """An upper layer has only what it adds."""
    below = tree(tmp_path / "below")
    upper = tree(tmp_path / "upper")
    (upper / "usr" / "bin" / "more").write_text("")

    layer = oci.pack(upper, below)

    with tarfile.open(fileobj=io.BytesIO(layer.packed)) as archive:
        assert archive.getnames() == ["usr/bin/more"]


def test_a_manifest_names_its_parts(tmp_path: Path) -> None:
    """Every digest that a manifest names is a blob of the storage, found by its own digest."""
    layer = oci.pack(tree(tmp_path))
    settings = oci.config(IMAGE, "1.27", "1.26.3-3", "amd64", [layer])
    manifest = oci.manifest(settings, [layer])
    blobs = {layer.digest: layer.packed, oci.digest(settings): settings}

    files = dict(oci.storage(IMAGE, {"latest": manifest}, blobs))

    document = json.loads(manifest)
    for part in (document["config"], *document["layers"]):
        value = part["digest"].removeprefix("sha256:")
        content = files[f"docker/registry/v2/blobs/sha256/{value[:2]}/{value}/data"]
        assert oci.digest(content) == part["digest"]
        assert len(content) == part["size"]
    tag = "docker/registry/v2/repositories/library/nginx/_manifests/tags/latest/current/link"
    assert files[tag].decode() == oci.digest(manifest)


def test_an_image_says_what_it_is(tmp_path: Path) -> None:
    """The label names the Debian package that stands in, so that nobody is misled."""
    shown = json.loads(oci.config(IMAGE, "1.27", "1.26.3-3", "amd64", [oci.pack(tree(tmp_path))]))

    assert shown["config"]["Labels"] == {
        "io.swarmlay.stand-in": "Debian's nginx 1.26.3-3 stands in for nginx:1.27"
    }
    assert shown["config"]["StopSignal"] == "SIGQUIT"
    assert shown["config"]["ExposedPorts"] == {"80/tcp": {}}


def test_stand_ins_have_no_tag_twice() -> None:
    """A tag points to one image; each image has a latest."""
    for image in STAND_INS:
        tags = (*image.tags, *image.versioned)

        assert len(set(tags)) == len(tags)
        assert "latest" in image.tags


def test_the_workshop_is_valid_shell() -> None:
    """It parses."""
    script = workshop_script()

    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
