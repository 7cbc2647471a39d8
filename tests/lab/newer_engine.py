"""Debian's engine in a newer version, offered to lab hosts by an apt repository of its own."""

import hashlib
import re
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path

_SOURCE = "/etc/apt/sources.list.d/newer.list"


def build(folder: Path, url: str, *suffixes: str) -> tuple[str, ...]:
    """Make a flat repository of *url*'s package, once with each suffix; the versions come back.

    Args:
        folder: an empty one.
        url: of Debian's package.
        suffixes: what is added to its version, as ``+lab1``.
    """
    original, tree = folder / "original", folder / "tree"
    with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - apt named it
        original.write_bytes(answer.read())
    _run(["dpkg-deb", "-R", str(original), str(tree)])
    original.unlink()
    control = (tree / "DEBIAN" / "control").read_text()
    version = re.search(r"^Version: (.*)$", control, re.MULTILINE)
    assert version
    paragraphs = [_package(folder, tree, control, f"{version[1]}{suffix}") for suffix in suffixes]
    (folder / "Packages").write_text("\n".join(paragraphs))
    return tuple(f"{version[1]}{suffix}" for suffix in suffixes)


def offer(url: str) -> str:
    """The script by which a host learns of the repository at *url*."""
    return f"echo 'deb [trusted=yes] {url} ./' >{_SOURCE}; apt-get update -q >/dev/null"


def _package(folder: Path, tree: Path, control: str, version: str) -> str:
    changed = re.sub(r"^Version: .*$", f"Version: {version}", control, flags=re.MULTILINE)
    (tree / "DEBIAN" / "control").write_text(changed)
    name = f"docker.io_{hashlib.sha256(version.encode()).hexdigest()[:8]}.deb"
    _run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", str(tree), str(folder / name)])
    data = (folder / name).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return f"{changed}Filename: ./{name}\nSize: {len(data)}\nSHA256: {digest}\n"


def _run(words: Sequence[str]) -> None:
    subprocess.run(words, check=True, capture_output=True)
