"""What every document model shares: frozen, strict, unknown keys are errors."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

FINGERPRINT: Final = r"^[0-9A-Fa-f]{40}$"
PACKAGE_VERSION: Final = r"^[0-9A-Za-z.*+~:_-]{1,64}$"
URL: Final = r"^https?://[^\s\"'<>\\]{1,500}$"
VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
INTERFACE: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,14}$"

PATTERNS: Final[Mapping[str, str]] = {
    FINGERPRINT: "40 hexadecimal digits",
    PACKAGE_VERSION: "a version, such as 28.5.1 or 28.*",
    URL: "an http or https URL",
    VARIABLE: "the name of an environment variable",
    INTERFACE: "auto, or the name of a network interface",
}
"""What the patterns of fields are called in errors."""


class Document(BaseModel):
    """A mapping of a document, validated: frozen, no unknown keys, no silent coercion."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=False, defer_build=True
    )
