"""What containers said: the engine frames it, eight bytes before each piece."""

import struct

from provision.transports.docker_operations.asking import Request

_HEADER = struct.Struct(">BxxxL")
_STREAMS = (0, 1, 2)
_LINES = 5
_PATIENCE = 5.0


def last_lines(request: Request, path: str, count: int = _LINES) -> str:
    """The last words, in one line."""
    said = read(request, path, count, min(request.timeout, _PATIENCE))
    return " | ".join(line.strip() for line in said.splitlines() if line.strip())


def read(request: Request, path: str, count: int | str, timeout: float) -> str:
    """The last *count* lines of a log."""
    query = {"stdout": "1", "stderr": "1", "tail": str(count)}
    raw = request.engine.read("GET", path, query=query, timeout=timeout)
    return unframed(raw).decode(errors="replace")


def unframed(raw: bytes) -> bytes:
    """*raw* without its frames; a terminal's output has none."""
    out, rest = bytearray(), raw
    while len(rest) >= _HEADER.size:
        stream, size = _HEADER.unpack_from(rest)
        if stream not in _STREAMS or rest[1:4] != b"\0\0\0":
            return raw
        out += rest[_HEADER.size : _HEADER.size + size]
        rest = rest[_HEADER.size + size :]
    return bytes(out) if out else raw
