"""Operating systems. To support another one: write a file, add it to `PLATFORMS`."""

from provision.model.observed import OperatingSystem
from provision.model.platform import Platform
from provision.platforms.debian import Debian
from provision.platforms.redhat import RedHat

PLATFORMS: tuple[Platform, ...] = (Debian(), RedHat())


def platform_for(os: OperatingSystem) -> Platform | None:
    """The driver for *os*, or None where there is none."""
    return next((platform for platform in PLATFORMS if platform.runs(os)), None)
