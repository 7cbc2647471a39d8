"""Putting a file on a host: complete and with its mode, or not at all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.errors import ActionFailed
from provision.model.actions import Ref, Upload, WriteFile
from provision.model.probes import Answer
from provision.transports.shell import Shell
from provision.transports.values import text_of

_PIECE = 256 * 1024
_SLOWEST_BYTES_PER_SECOND = 100_000
_PATIENCE = 60.0

# A connection that breaks looks like the end of the file: the size tells the difference.
_INSTALL = """set -eu
umask 022
directory=$(dirname -- "$1")
mkdir -p -- "$directory"
temporary=$(mktemp "$directory/.swarmlay.XXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
cat >"$temporary"
size=$(wc -c <"$temporary")
if [ "$size" -ne "$3" ]; then echo "only $size of $3 bytes arrived" >&2; exit 1; fi
chmod "$2" "$temporary"
if [ -d "$1" ]; then echo "$1 is a directory" >&2; exit 1; fi
mv -f -- "$temporary" "$1"
trap - EXIT
"""


def write_file(shell: Shell, step: WriteFile, values: Mapping[Ref, str]) -> Answer:
    """Carry out a `WriteFile`."""
    content = text_of(step.content, values).encode()
    return _install(shell, step.path, step.mode, (content,), len(content))


def upload(shell: Shell, step: Upload) -> Answer:
    """Carry out an `Upload`."""
    try:
        source = _Pieces(Path(step.source))
        size = source.path.stat().st_size
    except OSError as error:
        raise ActionFailed(
            f"{step.source} cannot be read", where=shell.host, why=error.strerror or str(error)
        ) from error
    return _install(shell, step.path, step.mode, source, size)


def _install(shell: Shell, path: str, mode: int, content: Iterable[bytes], size: int) -> Answer:
    words = ("sh", "-c", _INSTALL, "swarmlay", path, f"{mode:o}", str(size))
    timeout = _PATIENCE + size / _SLOWEST_BYTES_PER_SECOND
    return shell.execute(
        words, content, sudo=True, timeout=timeout, repeatable=True, doing=f"writing {path}"
    )


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A local file, read as it is sent."""

    path: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
