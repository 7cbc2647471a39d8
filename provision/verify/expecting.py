"""Playbooks' expectations, asked again and again until they hold or their time is over."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provision.checks.expectations import (
    EVALUATED,
    LAYER,
    TRAFFIC,
    Attempt,
    Outcome,
    attempts,
    judge,
    state,
    within,
)
from provision.model.desired import Expectation
from provision.model.findings import Cell, State
from provision.model.inventory import Inventory
from provision.model.observed import ObservedState
from provision.model.questions import Endpoint, Question
from provision.model.session import Session
from provision.verify import laptop, prober, reading
from provision.verify.crew import Crew

_ROUND = 1.5  # seconds that packets have in one round
_PAUSE = 0.5
_READ = 10.0
_MARGIN = 60.0


def expect(
    expectations: Sequence[Expectation],
    inventory: Inventory,
    observed: ObservedState,
    sessions: Mapping[str, Session],
) -> tuple[Cell, ...]:
    """One or more cells for each expectation, in their order; each is polled until it holds.

    Args:
        expectations: from the playbooks; ``within`` (default 60 s) counts from now.
        inventory: who is meant by selectors.
        observed: which host is which node; engines are read afresh in every round.
        sessions: open sessions, by host.
    """
    if not expectations:
        return ()
    longest = max(within(e) for e in expectations)
    with Crew({h.name: "no connection" for h in inventory.hosts if h.name not in sessions}) as crew:
        crew.start(sessions, "prober", deadline=longest + _MARGIN)
        return _Polling(crew, inventory, observed).until_true(expectations)


@dataclass(slots=True)
class _Polling:
    crew: Crew
    inventory: Inventory
    observed: ObservedState
    _cells: dict[int, tuple[Cell, ...]] = field(default_factory=dict)

    def until_true(self, expectations: Sequence[Expectation]) -> tuple[Cell, ...]:
        began = time.monotonic()
        open_ = dict(enumerate(expectations))
        while open_:
            self._round(open_)
            spent = time.monotonic() - began
            open_ = {
                number: e
                for number, e in open_.items()
                if spent < within(e) and _may_change(e) and not self._holds(number)
            }
            if open_:
                time.sleep(_PAUSE)
        return tuple(cell for number in sorted(self._cells) for cell in self._cells[number])

    def _holds(self, number: int) -> bool:
        return all(cell.state is State.OK for cell in self._cells[number])

    def _round(self, open_: Mapping[int, Expectation]) -> None:
        world = reading.world(self.crew, self.inventory, self.observed, _READ)
        wanted = {
            number: attempts(e.kind, e.arguments, world)
            for number, e in open_.items()
            if e.kind in TRAFFIC
        }
        made = self._try([a for mine in wanted.values() for a in mine])
        for number, expectation in open_.items():
            if number in wanted:
                outcomes = [(a, made[a]) for a in wanted[number]]
                self._cells[number] = judge(
                    expectation.kind, expectation.arguments, outcomes, expectation.where
                )
            else:
                self._cells[number] = (state(expectation, world),)

    def _try(self, wanted: Sequence[Attempt]) -> Mapping[Attempt, Outcome]:
        local = {a: laptop.attempt(a.words) for a in wanted if not a.asker.host}
        remote = [a for a in wanted if a.asker.host]
        places = {a.asker.place: _place(a) for a in remote if a.asker.container is not None}
        entered = prober.enter(self.crew, list(places.values()), _READ)
        closed = {e.key: e.problem for e in entered if e.problem}
        asked = [a for a in remote if a.asker.place not in closed]
        questions = {_question(n, a): a for n, a in enumerate(asked)}
        heard = prober.ask(self.crew, tuple(questions), patience=_ROUND)
        told = {questions[q]: self._outcome(questions[q], h) for q, h in heard}
        shut = {
            a: Outcome(None, closed[a.asker.place], asked=False)
            for a in remote
            if a.asker.place in closed
        }
        return {**local, **told, **shut}

    def _outcome(self, attempt: Attempt, heard: prober.Heard | None) -> Outcome:
        if heard is not None:
            return Outcome(heard.ms, heard.text)
        why = self.crew.lost.get(attempt.asker.host, "no answer")
        return Outcome(None, f"{attempt.asker.host} could not be asked: {why}", asked=False)


def _may_change(expectation: Expectation) -> bool:
    """Time cannot help what is not evaluated."""
    return expectation.kind in EVALUATED


def _place(attempt: Attempt) -> Endpoint:
    container = attempt.asker.container
    if container is None:
        raise AssertionError(attempt)
    address = next(iter(container.addresses.values()), "0.0.0.0")  # noqa: S104 - any of its own
    return Endpoint(container.host, "", attempt.asker.place, container.id, container.name, address)


def _question(number: int, attempt: Attempt) -> Question:
    cell = Cell(LAYER, str(number), "", attempt.asker.host, attempt.target, State.UNKNOWN)
    return Question(attempt.asker.place, attempt.words, cell)
