"""An error as a person reads it: what, where, why, and what to do."""

from provision.errors import DocumentError, SwarmlayError
from provision.renderers.base import Screen
from provision.renderers.terminal.text import Line, Span, bold, red, wrap


def error_lines(error: SwarmlayError, screen: Screen) -> list[Line]:
    """The error, and those found together with it."""
    lines = _error(error, screen)
    for other in error.others if isinstance(error, DocumentError) else ():
        lines += _error(other, screen)
    return lines


def _error(error: SwarmlayError, screen: Screen) -> list[Line]:
    where = [bold(f"{error.where}: ")] if error.where else []
    lines = wrap((red("error: "), *where, Span(error.what)), screen.width, hang=7)
    if error.why:
        lines += wrap(error.why, screen.width, indent=7)
    if error.hint:
        lines += wrap(f"→ {error.hint}", screen.width, indent=7, hang=9)
    return lines
