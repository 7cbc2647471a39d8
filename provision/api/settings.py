"""What a run is told: options of the operator, and the surroundings it runs in."""

import getpass
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator asked for.

    Attributes:
        parallel: hosts worked on at once.
        limit: a selector: only these hosts are changed.
        force: go on although ports between hosts are blocked.
        prune: remove what we own and no playbook wants.
        allow_restart: Docker may be restarted where containers run.
        check: verify after `up`.
        purge: (down) also remove what the manifest lists. volumes: (down) also volumes.
        timeout: seconds for the whole verb; None: no limit.
    """

    parallel: int = 10
    limit: str | None = None
    force: bool = False
    prune: bool = False
    allow_restart: bool = False
    check: bool = True
    purge: bool = False
    volumes: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """The surroundings of a run, handed in: nothing below reads them by itself.

    Attributes:
        variables: environment variables. state_dir, cache_dir: XDG directories of swarmlay.
        operator: who is at work, shown to others who meet the lock.
        clock: seconds since the epoch. monotonic: seconds for durations.
        ask_password: asks the person at the terminal; None when there is nobody.
        notice: told what the person should see (a host key that was recorded).
    """

    variables: Mapping[str, str]
    cwd: Path
    home: Path
    state_dir: Path
    cache_dir: Path
    operator: str = "somebody"
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    ask_password: Callable[[str], str] | None = None
    notice: Callable[[str], None] | None = field(default=None)

    @classmethod
    def here(cls) -> Self:
        """The surroundings of this process."""
        home = Path.home()
        state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
        cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
        return cls(
            variables=dict(os.environ),
            cwd=Path.cwd(),
            home=home,
            state_dir=state / "swarmlay",
            cache_dir=cache / "swarmlay",
            operator=f"{getpass.getuser()}@{socket.gethostname()}",
        )
