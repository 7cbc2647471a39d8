"""What names, addresses and images may look like: data from files is never anything but data."""

import ipaddress
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""Docker's names, short enough to be a DNS label as well."""
NAME_RULE: Final = "letters, digits, '_', '.' and '-', beginning with a letter or digit, 63 at most"
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?")
INTERFACE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,14}")
LABEL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")
OWN_LABELS: Final = "io.swarmlay."

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_NUMERIC: Final = re.compile(r"[0-9.]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?/)?"
    rf"{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_IMAGE_LENGTH: Final = 400
_TOP_PORT: Final = 65535


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint that names what was probably meant, or what there is."""
    names = sorted(set(known))
    close = get_close_matches(word[:80], names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names[:24])}{', …' if len(names) > 24 else ''}" if names else ""  # noqa: PLR2004


def is_address(text: str) -> bool:
    """Whether it is a host name, an IPv4 or an IPv6 literal."""
    if ":" in text or _NUMERIC.fullmatch(text):
        return is_ip(text)
    return _HOSTNAME.fullmatch(text) is not None


def is_ip(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 literal."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_jump(text: str) -> bool:
    """Whether it is ``[user@]host[:port]``, the host of IPv6 in brackets."""
    user, at, rest = text.rpartition("@")
    if at and not USER.fullmatch(user):
        return False
    host, _, port = _split_port(rest)
    return is_address(host) and (not port or is_port(port))


def _split_port(text: str) -> tuple[str, str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, "", rest.removeprefix(":")
    return text.partition(":") if text.count(":") == 1 else (text, "", "")


def is_port(text: str) -> bool:
    """Whether it is a port number in decimal."""
    return _PORT.fullmatch(text) is not None and 1 <= int(text) <= _TOP_PORT


def is_registry(text: str) -> bool:
    """Whether it is ``HOST[:PORT]``."""
    return "@" not in text and is_jump(text)


def is_image(text: str) -> bool:
    """Whether it is an image reference."""
    return len(text) <= _IMAGE_LENGTH and _IMAGE.fullmatch(text) is not None
