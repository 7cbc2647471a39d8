"""The user's ssh_config, with Include, as far as swarmlay honours it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import paramiko

from provision.errors import UsageError

_DEEPEST_INCLUDE = 16
_DIRECTIVE = re.compile(r"^\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$")


class UserConfig:
    """What one ssh_config says about hosts; without a file it says nothing."""

    def __init__(self, path: str | None, environment: Mapping[str, str]) -> None:
        self._config = paramiko.SSHConfig()
        if path is None:
            return
        home = environment.get("HOME", "~")
        file = Path(expand(path, environment))
        if not file.exists():
            return
        try:
            text = "\n".join(_lines(file, Path(home) / ".ssh", 0))
            self._config = paramiko.SSHConfig.from_text(text)
        except (OSError, ValueError, paramiko.SSHException) as error:
            raise UsageError(
                "The ssh_config cannot be read", where=str(file), why=str(error)
            ) from error

    def about(self, host: str) -> Mapping[str, str | list[str]]:
        """The settings for *host*, keys in lower case; a list for ``identityfile``."""
        return self._config.lookup(host)


def expand(path: str, environment: Mapping[str, str]) -> str:
    """*path* with a leading ``~`` replaced by the home directory of *environment*."""
    home = environment.get("HOME")
    return home + path[1:] if home and (path == "~" or path.startswith("~/")) else path


def _lines(file: Path, base: Path, depth: int) -> Iterator[str]:
    """The file's lines with those of included files in place of each Include.

    paramiko does not know Include. The enclosing Host or Match line is repeated after it, since
    what follows belongs to that block again.
    """
    if depth > _DEEPEST_INCLUDE:
        raise ValueError("Include is nested too deeply")
    block = "Host *"
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        found = _DIRECTIVE.match(line)
        word, rest = (found[1].lower(), found[2]) if found else ("", "")
        if word == "include":
            for included in _included(rest, base):
                yield from _lines(included, base, depth + 1)
            yield block
            continue
        if word in {"host", "match"}:
            block = line
        yield line


def _included(patterns: str, base: Path) -> Iterator[Path]:
    """The files an Include names; relative ones are relative to ``~/.ssh``."""
    for pattern in patterns.replace('"', "").split():
        absolute = pattern if pattern[:1] in "/~" else str(base / pattern)
        anchored = absolute.replace("~", str(base.parent), 1)
        yield from sorted(p for p in Path("/").glob(anchored.lstrip("/")) if p.is_file())
