"""Running the machine's own tools: lists of words, never a shell string."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from provision.errors import ActionFailed

# Fixed, so that tools are found where Debian keeps root's from every user's shell, and so that
# what they print does not depend on the user's language.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
}
# What we started ends with us: a later `lab down` need not fear that something still works.
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
_TAIL = 12
_LAST_LINES = 5


def find(program: str) -> str | None:
    """Where the machine has *program*, if it has."""
    return shutil.which(program, path=ENVIRONMENT["PATH"])


def run(words: Sequence[str], stdin: str | None = None, timeout: float = 600) -> str:
    """Run *words* on the machine and return what they print.

    Raises:
        ActionFailed: they failed, or the machine does not know the first of them.
    """
    answer = attempt(words, stdin, timeout)
    if answer.returncode == 0:
        return answer.stdout
    tail = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-_TAIL:]
    raise ActionFailed(
        f"`{' '.join(words)}` failed on this machine",
        why="; ".join(tail) or f"exit code {answer.returncode}",
    )


def attempt(
    words: Sequence[str], stdin: str | None = None, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run *words* and leave it to the caller to judge the exit code.

    Raises:
        ActionFailed: the machine does not know the first of them, or it hangs.
    """
    if find(words[0]) is None:
        raise ActionFailed(f"this machine has no `{words[0]}`")
    try:
        return subprocess.run(
            [*_WITH_US, *words],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env=ENVIRONMENT,
        )
    except subprocess.TimeoutExpired as error:
        raise ActionFailed(f"`{words[0]}` hangs", why=f"no end after {timeout:.0f} s") from error


def succeeds(words: Sequence[str]) -> bool:
    """Whether *words* end with exit code 0."""
    return attempt(words).returncode == 0


def launch(words: Sequence[str], log: Path) -> None:
    """Start what outlives us, in a session of its own, with its words appended to *log*.

    Raises:
        ActionFailed: it cannot be started.
    """
    with log.open("ab") as words_of_it:
        started = subprocess.run(
            ["setsid", "--fork", *words],
            stdin=subprocess.DEVNULL,
            stdout=words_of_it,
            stderr=words_of_it,
            cwd="/",
            env=ENVIRONMENT,
            check=False,
        )
    if started.returncode:
        raise ActionFailed(f"cannot start `{words[0]}`", why=last_words(log))


def last_words(log: Path) -> str:
    """The last lines of a log."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
    except OSError:
        lines = []
    return "; ".join(lines) or "nothing was logged"
