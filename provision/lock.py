"""One operator at a time: a lock on every reachable manager, held by an open channel.

The holder runs on the host under flock and reads a heartbeat; after 30 s of silence it exits, so a
sleeping laptop does not lock others out for hours, and a killed one not for longer than that.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from provision.errors import HostError, HostUnreachable, LockHeld, Refused
from provision.model.probes import excerpt
from provision.model.session import Pipe, Session

SILENCE = 30
HEARTBEAT = 5.0
ANSWER = 15.0
FIRST_ANSWER = 60.0
"""A host may take half a minute to start a command at all."""
_NOISE = 100
_WORDS = ("LOCKED", "HELD ", "ERROR ")

_HOLDER = """
file=/run/lock/swarmlay-$1.lock
while :; do
  exec 9>>"$file" || { echo "ERROR cannot open $file"; exit 1; }
  if ! flock -n 9; then echo "HELD $(head -c 300 "$file" | head -n 1)"; exit 0; fi
  # Somebody may have removed the file between open and flock: only the file that is there counts.
  [ "$(stat -Lc %i /proc/self/fd/9 2>/dev/null)" = "$(stat -Lc %i "$file" 2>/dev/null)" ] && break
  exec 9>&-
done
trap 'rm -f "$file"' EXIT
trap 'exit 0' HUP INT TERM PIPE
printf '%s, since %s\\n' "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$file"
echo LOCKED
while IFS= read -r -t "$3" line; do [ "$line" = bye ] && exit 0; echo "$line"; done
"""


@dataclass(slots=True)
class ClusterLock:
    """The lock on every reachable manager; use it as a context manager.

    Args:
        cluster: the cluster's name.
        operator: who holds it and from where, shown to others (``alice@laptop``).
    """

    cluster: str
    operator: str
    _pipes: dict[str, Pipe] = field(default_factory=dict)
    _lost: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _beating: threading.Thread | None = None

    def take(self, managers: Sequence[str], sessions: Mapping[str, Session | HostError]) -> Self:
        """Lock *managers* in name order.

        Raises:
            LockHeld: somebody else has one of them; those taken are given back.
        """
        try:
            for name in sorted(managers):
                session = sessions.get(name)
                if session is not None and not isinstance(session, HostError):
                    self._pipes[name] = self._hold(name, session)
        except BaseException:
            self.release()
            raise
        self._beating = threading.Thread(target=self._beat, daemon=True, name="swarmlay-lock")
        self._beating.start()
        return self

    def check(self) -> None:
        """Raise `Refused` when the lock was lost: called before each action."""
        if self._lost:
            raise Refused(
                f"the lock on {self._lost} was lost: somebody else may be at work",
                hint="run again: what was done stays done",
            )

    def release(self) -> None:
        """Give every lock back; doing so twice is fine."""
        self._stop.set()
        for pipe in self._pipes.values():
            with suppress(HostError, OSError, EOFError):
                pipe.send("bye\n")
            pipe.close()
        self._pipes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _hold(self, name: str, session: Session) -> Pipe:
        words = ("bash", "-c", _HOLDER, "swarmlay-lock", self.cluster, self.operator, str(SILENCE))
        pipe = session.open(words)
        answer = _first_line(pipe)
        if answer == "LOCKED":
            return pipe
        pipe.close()
        if answer.startswith("HELD "):
            holder = answer.removeprefix("HELD ") or "another run"
            raise LockHeld(
                f"cluster {self.cluster} is locked by {holder}",
                where=name,
                hint=f"wait until it has ended; a run that died is forgotten after {SILENCE} s",
            )
        raise Refused(f"cannot lock cluster {self.cluster}", where=name, why=answer or "no answer")

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            for name, pipe in list(self._pipes.items()):
                if not self._stop.is_set() and not _alive(pipe):
                    self._lost = self._lost or name


def _first_line(pipe: Pipe) -> str:
    """The holder's own word; what a login says before (a greeting, a profile) is passed over."""
    said = ""
    try:
        for _ in range(_NOISE):
            line = pipe.readline(FIRST_ANSWER)
            if line is None or line.startswith(_WORDS):
                return line or excerpt(said)
            said = line or said
    except EOFError:
        pass
    return excerpt(said)


def _alive(pipe: Pipe) -> bool:
    try:
        pipe.send("beat\n")
        return pipe.readline(ANSWER) is not None
    except (HostUnreachable, OSError, EOFError):
        return False
