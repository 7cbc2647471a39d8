"""What is going on, in as few lines as possible: one a stage. Bookkeeping of Events, no output."""

from dataclasses import dataclass, field

from provision.model.actions import Action, Plan
from provision.model.results import Event, Finished, Outcome, Phase, Progress, Result, Started

_TITLES = (
    ("engine", "Docker engine"),
    ("ports", "Firewall rules"),
    ("underlay", "Underlay, every pair of hosts"),
    ("nodes", "Node labels and roles"),
    ("purge", "Traces on the hosts"),
)


@dataclass(slots=True)
class Stage:
    """One line: a phase of the pipeline, or all actions of one kind of resource."""

    title: str
    started: float
    total: int = 0
    text: str = ""
    seconds: float | None = None
    results: list[Result] = field(default_factory=list)
    hosts: dict[str, None] = field(default_factory=dict)

    @property
    def failed(self) -> list[Result]:
        """Results that did not succeed."""
        bad = (Outcome.FAILED, Outcome.SKIPPED)
        return [result for result in self.results if result.outcome in bad]

    @property
    def counts(self) -> str:
        """``2/3``, or the number of hosts once all is done."""
        if self.seconds is None:
            return f"{len(self.results)}/{self.total}" if self.total > 1 else ""
        return f"{len(self.hosts)} hosts" if len(self.hosts) > 1 else "".join(self.hosts)


class Board:
    """Stages that are open, in the order in which they began."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}
        self._open: dict[str, Stage] = {}

    def expect(self, plan: Plan) -> None:
        """Learn which actions there will be."""
        self._actions = {action.id: action for action in plan.actions}

    def action(self, action_id: str) -> Action | None:
        """The planned action with this id."""
        return self._actions.get(action_id)

    @property
    def open(self) -> list[Stage]:
        """Stages that are not over."""
        return list(self._open.values())

    def take(self, event: Event, now: float) -> Stage | None:
        """Note an event; the stage that it ends is handed back."""
        match event:
            case Phase():
                return self._phase(event, now)
            case Started(action=action, host=host):
                self._stage(action, now).hosts[_where(host)] = None
            case Progress(action=action, host=host, text=text):
                self._stage(action, now).text = f"{_where(host)}: {text}"
            case Finished(result=result):
                return self._finished(result, now)
        return None

    def _phase(self, phase: Phase, now: float) -> Stage | None:
        key = f"phase {phase.name}"
        stage = self._open.setdefault(key, Stage(_phase_title(phase), now))
        if phase.seconds is None:
            return None
        stage.title = _phase_title(phase)
        stage.seconds = phase.seconds
        return self._open.pop(key)

    def _stage(self, action_id: str, now: float) -> Stage:
        resource = self._resource(action_id)
        if resource not in self._open:
            alike = [a for a in self._actions if self._resource(a) == resource]
            title = dict(_TITLES).get(resource, resource.capitalize())
            self._open[resource] = Stage(title, now, total=max(len(alike), 1))
        return self._open[resource]

    def _resource(self, action_id: str) -> str:
        action = self._actions.get(action_id)
        return action.resource if action else action_id.split(":")[1 if ":" in action_id else 0]

    def _finished(self, result: Result, now: float) -> Stage | None:
        stage = self._stage(result.action, now)
        stage.results.append(result)
        stage.hosts[_where(result.host)] = None
        if len(stage.results) < stage.total:
            return None
        stage.seconds = now - stage.started
        return self._open.pop(self._resource(result.action))


def _phase_title(phase: Phase) -> str:
    return f"{phase.name.capitalize()}: {phase.text}" if phase.text else phase.name.capitalize()


def _where(host: str) -> str:
    return {"": "cluster", "*": "all hosts"}.get(host, host)
