"""Errors a user can act on: what, where, why, and what to do.

    SwarmlayError (1)
    ├── UsageError (2)                 the command line or a file is wrong
    │   └── DocumentError (2)          … at file:line:column
    ├── HostError (3)                  a host could not be reached, authenticated or trusted
    │   ├── HostUnreachable            no route, refused, timed out, lost on the way
    │   ├── AuthenticationFailed       the host is there and does not let us in
    │   └── HostKeyMismatch            somebody else may be answering
    ├── Refused (4)                    it would harm what swarmlay does not own
    │   └── LockHeld (4)               another operator is at work
    ├── ActionFailed (1)               a host said no
    └── Interrupted (130)              Ctrl-C

An error never carries a secret: whoever raises it redacts first.
"""

from collections.abc import Sequence
from typing import ClassVar


class SwarmlayError(Exception):
    """Base of every error raised on purpose.

    Args:
        what: one sentence that says what is wrong.
        where: the host, or file:line:column.
        why: what was observed.
        hint: what to do now.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head} ({self.why})" if self.why else head


class UsageError(SwarmlayError, ValueError):
    """The command line, the inventory or a playbook is wrong."""

    exit_code = 2


class DocumentError(UsageError):
    """A document is wrong; *where* is file:line:column, *others* are further errors in it."""

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        why: str = "",
        hint: str = "",
        others: Sequence["DocumentError"] = (),
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.others = tuple(others)


class HostError(SwarmlayError):
    """A host could not be reached, authenticated or trusted."""

    exit_code = 3


class HostUnreachable(HostError, ConnectionError):
    """No way to the host, or the way broke: the only kind of error that is ever retried."""


class AuthenticationFailed(HostError, PermissionError):
    """The host is there and does not let us in (or sudo does not)."""


class HostKeyMismatch(HostError):
    """The host's key is not the one that was recorded."""


class Refused(SwarmlayError, PermissionError):
    """Done, this would harm what swarmlay does not own."""

    exit_code = 4


class LockHeld(Refused):
    """Another operator holds the cluster's lock."""


class ActionFailed(SwarmlayError):
    """A host carried out a step and it failed."""


class Interrupted(SwarmlayError):
    """Ctrl-C."""

    exit_code = 130
