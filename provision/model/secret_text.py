"""Text that must not be seen: it stands in a plan, and no way of printing the plan shows it."""

from typing import Final

HIDDEN: Final = "<hidden>"


class SecretText:
    """A text whose ``repr`` and ``str`` hide it; only a transport reveals it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other._text == self._text

    def __hash__(self) -> int:
        return hash((SecretText, self._text))

    def __repr__(self) -> str:
        return HIDDEN


NO_TEXT: Final = SecretText("")
