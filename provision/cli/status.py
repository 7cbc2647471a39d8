"""``swarmlay status``: the cluster at a glance."""

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation

app = typer.Typer(add_completion=False)


@app.command()
@verb
def status(invocation: Invocation) -> int:
    """Show hosts, nodes, networks, services and containers at a glance."""
    from provision.model.facts import Unknown
    from provision.model.report import worst

    inventory = invocation.open_inventory()
    with invocation.connect(inventory) as cluster:
        report = cluster.status()
    invocation.show(report)
    lost = [h for h in report.observed.hosts.values() if isinstance(h.reachable, Unknown)]
    return worst(*(facts.unreachable_exit for facts in lost))
