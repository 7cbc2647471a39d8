"""What simulated engines share: a clock, ids, the registry, and the swarms they form."""

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from provision.transports.simulated.swarm import Swarm

_START = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """The simulated world; nothing in it depends on the real clock or on chance.

    Attributes:
        images: what registries have, with tag; None: everything.
        second_per_call: how far the clock moves with each request.
    """

    images: set[str] | None = None
    second_per_call: float = 1.0
    swarms: list[Swarm] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _elapsed: float = 0.0
    _made: int = 0

    def tick(self) -> None:
        """Let time pass."""
        self._elapsed += self.second_per_call

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self._elapsed += seconds

    @property
    def epoch(self) -> float:
        """The time: seconds since the epoch."""
        return _START.timestamp() + self._elapsed

    def now(self) -> str:
        """The time as an engine writes it."""
        moment = _START + timedelta(seconds=self._elapsed)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"

    def new_id(self, length: int = 25) -> str:
        """An id that nothing else has."""
        self._made += 1
        return hashlib.sha256(str(self._made).encode()).hexdigest()[:length]

    def has_image(self, image: str) -> bool:
        """Whether a registry has *image*."""
        name = image.partition("@")[0]
        tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
        return self.images is None or tagged in self.images
