"""A cluster in memory: real operations on a simulated engine, for tests of everything above."""

from provision.transports.simulated.hosts import (
    SimulatedHost,
    SimulatedSession,
    SimulatedTransport,
    StoredFile,
)

__all__ = ["SimulatedHost", "SimulatedSession", "SimulatedTransport", "StoredFile"]
