"""Questions for a host, one file a subject. To ask more: write a file, add it to `PROBES`."""

from provision.model.probes import Probe
from provision.probes import engine, files, kernel, listeners, network, packages, system

PROBES: tuple[Probe, ...] = (
    system.PROBE,
    kernel.PROBE,
    network.PROBE,
    packages.PROBE,
    engine.PROBE,
    listeners.PROBE,
    files.PROBE,
)
