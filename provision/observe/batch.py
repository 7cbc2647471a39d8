"""Many probes in one script, and their answers taken apart again.

Each probe runs in a shell of its own under timeout(1), and what it prints is bounded: a probe that
hangs, floods or fails costs only its own fact. A random mark separates the answers, so nothing a
host prints can pass for another probe's answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.model.facts import Fact, Unknown
from provision.model.probes import Answer, Probe, excerpt

LIMIT = 1 << 20
_TIMED_OUT = frozenset({124, 137})


@dataclass(frozen=True, slots=True)
class Batch:
    """The answers of one host: a fact per probe, and its clock as the script began and ended."""

    facts: Mapping[str, Fact[Any]]
    began: float | None = None
    ended: float | None = None


def batch(probes: Sequence[Probe], mark: str) -> str:
    """One script that asks all *probes* and prints their answers between *mark* lines."""
    now = f"echo '{mark} clock' $(date +%s%N)\n"
    head = "export LC_ALL=C PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin\n"
    return head + now + "".join(_part(probe, mark) for probe in probes) + now


def _part(probe: Probe, mark: str) -> str:
    return (
        f"echo '{mark} begin {probe.name}'\n"
        f"{{ timeout -k 1 {probe.deadline} sh 2>&1; printf '\\n%s\\n' '{mark} end '$?; }} "
        f"<<'{mark}' | head -c {LIMIT}\n{probe.script.strip()}\n{mark}\necho\n"
    )


def unbatch(probes: Sequence[Probe], mark: str, stdout: str) -> Batch:
    """Hand each probe its own answer; what is missing, cut off or late is Unknown."""
    answers: dict[str, str] = {}
    for chunk in stdout.split(f"{mark} begin ")[1:]:
        name, _, body = chunk.partition("\n")
        answers.setdefault(name, body)
    facts = {probe.name: _fact(probe, mark, answers.get(probe.name)) for probe in probes}
    times = [_seconds(part) for part in stdout.split(f"{mark} clock ")[1:]]
    began, ended = times if len(times) == 2 else (None, None)  # noqa: PLR2004 - begin and end
    return Batch(facts, began, ended)


def _seconds(text: str) -> float | None:
    digits = text.partition("\n")[0].strip()
    return int(digits) / 1e9 if digits.isascii() and digits.isdigit() else None


def _fact(probe: Probe, mark: str, text: str | None) -> Fact[Any]:
    if text is None:
        return Unknown("the host did not answer")
    body, ended, rest = text.partition(f"\n{mark} end ")
    code = rest.partition("\n")[0].strip()
    if not ended or not code.isdigit():
        many = len(body) >= LIMIT // 4
        return Unknown("its answer has no end" if many else "its answer was cut off")
    if int(code) in _TIMED_OUT:
        return Unknown(f"no answer within {probe.deadline} s")
    return _parsed(probe, Answer(int(code), body))


def _parsed(probe: Probe, answer: Answer) -> Fact[Any]:
    try:
        return probe.parse(answer)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        words = excerpt(answer.stdout) or f"nothing, exit code {answer.exit_code}"
        return Unknown(f"its answer makes no sense ({excerpt(str(error), 60)}): {words}")
