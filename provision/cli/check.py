"""``swarmlay check``: who reaches whom, on every layer."""

from typing import Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation

app = typer.Typer(add_completion=False)


@app.command()
@verb
def check(
    invocation: Invocation,
    networks: Annotated[
        list[str] | None,
        typer.Argument(metavar="NETWORK", help="Only these overlay networks."),
    ] = None,
) -> int:
    """Show the reachability matrix: every host to every other, over every overlay network."""
    inventory = invocation.open_inventory()
    with invocation.connect(inventory) as cluster:
        report = cluster.check(networks or ())
    invocation.show(report)
    return report.exit_code
