"""Just enough DER to read the subject of an X.509 certificate.

The names of a node's certificate are all that is wanted; nothing here verifies a signature.
"""

import base64
import binascii
from collections.abc import Iterator

_OBJECT_ID, _VERSION = 0x06, 0xA0
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def subject(pem: str) -> dict[str, str]:
    """The subject's attributes by object identifier; empty where there is no readable one."""
    body = pem.partition(_BEGIN)[2].partition(_END)[0]
    try:
        return dict(_attributes(_subject(base64.b64decode("".join(body.split()), validate=True))))
    except (ValueError, IndexError, StopIteration, binascii.Error):
        return {}


def _subject(certificate: bytes) -> bytes:
    to_be_signed = _inside(_inside(certificate))
    fields = [(tag, value) for tag, value in _items(to_be_signed) if tag != _VERSION]
    _serial, _algorithm, _issuer, _validity, (_, name) = fields[:5]
    return name


def _inside(data: bytes) -> bytes:
    return next(_items(data))[1]


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each element in *data*."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("an element is longer than what holds it")
        yield tag, data[at : at + length]
        at += length


def _attributes(name: bytes) -> Iterator[tuple[str, str]]:
    for _, group in _items(name):
        for _, pair in _items(group):
            (tag, identifier), (_, value) = list(_items(pair))[:2]
            if tag == _OBJECT_ID:
                yield _dotted(identifier), value.decode(errors="replace")


def _dotted(identifier: bytes) -> str:
    numbers, value = [*divmod(identifier[0], 40)], 0
    for byte in identifier[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers, value = [*numbers, value], 0
    return ".".join(map(str, numbers))
