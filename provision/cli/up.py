"""``swarmlay up``: plan, ask, apply, observe again, check."""

from typing import Annotated

import typer

from provision.cli.consent import Consent, require_consent
from provision.cli.flags import verb
from provision.cli.invocation import Invocation
from provision.cli.plan import Playbooks

app = typer.Typer(add_completion=False)


@app.command()
@verb
def up(
    invocation: Invocation,
    playbooks: Playbooks = None,
    *,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not check reachability at the end.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Go on although ports between hosts are blocked.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what is ours and no playbook wants.")
    ] = False,
    allow_restart: Annotated[
        bool, typer.Option("--allow-restart", help="Docker may restart where containers run.")
    ] = False,
) -> int:
    """Make it true: plan, ask, apply, observe again (the second plan must be empty), check.

    Without a playbook it forms the cluster only: engine, ports, swarm. An interrupted run is
    resumed by running it again.
    """
    from provision import api

    require_consent(invocation, "up")
    invocation.end_gracefully()
    inventory = invocation.open_inventory()
    desired = api.load(playbooks or [], inventory, env=invocation.environment())
    consent = Consent(invocation, inventory, "Apply")
    options = {"force": force, "prune": prune, "allow_restart": allow_restart}
    with invocation.connect(inventory, check=not no_check, **options) as cluster:
        report = cluster.up(desired, confirm=consent)
    invocation.show(report, brief=consent.shown)
    return report.exit_code
