"""What must not leave in a bug report: tokens, keys, passwords, values that look like them."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from provision.model.secret_text import HIDDEN

# In a name, whole words only at its parts: KEY hides API_KEY and not KEYBOARD or MONKEY.
_WORDS: Final = (
    r"pass|passwd|password|passphrase|pwd|secret|secrets|token|tokens|apikey|key|keys|auth|"
    r"authorization|credential|credentials|cred|creds|jointokens|unlockkey|registryauth|"
    r"identitytoken|dsn|cookie|salt"
)
_PARTS: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_NAMED: Final = re.compile(_WORDS, re.IGNORECASE)
_TEXTS: Final = (
    (re.compile(r"SWM(?:TKN|KEY)-[0-9]+-[A-Za-z0-9+/=_-]+"), HIDDEN),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{6,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"([a-z][a-z0-9+.-]*://[^/\s:@\"']*:)[^@\s\"'/]+@", re.IGNORECASE),
        rf"\1{HIDDEN}@",
    ),
    (
        re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
)
_NAME: Final = re.compile(r"([A-Za-z_][\w.-]*)\\?[\"']?\s*[=:]\s*\\?[\"']?")
_VALUE: Final = re.compile(r"[^\s\"'\\,;}&]+")
# Whole values under these names are data of others, and nothing a bug is found by.
_OPAQUE: Final = frozenset({"data", "content", "contents"})


def redacted(text: str) -> str:
    """*text* without what looks like a secret."""
    for pattern, instead in _TEXTS:
        text = pattern.sub(instead, text)
    return "".join(_without_values(text))


def redacted_data(value: Any, name: str = "") -> Any:
    """JSON-like data without what looks like a secret, by its name or by what it is."""
    if isinstance(value, Mapping):
        return {key: redacted_data(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_data(one, name) for one in value]
    if isinstance(value, str) and value:
        hidden = looks_secret(name) or name.lower() in _OPAQUE
        return HIDDEN if hidden else redacted(value)
    return value


def looks_secret(name: str) -> bool:
    """Whether what has this name is to be hidden."""
    parts = [part for part in _PARTS.split(name) if part]
    joined = [f"{a}{b}" for a, b in pairwise(parts)]
    return any(_NAMED.fullmatch(part) for part in (*parts, *joined))


def _without_values(text: str) -> Iterator[str]:
    """The text in pieces, the values of secret names left out."""
    at = 0
    while found := _NAME.search(text, at):
        yield text[at : found.end()]
        at = found.end()
        value = _VALUE.match(text, at) if looks_secret(found[1]) else None
        if value:
            yield HIDDEN
            at = value.end()
    yield text[at:]
