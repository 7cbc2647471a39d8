"""One program on many hosts, led step by step over a pipe to each.

A step is sent to every host before any answer is awaited, so all of them act at the same moment and
the slowest one alone decides how long it takes. A host that falls silent is lost with its reason;
the others go on without it.
"""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Self

from provision.errors import SwarmlayError
from provision.model.session import Pipe, Session

# perl reads its own program from the pipe, so that the rest of the pipe stays for the conversation
# and neither `ps` nor sudo's log shows two hundred lines.
_LOADER = (
    'my($n,$p)=(shift,"");'
    "while(length($p)<$n){sysread(STDIN,$p,$n-length $p,length $p)||exit 3}"
    'eval $p;if($@){$@=~tr/\\n/ /;syswrite STDOUT,"LOST $@\\n"}'
)
_SHELL = (
    "command -v perl >/dev/null 2>&1 || { echo 'LOST perl is not installed'; exit 3; };"
    ' exec perl -e "$0" "$1"'
)
_PARTS = {"underlay": ("prelude", "underlay"), "prober": ("prelude", "engine", "prober")}
_AT_ONCE = 16
_GRACE = 1.0


@cache
def program(name: str) -> str:
    """The perl text of *name*, after what it shares with others."""
    folder = resources.files("provision.verify") / "programs"
    return "".join((folder / f"{part}.pl").read_text("utf-8") for part in _PARTS[name])


@dataclass(slots=True)
class Crew:
    """The hosts on which a program runs now, and why others are out.

    Attributes:
        lost: host → why it is not asked (any more).
    """

    lost: dict[str, str] = field(default_factory=dict)
    _pipes: dict[str, Pipe] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, sessions: Mapping[str, Session], name: str, *, deadline: float) -> None:
        """Start the program on every host; it ends itself after *deadline* seconds."""
        text = program(name)
        opening = f"{text}deadline {int(deadline) + 1}\n"
        with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(sessions)))) as pool:
            for host, pipe in pool.map(lambda s: self._open(s, len(text)), sessions.items()):
                if pipe is not None:
                    self._pipes[host] = pipe
        self._send(dict.fromkeys(self._pipes, (opening,)))

    def step(
        self, lines: Mapping[str, Iterable[str]], until: str, *, timeout: float
    ) -> dict[str, tuple[str, ...]]:
        """Send each host its lines, then hear all of them until each said *until*."""
        asked = {h: [f"{line}\n" for line in said] for h, said in lines.items()}
        self._send(asked)
        end = time.monotonic() + timeout
        heard = {h: self._hear(h, until, end) for h in asked if h in self._pipes}
        return {h: said for h, said in heard.items() if said is not None}

    def close(self) -> None:
        """End the programs: they clean up when their stdin ends."""
        for pipe in self._pipes.values():
            pipe.close()
        self._pipes.clear()

    def _open(self, item: tuple[str, Session], size: int) -> tuple[str, Pipe | None]:
        host, session = item
        try:
            return host, session.open(("sh", "-c", _SHELL, _LOADER, str(size)), sudo=True)
        except SwarmlayError as error:
            self.lost[host] = str(error)
            return host, None

    def _send(self, lines: Mapping[str, Iterable[str]]) -> None:
        for host in [h for h in lines if h in self._pipes]:
            try:
                self._pipes[host].send("".join(lines[host]))
            except SwarmlayError as error:
                self._lose(host, str(error))

    def _hear(self, host: str, until: str, end: float) -> tuple[str, ...] | None:
        said: list[str] = []
        pipe = self._pipes[host]
        why = ""
        while not why:
            try:
                line = pipe.readline(max(_GRACE / 10, end - time.monotonic()))
            except (SwarmlayError, EOFError) as error:
                line, why = "", str(error) or "the probe ended early"
            if line == until:
                return tuple(said)
            if line is None:
                why = "it did not answer in time"
            elif line.startswith("LOST "):
                why = line.removeprefix("LOST ")
            elif line:
                said.append(line)
            elif pipe.closed:
                why = why or "the probe ended early"
        self._lose(host, why)
        return None

    def _lose(self, host: str, why: str) -> None:
        self.lost[host] = why
        self._pipes.pop(host).close()
