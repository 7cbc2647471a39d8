"""Becoming root: sudo without a password, or with one that is only ever sent on stdin."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provision.errors import AuthenticationFailed
from provision.model.connection import Sudo
from provision.transports.channels import Heard

# Messages are read and shown: they must be in one language whatever the host speaks.
_LOCALE = ("env", "LC_ALL=C.UTF-8")
_MARK = "--swarmlay-begins--"
# Where sudo does not ask (NOPASSWD, a fresh ticket) the password is still in the stream: what
# comes before the mark is thrown away, so it never becomes a line of the script.
_SKIP_TO_MARK = 'while IFS= read -r l && [ "$l" != "$0" ]; do :; done; exec "$@"'
_NO_PASSWORD = re.compile(r"a password is required|a terminal is required|no tty present")
_WRONG = re.compile(r"incorrect password|try again|no password was provided", re.IGNORECASE)
_NOT_ALLOWED = re.compile(r"not in the sudoers|may not run sudo|is not allowed to")
_NO_SUDO = re.compile(r"sudo.{0,3}: (?:command )?not found|sudo.{0,3}: No such file")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An argv that is ready to run, and what goes before its stdin."""

    words: tuple[str, ...]
    preamble: bytes

    @property
    def command(self) -> str:
        """The line for the host's shell: words are quoted here and nowhere else."""
        return shlex.join(self.words)


@dataclass(frozen=True, slots=True)
class Privilege:
    """How commands of one session get root.

    Attributes:
        needed: False where the user is root already or must do without.
        password: asked for when the first command needs it; None where none is configured.
    """

    needed: bool
    password: Callable[[], str] | None = None

    def prepare(self, words: Sequence[str], *, sudo: bool) -> Prepared:
        """*words* with sudo before them, where it is wanted and needed."""
        if not (sudo and self.needed):
            return Prepared((*_LOCALE, *words), b"")
        if self.password is None:
            return Prepared((*_LOCALE, "sudo", "-n", "--", *words), b"")
        guarded = ("sh", "-c", _SKIP_TO_MARK, _MARK, *words)
        line = (*_LOCALE, "sudo", "-S", "-p", "", "--", *guarded)
        return Prepared(line, f"{self.password()}\n{_MARK}\n".encode())

    def judge(self, heard: Heard, *, sudo: bool, where: str) -> None:
        """Raise if it was sudo that failed, not the command."""
        if not (sudo and self.needed) or heard.stdout or heard.exit_code not in {1, 127}:
            return
        said = heard.stderr.decode(errors="replace").strip()
        for pattern, what, hint in _FAILURES:
            if pattern.search(said) and "sudo" in said:
                raise AuthenticationFailed(what, where=where, why=_first_line(said), hint=hint)


_FAILURES = (
    (
        _NO_PASSWORD,
        "sudo wants a password",
        (
            "Give it with `sudo: {password_env: NAME}` or `sudo: {ask: true}` in the inventory, "
            "or allow the user sudo without one (NOPASSWD)."
        ),
    ),
    (_WRONG, "sudo does not take the password", "Check what `sudo: {password_env: …}` names."),
    (_NOT_ALLOWED, "This user may not use sudo", "Use another `user`, or add it to sudoers."),
    (
        _NO_SUDO,
        "The host has no sudo",
        "Install it there, or log in as root (`user: root`).",
    ),
)


def privilege(
    sudo: Sudo,
    user: str,
    environment: Mapping[str, str],
    ask: Callable[[str], str] | None,
    where: str,
) -> Privilege:
    """How *user* becomes root on one host."""
    if not sudo.enabled or user == "root":
        return Privilege(needed=False)
    if sudo.password_env is not None:
        variable = sudo.password_env
        return Privilege(needed=True, password=lambda: _from(environment, variable, where))
    if sudo.ask and ask is None:
        raise AuthenticationFailed(
            "sudo wants a password and nobody can be asked for it",
            where=where,
            hint="Use `sudo: {password_env: NAME}` where there is no terminal.",
        )
    if sudo.ask and ask is not None:
        asking = ask
        return Privilege(needed=True, password=lambda: asking(f"sudo password for {user}: "))
    return Privilege(needed=True)


def with_preamble(preamble: bytes, stdin: Iterable[bytes]) -> Iterator[bytes]:
    """*stdin* after *preamble*."""
    if preamble:
        yield preamble
    yield from stdin


def _from(environment: Mapping[str, str], variable: str, where: str) -> str:
    if variable not in environment:
        raise AuthenticationFailed(
            f"The sudo password should be in {variable}, which is not set",
            where=where,
            hint=f"Set {variable} in the environment.",
        )
    return environment[variable]


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "sudo" in line), lines[0] if lines else "")
