"""``swarmlay down``: remove what swarmlay made and prove that nothing is left."""

from typing import Annotated

import typer

from provision.cli.consent import Consent, require_consent
from provision.cli.flags import verb
from provision.cli.invocation import Invocation
from provision.cli.plan import Playbooks

app = typer.Typer(add_completion=False)


@app.command()
@verb
def down(
    invocation: Invocation,
    playbooks: Playbooks = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also what swarmlay installed on the hosts.")
    ] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Also volumes, with what is in them.")
    ] = False,
) -> int:
    """Remove what swarmlay made: everything of the cluster, or the objects of the playbooks given.

    What somebody else made stays. May be run again; hosts that are dead are named.
    """
    from provision import api

    require_consent(invocation, "down")
    invocation.end_gracefully()
    inventory = invocation.open_inventory()
    env = invocation.environment()
    desired = api.load(playbooks, inventory, env=env) if playbooks else None
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory, purge=purge, volumes=volumes) as cluster:
        report = cluster.down(desired, confirm=consent)
    invocation.show(report, brief=consent.shown)
    return report.exit_code
