"""Leads the prober on every node: what containers there are, places to ask from, answers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provision.model.findings import Cell
from provision.model.questions import Endpoint, Question
from provision.verify.crew import Crew

_SLOW = 60.0  # joining a network may take the engine 20 s, twice


@dataclass(frozen=True, slots=True)
class Reply:
    """What one engine said to a read: its JSON, or why there is none."""

    data: Any = None
    problem: str = ""


def read(
    crew: Crew, paths: Mapping[str, Mapping[str, str]], timeout: float
) -> Mapping[str, Mapping[str, Reply]]:
    """Ask each host's engine for some paths of its API: host → tag → reply."""
    asked = {
        host: (*(f"get {tag} {path}" for tag, path in wanted.items()), "ready")
        for host, wanted in paths.items()
    }
    heard = crew.step(asked, "READY", timeout=timeout)
    return {host: dict(_replies(lines)) for host, lines in heard.items()}


def _replies(lines: Iterable[str]) -> Iterable[tuple[str, Reply]]:
    parts: dict[str, str] = {}
    for line in lines:
        verb, _, rest = line.partition(" ")
        tag, _, text = rest.partition(" ")
        if verb == "part":
            parts[tag] = parts.get(tag, "") + text
        elif verb == "got":
            yield tag, _reply(text, parts.get(tag, ""))


def _reply(status: str, body: str) -> Reply:
    if status != "200":
        return Reply(problem=body or f"status {status}")
    try:
        return Reply(json.loads(body))
    except ValueError:
        return Reply(problem="the engine's answer broke off")


def make_probes(
    crew: Crew, wanted: Mapping[str, Sequence[str]], nonce: str
) -> Mapping[str, Mapping[str, Reply]]:
    """Start a container of ours on each network (id) that lacks one: host → id → inspection."""
    asked = {
        host: (f"probe swarmlay-probe-{nonce}-{number} {' '.join(networks)}", "ready")
        for number, (host, networks) in enumerate(wanted.items())
    }
    heard = crew.step(asked, "READY", timeout=_SLOW)
    return {host: dict(_probed(lines)) for host, lines in heard.items()}


def _probed(lines: Sequence[str]) -> Iterable[tuple[str, Reply]]:
    for line in lines:
        verb, _, rest = line.partition(" ")
        network, _, text = rest.partition(" ")
        if verb == "probed":
            yield network, _reply("200", text)
        elif verb == "no-probe":
            yield network, Reply(problem=text)


def enter(crew: Crew, found: Sequence[Endpoint], timeout: float) -> tuple[Endpoint, ...]:
    """Make each endpoint a place to ask from, with a port that echoes."""
    there = [e for e in found if not e.problem]
    asked = {
        host: (
            *(f"container {e.key} {e.container} {e.address}" for e in there if e.host == host),
            "ready",
        )
        for host in dict.fromkeys(e.host for e in there)
    }
    heard = crew.step(asked, "READY", timeout=timeout)
    return tuple(e if e.problem else _entered(e, heard.get(e.host), crew.lost) for e in found)


def _entered(endpoint: Endpoint, lines: Sequence[str] | None, lost: Mapping[str, str]) -> Endpoint:
    for line in lines or ():
        verb, _, rest = line.partition(" ")
        key, _, rest = rest.partition(" ")
        if key == endpoint.key and verb == "endpoint":
            return replace(endpoint, port=int(rest.split()[0]))
        if key == endpoint.key and verb == "no-endpoint":
            return replace(endpoint, problem=rest)
    return replace(endpoint, problem=lost.get(endpoint.host, "no answer"))


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer; ``ms`` is None when it did not go well, then ``text`` says why."""

    ms: float | None
    text: str


def ask(
    crew: Crew, asked: Sequence[Question], *, patience: float
) -> tuple[tuple[Question, Heard | None], ...]:
    """Ask everything at once; None for what a lost host did not answer."""
    mine: dict[str, list[Question]] = {}
    for question in asked:
        mine.setdefault(question.cell.source, []).append(question)
    lines = {
        host: (*(_line(n, q) for n, q in enumerate(questions)), f"go {patience}")
        for host, questions in mine.items()
    }
    heard = crew.step(lines, "DONE", timeout=patience + 5)
    answers = {host: dict(_answers(said)) for host, said in heard.items()}
    return tuple(
        (question, answers.get(host, {}).get(number))
        for host, questions in mine.items()
        for number, question in enumerate(questions)
    )


def _line(number: int, question: Question) -> str:
    return f"ask {number} {question.place} {' '.join(question.words)}"


def _answers(lines: Iterable[str]) -> Iterable[tuple[int, Heard]]:
    for line in lines:
        verb, _, rest = line.partition(" ")
        number, _, text = rest.partition(" ")
        if verb == "ok":
            ms, _, found = text.partition(" ")
            yield int(number), Heard(float(ms), found)
        elif verb == "no":
            yield int(number), Heard(None, text)


def unknown(question: Question, lost: Mapping[str, str]) -> Cell:
    """The cell of a question that was never answered."""
    host = question.cell.source
    return replace(
        question.cell, reason=f"{host} could not be asked: {lost.get(host, 'no answer')}"
    )
