"""A node's certificate as far as anyone reads it: its subject, in DER, unsigned."""

import base64

_ORGANISATION, _UNIT, _NAME = b"\x55\x04\x0a", b"\x55\x04\x0b", b"\x55\x04\x03"
_SEQUENCE, _SET, _OBJECT_ID, _TEXT = 0x30, 0x31, 0x06, 0x0C
_SHORT = 0x80


def node_certificate(cluster: str, role: str, node: str) -> str:
    """What ``swarm-node.crt`` says of a node: whose it is, what it may, who it is."""
    pairs = ((_ORGANISATION, cluster), (_UNIT, f"swarm-{role}"), (_NAME, node))
    name = _der(_SEQUENCE, *(_attribute(kind, text) for kind, text in pairs))
    serial, empty = b"\x02\x01\x01", _der(_SEQUENCE)
    body = _der(_SEQUENCE, serial, empty, empty, empty, name)
    text = base64.b64encode(_der(_SEQUENCE, body)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"


def _attribute(kind: bytes, text: str) -> bytes:
    return _der(_SET, _der(_SEQUENCE, _der(_OBJECT_ID, kind), _der(_TEXT, text.encode())))


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < _SHORT:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT | len(length))) + length + body
