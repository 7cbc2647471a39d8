"""Steps carried out on a lab host, one after the other, as `apply` would."""

from collections.abc import Iterable

from provision.model.actions import Step
from provision.model.probes import Answer
from provision.model.session import Session


def carry_out(session: Session, steps: Iterable[Step]) -> list[Answer]:
    """Every step must be accepted."""
    answers = []
    for step in steps:
        answer = session.do(step, {})
        accepted = getattr(step, "accepts", frozenset({0}))
        assert answer.exit_code in accepted, f"{step}: {answer.stdout}{answer.stderr}"
        answers.append(answer)
    return answers
