"""``swarmlay plan``: what `up` would change, and what it cannot know."""

from typing import Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation

app = typer.Typer(add_completion=False)
_PENDING = 6

Playbooks = Annotated[
    list[str] | None,
    typer.Argument(metavar="PLAYBOOK", help="Files that say what should be true."),
]


@app.command()
@verb
def plan(
    invocation: Invocation,
    playbooks: Playbooks = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 6 when changes are pending.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Plan as `up --prune` would.")] = False,
) -> int:
    """Show what `up` would change, and what it cannot know. Touches nothing.

    Without a playbook the plan forms the cluster only: engine, ports, swarm.
    """
    from provision import api
    from provision.model.report import worst

    inventory = invocation.open_inventory()
    desired = api.load(playbooks or [], inventory, env=invocation.environment())
    with invocation.connect(inventory, prune=prune) as cluster:
        found = cluster.plan(desired)
    invocation.show(found)
    pending = _PENDING if detailed_exitcode and found.actions else 0
    return worst(*(blocked.exit_code for blocked in found.blocked), pending)
