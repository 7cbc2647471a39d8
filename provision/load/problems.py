"""Everything that is wrong with a document, collected, so that all of it is reported at once."""

from provision.errors import DocumentError
from provision.model.tree import Node


class Problems:
    """Errors and warnings of one load. Local to it, and gone when it returns."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str], DocumentError] = {}
        self._warnings: dict[str, str] = {}

    def error(self, node: Node, what: str, *, why: str = "", hint: str = "") -> None:
        """Note an error at the place of *node*."""
        self.add(DocumentError(what, where=node.where, why=why, hint=hint))

    def add(self, error: DocumentError) -> None:
        """Note an error once."""
        self._errors.setdefault((error.where, error.what), error)

    def warn(self, text: str, *, once: str = "") -> None:
        """Note a warning once; *once* names what it is about where the text differs each time."""
        self._warnings.setdefault(once or text, text)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, in the order they came."""
        return tuple(self._warnings.values())

    @property
    def any(self) -> bool:
        """Whether there is an error."""
        return bool(self._errors)

    def stop_if_any(self) -> None:
        """Raise the first error in the order of the documents; the others travel with it."""
        if not self._errors:
            return
        first, *others = sorted(self._errors.values(), key=_order)
        raise DocumentError(
            first.what, where=first.where, why=first.why, hint=first.hint, others=others
        )


def _order(error: DocumentError) -> tuple[str, int, int]:
    file, line, column = error.where.rsplit(":", 2)
    return file, int(line), int(column)
