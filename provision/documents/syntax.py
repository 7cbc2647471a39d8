"""What the YAML parser complains about, in words for somebody who did not write a YAML parser."""

from typing import Final

import yaml as pyyaml

from provision.errors import DocumentError

# What libyaml says → what is meant and what to do.
_WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("found unexpected end of stream", "a quoted text is not closed", "add the closing quote"),
    (
        "did not find expected ',' or '}'",
        "a '{' is not closed, or a ',' is missing",
        "add the '}' or ','",
    ),
    (
        "did not find expected ',' or ']'",
        "a '[' is not closed, or a ',' is missing",
        "add the ']' or ','",
    ),
    (
        "did not find expected key",
        "a key is expected here",
        "check the indentation and the quotes of the lines above",
    ),
    (
        "did not find expected '-' indicator",
        "a '-' is expected here",
        "check the indentation of the list",
    ),
    (
        "mapping values are not allowed",
        "a ':' is not allowed here",
        "quote the text, or check the indentation",
    ),
    ("could not find expected ':'", "a key without ':'", "write 'key: value'"),
    (
        "found character that cannot start any token",
        "this character cannot begin a value",
        "quote the text; indent with spaces, not with tabs",
    ),
    ("found undefined alias", "the alias names no anchor", "define it with & first"),
    ("found undefined tag handle", "the tag is not understood", "remove the tag"),
)


def explained(error: pyyaml.YAMLError, content: str, file: str) -> DocumentError:
    """The parser's error as one of ours."""
    if not isinstance(error, pyyaml.MarkedYAMLError):
        where = place(file, content, getattr(error, "position", 0))
        reason = getattr(error, "reason", error)
        return DocumentError(f"the file is not YAML: {reason}", where=where)
    problem = error.problem or error.context or "not YAML"
    what, hint = next(
        ((ours, hint) for theirs, ours, hint in _WORDS if theirs in problem),
        (f"the file is not YAML: {problem}", ""),
    )
    mark = error.problem_mark or error.context_mark
    where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else f"{file}:1:1"
    return DocumentError(what, where=where, why=_context(error), hint=hint)


def _context(error: pyyaml.MarkedYAMLError) -> str:
    """Where the parser was when it stumbled: for what is not closed, where it was opened."""
    if not error.context or not error.context_mark:
        return ""
    return f"{error.context} that begins at line {error.context_mark.line + 1}"


def place(file: str, text: str, offset: int) -> str:
    """file:line:column of a character."""
    before = text[:offset]
    line = before.count("\n") + 1
    return f"{file}:{line}:{offset - before.rfind(chr(10))}"
