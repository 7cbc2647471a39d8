"""Running one command: its words, environment and stdin."""

from collections.abc import Mapping

from provision.model.actions import Ref, Run
from provision.model.probes import Answer
from provision.transports.shell import Shell
from provision.transports.values import text_of, words_of

_GRACE = 10.0


def run(shell: Shell, step: Run, values: Mapping[Ref, str]) -> Answer:
    """Carry out a `Run` that lives and dies with the connection."""
    words = ("timeout", "-k", "5", f"{step.timeout:g}", *argv(step, values))
    return shell.execute(
        words,
        stdin_of(step, values),
        sudo=step.sudo,
        timeout=step.timeout + _GRACE,
        repeatable=False,
    )


def argv(step: Run, values: Mapping[Ref, str]) -> tuple[str, ...]:
    """The step's words, with env(1) before them where it sets variables."""
    variables = tuple(f"{name}={value}" for name, value in sorted(step.environment.items()))
    words = words_of(step.words, values)
    return ("env", *variables, *words) if variables else words


def stdin_of(step: Run, values: Mapping[Ref, str]) -> tuple[bytes, ...]:
    """What the command reads."""
    return () if step.stdin is None else (text_of(step.stdin, values).encode(),)
