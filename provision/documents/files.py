"""A file → its tree; every way in which reading can fail is one clear error."""

from pathlib import Path

from provision.documents.yaml import BYTES, parse
from provision.errors import DocumentError
from provision.model.tree import Node


def read(path: str | Path, *, shown: str | None = None) -> Node:
    """The tree of a YAML file.

    Args:
        path: where it is.
        shown: how errors name it (the path as the user gave it).

    Raises:
        DocumentError: it cannot be read or is not a document.
    """
    name = str(path) if shown is None else shown
    try:
        with Path(path).open("rb") as file:
            data = file.read(BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    return parse(data, file=name)


def _unreadable(name: str, error: OSError | ValueError) -> DocumentError:
    hint = ""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, FileNotFoundError):
        reason, hint = "there is no such file", "check the path"
    elif isinstance(error, IsADirectoryError):
        reason, hint = "it is a directory", "name a file in it"
    elif isinstance(error, PermissionError):
        hint = "check the permissions of the file and its directory"
    return DocumentError("the file cannot be read", where=name, why=reason, hint=hint)
