"""A small apt repository, signed and served to lab hosts, laid out as Docker's own is.

Its newest ``docker-ce`` 28 is Debian's engine under Docker's name; the other versions are empty:
they are there to be chosen from, and never to be chosen.
"""

import gzip
import hashlib
import http.server
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ENGINE = ("27.5.1", "28.1.1", "28.5.0", "29.0.0")
CHOSEN = "28.5.0"
NAMES = ("docker-ce", "docker-ce-cli", "containerd.io")
_CONTROL = """Package: {name}
Version: {version}
Architecture: amd64
Maintainer: swarmlay <nobody@example.org>
Depends: {depends}
Description: stands for {name}
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Not to the test's output."""


def build(folder: Path, codename: str, debs: Mapping[str, str]) -> str:
    """Make the repository under ``folder/linux/debian``; its key's fingerprint comes back.

    Args:
        folder: an empty one.
        codename: the distribution's.
        debs: URLs of Debian's packages whose contents stand for Docker's, by Docker's names.
    """
    root = folder / "linux" / "debian"
    packages = root / "dists" / codename / "stable" / "binary-amd64" / "Packages"
    packages.parent.mkdir(parents=True)
    paragraphs = [
        _package(root, name, f"5:{v}-1~debian~{codename}", debs.get(name) if v == CHOSEN else None)
        for name in NAMES
        for v in ENGINE
    ]
    packages.write_text("\n".join(paragraphs))
    packages.with_suffix(".gz").write_bytes(gzip.compress(packages.read_bytes()))
    release = root / "dists" / codename
    (release / "Release").write_text(_release(codename, release, packages))
    return _signed(folder, root, release)


def _package(root: Path, name: str, version: str, url: str | None) -> str:
    """Build one package; its paragraph in Packages comes back."""
    tree = root / "pool" / f"{name}-{version.replace(':', '_')}"
    depends = "containerd, runc" if name == "containerd.io" else "iptables"
    if url:
        depends = _unpacked(url, tree)
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    control = _CONTROL.format(name=name, version=version, depends=depends)
    (tree / "DEBIAN" / "control").write_text(control)
    _run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), f"{tree}.deb"])
    data = Path(f"{tree}.deb").read_bytes()
    path = Path(f"{tree}.deb").relative_to(root)
    return f"{control}Filename: {path}\nSize: {len(data)}\nSHA256: {_sha256(data)}\n"


def _unpacked(url: str, tree: Path) -> str:
    """Unpack somebody's package; what it depends on comes back."""
    tree.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - apt named it
        Path(f"{tree}.theirs").write_bytes(answer.read())
    _run(["dpkg-deb", "-R", f"{tree}.theirs", str(tree)])
    control = (tree / "DEBIAN" / "control").read_text()
    found = re.search(r"^Depends: (.*)$", control, re.MULTILINE)
    assert found
    return found[1]


def _release(codename: str, release: Path, packages: Path) -> str:
    files = [packages, packages.with_suffix(".gz")]
    sums = [
        f" {_sha256(p.read_bytes())} {p.stat().st_size} {p.relative_to(release)}" for p in files
    ]
    head = [f"Suite: {codename}", f"Codename: {codename}", "Components: stable"]
    date = "Date: Thu, 01 Jan 2026 00:00:00 UTC"
    return "\n".join([*head, "Architectures: amd64", date, "SHA256:", *sums, ""])


def _signed(folder: Path, root: Path, release: Path) -> str:
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    _run([*gpg, "--quick-gen-key", "swarmlay lab", "rsa3072", "sign", "never"])
    listed = _run([*gpg, "--list-keys", "--with-colons"])
    (root / "gpg").write_text(_run([*gpg, "--armor", "--export"]))
    _run([*gpg, "--clearsign", "-o", str(release / "InRelease"), str(release / "Release")])
    _run(["gpgconf", "--homedir", str(home), "--kill", "all"])
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))


def sign_anew(folder: Path, codename: str) -> str:
    """Sign the repository with another key, beside the old one's; its fingerprint comes back.

    The key that the repository offers stays the old one: as if somebody had taken the server over.
    """
    root = folder / "linux" / "debian"
    release = root / "dists" / codename
    offered, before = (root / "gpg").read_text(), (release / "InRelease").read_text()
    (folder / "before").mkdir()
    (folder / "before" / "InRelease").write_text(before)
    (release / "InRelease").unlink()
    (folder / "gnupg").rename(folder / "before" / "gnupg")
    other = _signed(folder, root, release)
    (root / "gpg").write_text(offered)
    return other


def sign_as_before(folder: Path, codename: str) -> None:
    """Undo `sign_anew`."""
    signed = folder / "linux" / "debian" / "dists" / codename / "InRelease"
    (folder / "before" / "InRelease").replace(signed)


@contextmanager
def served(folder: Path, address: str) -> Iterator[str]:
    """Serve *folder* to the lab; the base URL comes back."""
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{address}:{server.server_address[1]}/linux"
        server.shutdown()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _run(words: Sequence[str]) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
