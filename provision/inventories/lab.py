"""Hosts of a lab on this machine: their keys are pinned when the lab makes them."""

from pathlib import Path

from provision.errors import UsageError
from provision.model.desired import EngineWanted
from provision.model.inventory import LabSource, Source, SourcedHost, SourcePlaces


class Lab:
    """``source: {lab: NAME}``, or ``-i lab:NAME`` without a file."""

    name = "lab"

    def matches(self, source: Source | None) -> bool:
        """Whether it is a lab."""
        return isinstance(source, LabSource)

    def hosts(self, source: Source | None, places: SourcePlaces) -> tuple[SourcedHost, ...]:
        """The lab's hosts, managers first.

        Raises:
            UsageError: there is no such lab.
        """
        from provision.lab import labs  # noqa: PLC0415 - only where a lab is used
        from provision.lab.paths import Paths  # noqa: PLC0415 - only where a lab is used
        from provision.lab.spec import check_name  # noqa: PLC0415 - only where a lab is used

        assert isinstance(source, LabSource)  # noqa: S101 - `matches` said so
        paths = Paths(state=Path(places.state_dir, "lab"), cache=Path(places.cache_dir))
        lab = labs.read(paths.lab(check_name(source.lab)))
        if lab is None:
            raise UsageError(
                f"there is no lab {source.lab!r}",
                why=f"nothing in {paths.lab(source.lab)}",
                hint=f"make it with: swarmlay lab up --name {source.lab}",
            )
        return tuple(
            SourcedHost(
                name=host.name,
                address=host.address,
                role=host.role,
                user=lab.user,
                key=lab.key,
                host_key="strict",
                known_hosts=lab.known_hosts,
                # Its hosts reach Debian's packages and the lab's images, not Docker's repository.
                engine=EngineWanted(source="distro"),
            )
            for host in lab.hosts
        )


SOURCE = Lab()
