"""Expectations about what gets through: who asks whom, and what the answers must be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provision.checks.expectations.world import LAPTOP, Standing, World
from provision.model.findings import Cell, State
from provision.model.questions import ON_HOST

Arguments = Mapping[str, Any]
KINDS: Final = ("ping", "tcp", "http", "resolve", "isolated")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the laptop (``host`` is ""), a host, or a container on it."""

    label: str
    host: str = ""
    container: Standing | None = None

    @property
    def place(self) -> str:
        """Where the prober asks from."""
        return ON_HOST if self.container is None else f"c{self.container.id[:12]}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing to try; ``words`` are the prober's, ``number`` counts repetitions."""

    asker: Asker
    target: str
    words: tuple[str, ...]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: ``ms`` is None when it did not go well, then ``text`` says why.

    ``asked`` is False when nobody could be asked: then nothing is known, least of all isolation.
    """

    ms: float | None
    text: str
    asked: bool = True


def attempts(kind: str, wanted: Arguments, world: World) -> tuple[Attempt, ...]:
    """What to try, for every asker and every target."""
    return tuple(
        a for asker in askers(wanted, world) for a in _attempts(kind, wanted, asker, world)
    )


def askers(wanted: Arguments, world: World) -> tuple[Asker, ...]:
    """Who is meant by ``from``; nobody when no such container runs and no host is so called."""
    name = wanted["from"]
    if name == LAPTOP:
        return (Asker(LAPTOP),)
    containers = world.named(name)
    if containers:
        return tuple(Asker(c.name, c.host, c) for c in containers)
    return tuple(Asker(host, host) for host in world.hosts(name))


def _attempts(kind: str, wanted: Arguments, asker: Asker, world: World) -> Iterable[Attempt]:
    if kind == "resolve":
        return (Attempt(asker, wanted["name"], ("name", wanted["name"])),)
    if kind == "isolated":
        addresses = _addresses(wanted["to"], asker, world)
        return (Attempt(asker, label, ("ping", a)) for label, a in addresses if _is_address(a))
    targets = _targets(wanted, asker, world)
    words = _words(kind, wanted)
    count = int(wanted.get("count", 1)) if kind == "ping" else 1
    return (
        Attempt(asker, label, (kind, target, *words), number)
        for label, target in targets
        for number in range(count)
    )


def _is_address(text: str) -> bool:
    return all(part.isdigit() for part in text.split("."))


def _words(kind: str, wanted: Arguments) -> tuple[str, ...]:
    if kind == "tcp":
        return (str(wanted["port"]),)
    if kind == "http":
        return (str(wanted.get("port", 80)), str(wanted.get("path", "/")))
    return ()


def _targets(wanted: Arguments, asker: Asker, world: World) -> tuple[tuple[str, str], ...]:
    """(label, name or address): containers go by name where the asker can look it up."""
    to, network = wanted["to"], wanted.get("network")
    containers = world.named(to)
    if network is not None:
        return tuple((c.name, c.addresses[network]) for c in containers if network in c.addresses)
    if containers and asker.container is not None:
        return ((to, to),)
    return _addresses(to, asker, world)


def _addresses(to: str, asker: Asker, world: World) -> tuple[tuple[str, str], ...]:
    containers = world.named(to)
    if containers:
        return tuple((c.name, a) for c in containers for a in c.addresses.values())
    hosts = world.hosts(to)
    if not hosts:
        return ((to, to),)
    if asker.label == LAPTOP:
        return tuple((h, world.inventory.host(h).ssh.address) for h in hosts)
    return tuple((h, world.addresses[h]) for h in hosts if h in world.addresses)


def judge(
    kind: str, wanted: Arguments, made: Sequence[tuple[Attempt, Outcome]], where: str
) -> tuple[Cell, ...]:
    """One cell for each asker and target."""
    if not made:
        return (_nobody(kind, wanted, where),)
    pairs = dict.fromkeys((a.asker.label, a.target) for a, _ in made)
    return tuple(
        _cell(kind, wanted, [o for a, o in made if (a.asker.label, a.target) == pair], pair, where)
        for pair in pairs
    )


def _nobody(kind: str, wanted: Arguments, where: str) -> Cell:
    to = str(wanted.get("to") or wanted.get("name") or "")
    reason = f"{wanted['from']} → {to}: no running container, service or host is so called"
    return Cell("expect", where, kind, wanted["from"], to, State.FAILED, reason=reason)


def _cell(
    kind: str, wanted: Arguments, outcomes: Sequence[Outcome], pair: tuple[str, str], where: str
) -> Cell:
    silent = [o.text for o in outcomes if not o.asked]
    wrong = silent or [why for o in outcomes if (why := _wrong(kind, wanted, o))]
    first = outcomes[0]
    return Cell(
        "expect",
        where,
        kind,
        *pair,
        State.UNKNOWN if silent else State.FAILED if wrong else State.OK,
        expected=_expected(kind, wanted),
        found=_found(kind, first),
        reason=f"{pair[0]} → {pair[1]}: {wrong[0]}" if wrong else "",
        ms=first.ms if kind != "isolated" else None,
    )


def _found(kind: str, outcome: Outcome) -> str:
    fetched = kind == "http" and outcome.ms is not None
    return outcome.text.partition(" ")[0] if fetched else outcome.text


def _expected(kind: str, wanted: Arguments) -> str:
    words = {
        "ping": "answers",
        "tcp": f"port {wanted.get('port')} accepts",
        "http": f"status {wanted.get('status', 200)}",
        "resolve": "is known",
        "isolated": "is not reached",
    }
    return words[kind]


def _wrong(kind: str, wanted: Arguments, outcome: Outcome) -> str:
    if kind == "isolated":
        return "" if outcome.ms is None else "it is reached, and should not be"
    if outcome.ms is None:
        return outcome.text
    if kind == "http":
        return _wrong_page(wanted, outcome.text)
    return _wrong_names(wanted, outcome.text) if kind == "resolve" else ""


def _wrong_page(wanted: Arguments, text: str) -> str:
    status, _, body = text.partition(" ")
    expected = wanted.get("status", 200)
    if status != str(expected):
        return f"status {status}, not {expected}"
    page = bytes.fromhex(body).decode(errors="replace")
    if wanted.get("contains", "") not in page:
        return f"the page does not hold {wanted['contains']!r}"
    return ""


def _wrong_names(wanted: Arguments, text: str) -> str:
    found = [a for a in text.split(",") if a]
    lacking = [a for a in wanted.get("to", ()) if a not in found]
    if lacking:
        return f"resolves to {text}, not to {', '.join(lacking)}"
    count = wanted.get("count")
    return (
        f"resolves to {len(found)} addresses, not {count}"
        if count not in (None, len(found))
        else ""
    )
