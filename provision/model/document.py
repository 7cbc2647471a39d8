"""What every document model shares: frozen, strict, unknown keys are errors."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A mapping of a document, validated: frozen, no unknown keys, no silent coercion."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=False, defer_build=True
    )
