"""What an operating system's driver must answer."""

from dataclasses import dataclass
from typing import Protocol

from provision.model.actions import Step
from provision.model.desired import EngineWanted
from provision.model.manifest import Manifest
from provision.model.observed import HostFacts, OperatingSystem


@dataclass(frozen=True, slots=True)
class Work:
    """Steps for one purpose, and what a person would type for the same effect."""

    steps: tuple[Step, ...]
    commands: tuple[str, ...]


class Platform(Protocol):
    """An operating system on which engines can be installed, set up and removed."""

    @property
    def name(self) -> str:
        """A word for the reader."""
        ...

    def runs(self, os: OperatingSystem) -> bool:
        """Whether this driver is the one for *os*."""
        ...

    def refuses(self, facts: HostFacts, wanted: EngineWanted) -> str:
        """Why no engine can be installed on this host; "" when it can."""
        ...

    def install(
        self,
        facts: HostFacts,
        wanted: EngineWanted,
        cluster: str,
        *,
        daemon_text: str | None = None,
        proxy_text: str | None = None,
    ) -> Work:
        """From whatever is there to an engine that runs and starts with the host.

        Settings are written before the engine first starts. Running it again after an
        interruption completes it.
        """
        ...

    def configure(
        self, cluster: str, *, daemon_text: str | None = None, proxy_text: str | None = None
    ) -> Work:
        """Write those texts that are not None ("": no proxies) and restart the engine."""
        ...

    def start(self) -> Work:
        """Start an engine that is installed and stopped, now and at boot."""
        ...

    def purge(self, manifest: Manifest, *, volumes: bool = False) -> Work:
        """Undo everything the host's manifest lists, and the manifest.

        The last step captures ``residue``: a line for all that stays, with the reason.
        """
        ...
