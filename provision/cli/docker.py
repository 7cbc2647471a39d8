"""``swarmlay docker -- ARGS``: docker on the lead manager."""

import sys
from typing import Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation, write
from provision.errors import UsageError
from provision.model.actions import Run

app = typer.Typer(add_completion=False)
_PATIENCE = 600.0
_TERMINAL_FLAGS = frozenset({"-it", "-ti", "-t", "--tty"})


@app.command()
@verb
def docker(
    invocation: Invocation,
    args: Annotated[list[str], typer.Argument(help="Words for docker, after --.")],
) -> int:
    """Run docker on the lead manager. `-` among the words feeds it this command's stdin."""
    _refuse_terminal(args)
    inventory = invocation.open_inventory()
    stdin = sys.stdin.read() if "-" in args else None
    with invocation.connect(inventory) as cluster:
        step = Run(("docker", *args), stdin=stdin, timeout=invocation.flags.timeout or _PATIENCE)
        answer = cluster.session(cluster.lead()).do(step, {})
    invocation.console.close()
    write(readable(answer.stdout, invocation.terminal.out))
    sys.stderr.write(readable(answer.stderr, invocation.terminal.err))
    return int(not answer.ok)


def _refuse_terminal(args: list[str]) -> None:
    """A terminal needs a login of its own.

    Raises:
        UsageError: docker is asked for a terminal.
    """
    if {"exec", "run"} & set(args[:2]) and _TERMINAL_FLAGS & set(args):
        words = " ".join(args)
        raise UsageError(
            "there is no terminal on this way", hint=f"swarmlay hosts ssh HOST -- docker {words}"
        )


def readable(text: str, on_terminal: bool) -> str:
    """*text* as it is for a file or pipe, cleaned of terminal sequences for a person."""
    from provision.renderers.terminal.text import clean

    return clean(text) if on_terminal else text
