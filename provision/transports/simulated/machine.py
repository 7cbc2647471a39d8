"""What a simulated host is beneath its engine, and what it does when scripts and commands come.

It stands in for a Debian host with the verbs' own scripts: each is recognised and its effect is
brought about. A command that is not known ends with 127, as on any host: nothing passes unnoticed.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provision.model.daemon import DAEMON_JSON
from provision.model.probes import Answer
from provision.transports.simulated.describing import DESCRIBED
from provision.transports.simulated.disk import StoredFile
from provision.transports.simulated.filters import Filter
from provision.transports.simulated.manifests import ManifestFile
from provision.transports.simulated.obeying import obey
from provision.transports.simulated.programs import Programs

if TYPE_CHECKING:
    from provision.transports.simulated.cluster import World
    from provision.transports.simulated.engine import SimulatedEngine

_MARK = re.compile(r"^echo '(\w+) clock'", re.MULTILINE)


@dataclass(slots=True)
class Machine:
    """A Debian host in memory.

    Attributes:
        name, address: as others reach it.
        world: the clock, and the swarms of all engines.
        install: puts an engine of a version on the host; remove: takes it away.
        engine: the engine that is there, or None.
        files: by path, shared with the steps that write them.
        packages: name → version. held: packages that do not change. units: what starts at boot.
        clock_offset: how far its clock is from the world's, in seconds.
        garbage: answers that stand in for its own, by probe.
        machines: every machine of the network, by name.
    """

    name: str
    address: str
    world: "World"
    install: Callable[[str], "SimulatedEngine"]
    remove: Callable[[], None]
    engine: Callable[[], "SimulatedEngine | None"]
    files: dict[str, StoredFile]
    machines: dict[str, "Machine"]
    filter: Filter = field(default_factory=Filter)
    packages: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    clock_offset: float = 0.0
    garbage: dict[str, str] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    manifest: ManifestFile = field(init=False)
    programs: Programs = field(init=False)

    def __post_init__(self) -> None:
        self.manifest = ManifestFile(self.files)
        self.programs = Programs(self)

    @property
    def clock(self) -> float:
        """Its clock: seconds since the epoch."""
        return self.world.epoch + self.clock_offset

    @property
    def in_swarm(self) -> bool:
        """Whether its disk says that it is a node; an engine need not run for that."""
        engine = self.engine()
        return engine is not None and engine.state != "inactive"

    @property
    def daemon(self) -> str:
        """daemon.json's text."""
        found = self.files.get(DAEMON_JSON)
        return found.content.decode() if found else ""

    def ask(self, script: str) -> Answer:
        """Answer a script: that of `observe`, or nothing for any other."""
        found = _MARK.search(script)
        if found is None:
            return Answer(0)
        mark = found[1]
        now = f"{mark} clock {int(self.clock * 1e9)}\n"
        names = re.findall(rf"^echo '{mark} begin (\S+)'$", script, re.MULTILINE)
        return Answer(0, now + "".join(self._part(name, mark) for name in names) + now)

    def run(self, words: Sequence[str], stdin: str) -> Answer:
        """Carry out a command."""
        return obey(self, words, stdin)

    def open(
        self, words: Sequence[str]
    ) -> tuple[Callable[[str | None], list[str]], Callable[[], None]]:
        """Start a command that is talked with: what it says to a line, and how it ends."""
        return self.programs.start(words)

    def settings(self) -> dict[str, object]:
        """daemon.json as the engine reads it."""
        found = json.loads(self.daemon or "{}")
        return found if isinstance(found, dict) else {}

    def _part(self, name: str, mark: str) -> str:
        describe = DESCRIBED.get(name)
        code = 0 if describe else 127
        text = self.garbage.get(name, "\n".join(describe(self)) if describe else "not simulated")
        return f"{mark} begin {name}\n{text}\n\n{mark} end {code}\n\n"
