# ruff: noqa: RUF012 - pydantic copies a model's defaults
"""Configs, secrets and volumes of a playbook, in Compose's long forms."""

from typing import Final, Literal

from pydantic import Field

from provision.model.document import Document


class ConfigEntry(Document):
    """A config: from a file, from the playbook itself or from a variable; or made by others.

    Attributes:
        file: relative to the playbook. environment: the name of a variable.
        template_driver: ``golang``: the engine fills in what stands in ``{{ }}``, task by task.
    """

    file: str | None = None
    content: str | None = None
    environment: str | None = None
    external: bool = False
    name: str | None = None
    labels: dict[str, str] = {}
    template_driver: Literal["golang"] | None = None


class SecretEntry(Document):
    """A secret: from a file or from a variable, never from the playbook itself."""

    file: str | None = None
    environment: str | None = None
    external: bool = False
    name: str | None = None
    labels: dict[str, str] = {}
    template_driver: Literal["golang"] | None = None


DEFAULT_MODE: Final = 0o444


class FileReference(Document):
    """A config or secret as a task sees it: a file with an owner and a mode."""

    source: str
    target: str | None = None
    uid: str = "0"
    gid: str = "0"
    mode: int = Field(default=DEFAULT_MODE, ge=0, le=0o7777)


class Volume(Document):
    """A named volume: made on each host by the first mount that names it there."""

    driver: str | None = None
    driver_opts: dict[str, str] = {}
    external: bool = False
    name: str | None = None
    labels: dict[str, str] = {}
