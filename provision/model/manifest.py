"""What swarmlay brought to a host, listed there *before* it is done.

``/var/lib/swarmlay/manifest.json`` is JSON with one entry a line, so that a POSIX shell can add to
it: a bare host has neither jq nor Python. What was there before is noted by the host itself, at
the moment of listing: a file's original is kept under ``before/``.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from provision.model.actions import Run

DIRECTORY = "/var/lib/swarmlay"
MANIFEST = f"{DIRECTORY}/manifest.json"

Kind: TypeAlias = Literal[
    "package", "hold", "file", "content", "directory", "tree", "group", "unit", "swarm", "setting"
]
_SAFE = re.compile(r"[A-Za-z0-9 @._:/+~=,%-]{1,300}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that swarmlay brings to a host.

    Attributes:
        kind: a ``package``, a ``hold`` on one, a ``file`` or the ``content`` (digest) we gave it, a
            ``directory`` we made, a ``tree`` that others fill for us, a ``group``, a ``unit`` we
            enabled, the ``swarm`` we formed or joined, a ``setting`` that the engine changes.
        name: its name or path.
        detail: what was before (``absent``, ``kept``, ``empty:MODE``), or the digest, or the value.
    """

    kind: Kind
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A host's manifest, read."""

    cluster: str
    entries: tuple[Entry, ...] = ()

    def names(self, kind: Kind) -> tuple[str, ...]:
        """The names of all entries of *kind*."""
        return tuple(entry.name for entry in self.entries if entry.kind == kind)

    @property
    def swarm_id(self) -> str:
        """The id of the swarm that was last listed, or nothing."""
        return next(iter(reversed(self.names("swarm"))), "")


def decode(found: Mapping[str, Any] | None) -> Manifest | None:
    """The manifest from the fact's JSON; entries of kinds not known here are left out."""
    if found is None:
        return None
    kinds = get_args(Kind)
    entries = tuple(
        Entry(entry["kind"], str(entry.get("name", "")), str(entry.get("detail", "")))
        for entry in found.get("entries", ())
        if isinstance(entry, Mapping) and entry.get("kind") in kinds
    )
    return Manifest(str(found.get("cluster", "")), entries)


def file_entry(path: str, content: str) -> Entry:
    """List *path* before *content* is written to it."""
    return Entry("file", path, hashlib.sha256(content.encode()).hexdigest())


# $1 is the cluster, then kind, name and detail of each entry. `has` and `add` work on the lines of
# the old manifest; a file's original and the parents it lacks are noted before anything is made.
FUNCTIONS = r"""
directory=/var/lib/swarmlay
manifest=$directory/manifest.json
has() { grep -qF "{\"kind\":\"$1\",\"name\":\"$2\"" "$lines"; }
add() { printf '{"kind":"%s","name":"%s","detail":"%s"}\n' "$1" "$2" "$3" >>"$lines"; }
note() { has "$1" "$2" || add "$1" "$2" "$3"; }
note_parents() {
    parent=${1%/*}
    [ -n "$parent" ] && [ ! -e "$parent" ] || return 0
    note_parents "$parent"
    parent=${1%/*}
    note directory "$parent" absent
}
note_file() {
    written="{\"kind\":\"content\",\"name\":\"$1\",\"detail\":\"$2\"}"
    [ -z "$2" ] || grep -qF "$written" "$lines" || add content "$1" "$2"
    has file "$1" && return 0
    if [ ! -e "$1" ]; then note_parents "$1"; add file "$1" absent; return 0; fi
    mkdir -p "$directory/before${1%/*}"
    cp -pP "$1" "$directory/before$1"
    add file "$1" kept
}
note_tree() {
    has tree "$1" && return 0
    if [ ! -e "$1" ]; then note_parents "$1"; add tree "$1" absent
    elif [ -z "$(ls -A "$1")" ]; then add tree "$1" "empty:$(stat -c %a "$1")"; fi
}
note_group() {
    has group "$1" || grep -q "^$1:" /etc/group || add group "$1" absent
}
note_setting() {
    has setting "$1" && return 0
    case $1 in
    FORWARD) policy=$(iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p')
        add setting FORWARD "${policy:-ACCEPT}" ;;
    *) path=/proc/sys/$(echo "$1" | tr . /)
        [ ! -r "$path" ] || add setting "$1" "$(cat "$path")" ;;
    esac
}
open_manifest() {
    umask 022
    mkdir -p "$directory"
    lines=$(mktemp "$directory/.lines.XXXXXX")
    trap 'rm -f "$lines" "$lines.json"' EXIT
    [ -e "$manifest" ] || return 0
    owner=$(sed -n '1s/.*"cluster":"\([^"]*\)".*/\1/p' "$manifest")
    if [ "$owner" != "$1" ]; then
        echo "this host is listed by the cluster '$owner' ($manifest), not '$1'" >&2
        exit 4
    fi
    sed -n '/^{"kind"/{s/,$//;p;}' "$manifest" >"$lines"
}
close_manifest() {
    { printf '{"schema":1,"cluster":"%s","entries":[\n' "$1"
      sed '$!s/$/,/' "$lines"; echo ']}'; } >"$lines.json"
    sync "$lines.json"
    mv -f "$lines.json" "$manifest"
    rm -f "$lines"
}
"""
_RECORD = (
    "set -eu\n"
    + FUNCTIONS
    + r"""
cluster=$1; shift
open_manifest "$cluster"
while [ $# -ge 3 ]; do
    case $1 in
    file) note_file "$2" "$3" ;;
    tree) note_tree "$2" ;;
    group) note_group "$2" ;;
    setting) note_setting "$2" ;;
    *) note "$1" "$2" "$3" ;;
    esac
    shift 3
done
close_manifest "$cluster"
"""
)


def record(cluster: str, *entries: Entry) -> Run:
    """The step that lists *entries* on the host; listing what is listed already changes nothing.

    Raises:
        ValueError: a name holds what could not be a name.
    """
    words = [part for entry in entries for part in (entry.kind, entry.name, entry.detail)]
    for word in (cluster, *words):
        if word and not _SAFE.fullmatch(word):
            raise ValueError(f"{word!r} cannot stand in a manifest")
    return Run(("sh", "-s", "--", cluster, *words), stdin=_RECORD)


_FORGET = r"""
set -eu
rm -f /var/lib/swarmlay/manifest.json /var/lib/swarmlay/.lines.*
rm -rf /var/lib/swarmlay/before
rmdir /etc/swarmlay /var/lib/swarmlay 2>/dev/null || true
"""


def forget() -> Run:
    """The step that removes the manifest itself, when everything in it is undone."""
    return Run(("sh", "-s"), stdin=_FORGET)
