"""``swarmlay demo``: everything once, on this machine: lab, cluster, matrix, teardown."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.consent import Consent
from provision.cli.flags import verb
from provision.cli.invocation import Invocation
from provision.errors import UsageError
from provision.model.report import worst

if TYPE_CHECKING:
    from provision.model.findings import CheckReport
    from provision.model.report import UpReport

app = typer.Typer(add_completion=False)
_LAB = "demo"
_PLAYBOOK = "overlay.yml"


@app.command()
@verb
def demo(
    invocation: Invocation,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the cluster running.")] = False,
    name: Annotated[str, typer.Option("--name", help="The lab's name.")] = _LAB,
) -> int:
    """Make three hosts on this machine, join them to a swarm, prove the overlay, take it down.

    Needs Linux and root (it asks before it uses sudo).
    """
    playbook = demo_playbook()
    _say("demo: three bare hosts on this machine, a swarm over them, and proof that it works")
    _lab("up", "--name", name, *(["--yes"] if invocation.flags.yes else []))
    inside = replace(invocation, flags=replace(invocation.flags, inventory=f"lab:{name}", yes=True))
    try:
        code, matrix = _cluster(inside, str(playbook), keep=keep)
    finally:
        if not keep:
            _lab("down", "--name", name, "--yes")
    if matrix is not None and invocation.flags.output == "text":
        _say("\ndemo: this is what was seen while the cluster was there\n")
        inside.show(matrix)
    _next(name, playbook, keep=keep)
    return code


def _cluster(
    invocation: Invocation, playbook: str, *, keep: bool
) -> "tuple[int, CheckReport | None]":
    """The exit code, and the matrix to end with."""
    report = _up(invocation, playbook)
    code = report.exit_code if keep else worst(report.exit_code, _down(invocation))
    return code, report.check


def _lab(*words: str) -> None:
    """Run a verb of the lab in a process of its own: without root it becomes sudo, and ends."""
    command = [sys.executable, "-m", "provision.cli", "lab", *words]
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode  # noqa: S603 - ours
    if code:
        raise typer.Exit(code)


def _up(invocation: Invocation, playbook: str) -> "UpReport":
    from provision import api

    inventory = invocation.open_inventory()
    desired = api.load([playbook], inventory, env=invocation.environment())
    consent = Consent(invocation, inventory, "Apply")
    with invocation.connect(inventory) as cluster:
        report = cluster.up(desired, confirm=consent)
    as_text = invocation.flags.output == "text"
    invocation.show(replace(report, check=None) if as_text else report, brief=consent.shown)
    return report


def _down(invocation: Invocation) -> int:
    """Back to bare hosts; with JSON there is one document, the other one."""
    _say("\ndemo: and back to bare hosts")
    quiet = replace(invocation, flags=replace(invocation.flags, quiet=True))
    inventory = invocation.open_inventory()
    with invocation.connect(inventory, purge=True) as cluster:
        report = cluster.down(None, confirm=Consent(quiet, inventory, "Carry out"))
    if invocation.flags.output == "text":
        invocation.show(report, brief=True)
    return report.exit_code


def demo_playbook() -> Path:
    """The playbook of the demo: of the folder one is in, of the package, or of the checkout.

    Raises:
        UsageError: it is in none of them.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (Path.cwd(), package, package.parent):
        if (folder / "playbooks" / _PLAYBOOK).is_file():
            return folder / "playbooks" / _PLAYBOOK
    raise UsageError(f"playbooks/{_PLAYBOOK} is not there", hint="run the demo in a checkout")


def _next(name: str, playbook: Path, *, keep: bool) -> None:
    _say("")
    if not keep:
        _say("The hosts are gone again. To keep them and look around: swarmlay demo --keep")
        return
    _say("What to try next:")
    for words in (
        f"swarmlay status -i lab:{name}",
        f"swarmlay check -i lab:{name}",
        f"swarmlay docker -i lab:{name} -- service ls",
        f"swarmlay hosts ssh -i lab:{name} worker-1",
        f"swarmlay down -i lab:{name} --purge {playbook}",
        f"swarmlay lab down --name {name}",
    ):
        _say(f"  {words}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
