"""``swarmlay demo``: everything once, on this machine: lab, cluster, matrix, teardown."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation
from provision.errors import UsageError

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
    from provision.cli import lab

    playbook = demo_playbook()
    _say("demo: three bare hosts on this machine, a swarm over them, and proof that it works")
    lab.up(name=name, yes=invocation.flags.yes)
    inside = replace(invocation, flags=replace(invocation.flags, inventory=f"lab:{name}", yes=True))
    code = 1
    try:
        code = _cluster(inside, str(playbook), keep=keep)
    finally:
        if not keep:
            lab.down(name=name, yes=True)
    _next(name, playbook, keep=keep)
    return code


def _cluster(invocation: Invocation, playbook: str, *, keep: bool) -> int:
    from provision import api
    from provision.cli.consent import Consent
    from provision.model.report import worst

    inventory = invocation.open_inventory()
    desired = api.load([playbook], inventory, env=invocation.environment())
    with invocation.connect(inventory) as cluster:
        consent = Consent(invocation, inventory, "Apply")
        report = cluster.up(desired, confirm=consent)
    invocation.show(report, brief=consent.shown)
    if keep:
        return report.exit_code
    with invocation.connect(inventory) as cluster:
        consent = Consent(invocation, inventory, "Carry out")
        gone = cluster.down(None, confirm=consent)
    invocation.show(gone, brief=consent.shown)
    return worst(report.exit_code, gone.exit_code)


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
