"""The gate before a swarm is formed: ports between hosts, as a result that stops the run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provision.model.context import UNDERLAY_ID
from provision.model.desired import DesiredState
from provision.model.findings import Cell, State
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.model.results import Outcome, Result
from provision.model.session import Session
from provision.plan.addresses import choose


@dataclass(frozen=True, slots=True)
class UnderlayGate:
    """Everything the ports check needs."""

    inventory: Inventory
    observed: ObservedState
    desired: DesiredState
    sessions: Mapping[str, Session]

    def cells(self) -> tuple[Cell, ...]:
        """One cell per ordered pair and port."""
        from provision.checks.underlay import UnderlayHost  # noqa: PLC0415 - only where it is asked
        from provision.verify import underlay  # noqa: PLC0415

        hosts = [h for h in self.inventory.hosts if h.name in self.sessions]
        chosen = choose(hosts, self.observed.hosts, self.desired.swarm.advertise)
        address = {a.host: a.address for a in chosen}
        asked = [UnderlayHost(h.name, h.is_manager, address[h.name]) for h in hosts]
        return underlay(
            asked,
            self.sessions,
            data_path_port=self.desired.swarm.data_path_port,
            encrypted=any(n.encrypted for n in self.desired.networks.values()),
        )

    def result(self) -> Result:
        """Unchanged when every pair is open; else failed, naming pair, port and who blocks."""
        cells = self.cells()
        closed = [c for c in cells if c.state in (State.FAILED, State.UNKNOWN)]
        lead = self.inventory.managers[0].name
        if not closed:
            return Result(UNDERLAY_ID, lead, Outcome.UNCHANGED)
        hints = dict.fromkeys(c.hint for c in closed if c.hint)
        return Result(
            UNDERLAY_ID,
            lead,
            Outcome.FAILED,
            cause="\n".join([f"{len(closed)} of {len(cells)} paths are blocked", *_told(closed)]),
            hint="\n".join([*hints, "--force goes on all the same"]),
            exit_code=5,
        )


def _told(closed: Sequence[Cell]) -> Iterator[str]:
    """One sentence a port with its first pair, then the other pairs by name."""
    for probe in dict.fromkeys(c.probe for c in closed):
        first, *others = [c for c in closed if c.probe == probe]
        yield first.reason
        if others:
            pairs = [f"{c.source} → {c.target}" for c in others]
            yield f"the same for {probe}: {', '.join(pairs)}"


def underlay_gate(
    inventory: Inventory,
    observed: ObservedState,
    desired: DesiredState,
    sessions: Mapping[str, Session],
) -> UnderlayGate:
    """The gate over the hosts that can be asked."""
    return UnderlayGate(inventory, observed, desired, sessions)
