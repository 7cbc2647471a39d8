"""``swarmlay node``: one node of the swarm, day two."""

from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.consent import Consent, require_consent
from provision.cli.flags import verb
from provision.cli.invocation import Invocation

if TYPE_CHECKING:
    from provision.plan.nodes import NodeDeed

app = typer.Typer(help="One node of the swarm, day two.", no_args_is_help=True)

_HOST = Annotated[
    str, typer.Argument(metavar="HOST", help="A host of the inventory, or one that left it.")
]
_FORCE = Annotated[
    bool,
    typer.Option("--force", help="Also where the host is dead, or its tasks cannot move."),
]
_RESTART = Annotated[
    bool, typer.Option("--allow-restart", help="Docker may restart where containers run.")
]


@app.command()
@verb
def drain(invocation: Invocation, host: _HOST) -> int:
    """Let no task run there; wait until those that run have moved, or say why they cannot."""
    from provision.api import NodeDeed

    return _carry_out(invocation, NodeDeed("drain", host))


@app.command()
@verb
def activate(invocation: Invocation, host: _HOST) -> int:
    """Let tasks run there again. What moved away does not move back by itself."""
    from provision.api import NodeDeed

    return _carry_out(invocation, NodeDeed("activate", host))


@app.command()
@verb
def promote(invocation: Invocation, host: _HOST) -> int:
    """Make a worker a manager; one that the other managers cannot reach is demoted again."""
    from provision.api import NodeDeed

    return _carry_out(invocation, NodeDeed("promote", host))


@app.command()
@verb
def demote(invocation: Invocation, host: _HOST) -> int:
    """Make a manager a worker, unless that would lose the quorum."""
    from provision.api import NodeDeed

    return _carry_out(invocation, NodeDeed("demote", host))


@app.command()
@verb
def remove(invocation: Invocation, host: _HOST, force: _FORCE = False) -> int:
    """Drain a node, wait for its tasks, let it leave, remove its record and what is ours there."""
    from provision.api import NodeDeed

    return _carry_out(invocation, NodeDeed("remove", host, force=force))


@app.command("replace")
@verb
def replace_(
    invocation: Invocation,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The host whose node goes.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The host that takes over.")],
    playbooks: Annotated[
        list[str] | None,
        typer.Argument(metavar="PLAYBOOK", help="What they want of engine and firewall counts."),
    ] = None,
    *,
    force: _FORCE = False,
    allow_restart: _RESTART = False,
) -> int:
    """Let NEW join with OLD's role and labels; then OLD is drained and removed."""
    from provision import api

    require_consent(invocation, "node replace")
    inventory = invocation.open_inventory()
    desired = api.load(playbooks or [], inventory, env=invocation.environment())
    consent = Consent(invocation, inventory, "Carry out")
    deed = api.Replacement(old, new, force=force)
    with invocation.connect(inventory, allow_restart=allow_restart) as cluster:
        report = api.replace_node(cluster, deed, confirm=consent, desired=desired)
    invocation.show(report, brief=consent.shown)
    return report.exit_code


def _carry_out(invocation: Invocation, deed: "NodeDeed") -> int:
    from provision import api

    require_consent(invocation, f"node {deed.verb}")
    inventory = invocation.open_inventory()
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory) as cluster:
        report = api.change_node(cluster, deed, confirm=consent)
    invocation.show(report, brief=consent.shown)
    return report.exit_code
