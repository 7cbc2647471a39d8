"""``swarmlay logs``: what a bug report needs."""

from pathlib import Path
from typing import Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation, write

app = typer.Typer(help="What a bug report needs.", no_args_is_help=True)


@app.callback()
def logs() -> None:
    """What a bug report needs."""


@app.command()
@verb
def export(
    invocation: Invocation,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    *,
    lines: Annotated[
        int, typer.Option("--lines", help="Of each journal.", min=1, max=1_000_000)
    ] = 2000,
    archive: Annotated[
        bool, typer.Option("--tar", help="Write DIR.tar.gz in place of the folder.")
    ] = False,
) -> int:
    """Write journals, inspect output, facts and firewall rules, a folder a host; changes nothing.

    Tokens, passwords and what looks like them are hidden; look through it before you send it all
    the same. A host that cannot be reached gets a file with the reason (exit 3).
    """
    from provision.api import day_two

    inventory = invocation.open_inventory()
    with invocation.connect(inventory) as cluster:
        done = day_two.export_logs(cluster, folder, lines=lines, archive=archive)
    invocation.console.close()
    missing = f"; not asked: {', '.join(done.dead)}" if done.dead else ""
    write(f"{done.path}: {done.files} files of {len(inventory.hosts)} hosts{missing}\n")
    return done.exit_code
