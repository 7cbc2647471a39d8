"""``swarmlay swarm``: the swarm as a whole, day two."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.consent import Consent, require_consent
from provision.cli.flags import verb
from provision.cli.invocation import Invocation, write
from provision.cli.plan import Playbooks
from provision.errors import UsageError

if TYPE_CHECKING:
    from provision.model.secret_text import SecretText

app = typer.Typer(help="The swarm as a whole, day two.", no_args_is_help=True)

KEY_VARIABLE = "SWARMLAY_UNLOCK_KEY"
_RESTART = Annotated[
    bool, typer.Option("--allow-restart", help="Docker may restart where containers run.")
]
_STDIN = Annotated[bool, typer.Option("--key-stdin", help="Read the unlock key from stdin.")]
_FILE = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@app.command()
@verb
def rotate(
    invocation: Invocation,
    *,
    worker: Annotated[bool, typer.Option("--worker", help="The join token of workers.")] = False,
    manager: Annotated[bool, typer.Option("--manager", help="The join token of managers.")] = False,
    unlock_key: Annotated[
        bool, typer.Option("--unlock-key", help="The key that unlocks managers.")
    ] = False,
    ca: Annotated[
        bool, typer.Option("--ca", help="The root CA, and with it every certificate.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the new secrets to stdout.")] = False,
) -> int:
    """Make secrets of the swarm anew; without a choice both join tokens. Nothing secret is shown.

    Old join tokens are refused from then on; nodes that have joined stay. A new unlock key is
    written to a file that only you can read, the one before stays beside it.
    """
    from provision.api import day_two

    require_consent(invocation, "swarm rotate")
    if show and invocation.flags.output != "text":
        raise UsageError("--show prints text", hint="leave -o out, or --show")
    named = {"worker": worker, "manager": manager, "unlock_key": unlock_key, "ca": ca}
    wanted = [name for name, chosen in named.items() if chosen] or ["worker", "manager"]
    inventory = invocation.open_inventory()
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory) as cluster:
        rotated = day_two.rotate_swarm(cluster, wanted, confirm=consent)
    invocation.show(rotated.report, brief=consent.shown)
    if show:
        write("".join(f"{name}: {text.reveal()}\n" for name, text in rotated.secrets.items()))
    return rotated.report.exit_code


@app.command()
@verb
def unlock(invocation: Invocation, *, key_stdin: _STDIN = False) -> int:
    """Unlock managers of an autolocked swarm that restarted.

    The key comes from stdin (--key-stdin), the variable SWARMLAY_UNLOCK_KEY, the file that `up`
    or `swarm rotate` wrote, or the terminal; never from the command line, where `ps` shows it.
    """
    from provision.api import day_two

    require_consent(invocation, "swarm unlock")
    inventory = invocation.open_inventory()
    key = unlock_key_of(invocation, inventory.cluster, stdin=key_stdin)
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory) as cluster:
        report = day_two.unlock_swarm(cluster, key, confirm=consent)
    invocation.show(report, brief=consent.shown)
    return report.exit_code


@app.command()
@verb
def upgrade(
    invocation: Invocation,
    playbooks: Playbooks = None,
    *,
    to: Annotated[
        str, typer.Option("--to", help="A version or pattern, as 28.*.", metavar="VERSION")
    ] = "",
    at_once: Annotated[int, typer.Option("--at-once", help="Workers at once.", min=1, max=200)] = 1,
    allow_restart: _RESTART = False,
) -> int:
    """Upgrade the engines, one node after the other, while services go on.

    Managers one at a time, the leader last, then workers: drain, wait until the tasks have moved,
    upgrade, wait until the node is Ready, activate. The first failure stops it, the cluster
    serving; run again, it goes on where it stopped. Without --to: the newest of the source, or
    what inventory and playbooks pin.
    """
    from provision import api
    from provision.api import day_two

    require_consent(invocation, "swarm upgrade")
    inventory = invocation.open_inventory()
    desired = api.load(playbooks or [], inventory, env=invocation.environment())
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory, allow_restart=allow_restart) as cluster:
        report = day_two.upgrade_swarm(
            cluster, confirm=consent, to=to, at_once=at_once, desired=desired
        )
    invocation.show(report, brief=consent.shown)
    return report.exit_code


@app.command()
@verb
def backup(invocation: Invocation, file: _FILE, *, allow_restart: _RESTART = False) -> int:
    """Save the swarm's state (services, networks, configs, secrets, CA) to FILE.

    One manager's engine is stopped for a moment, not the leader's where there is another. FILE
    is as secret as the swarm: it is readable by you only. Volumes are not in it.
    """
    from provision.api import day_two

    require_consent(invocation, "swarm backup")
    inventory = invocation.open_inventory()
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory, allow_restart=allow_restart) as cluster:
        taken = day_two.backup_swarm(cluster, file, confirm=consent)
    invocation.show(taken.report, brief=consent.shown)
    if taken.backup is not None:
        invocation.console.notice(f"{file}: {taken.backup.created}, from {taken.backup.host}")
    return taken.report.exit_code


@app.command()
@verb
def restore(
    invocation: Invocation,
    file: _FILE,
    playbooks: Playbooks = None,
    *,
    key_stdin: _STDIN = False,
    allow_restart: _RESTART = False,
) -> int:
    """Bring a backup back to life on the inventory's hosts, which are in no swarm.

    The first manager gets the state and becomes the swarm's only one; then the others join, as in
    `up`. The inventory says `cluster:` as the old one did.
    """
    from provision import api
    from provision.api import day_two

    require_consent(invocation, "swarm restore")
    inventory = invocation.open_inventory()
    env = invocation.environment()
    desired = api.load(playbooks or [], inventory, env=env)
    locked = day_two.read_backup(file)[0].autolock
    key = unlock_key_of(invocation, inventory.cluster, stdin=key_stdin) if locked else None
    consent = Consent(invocation, inventory, "Carry out")
    with invocation.connect(inventory, allow_restart=allow_restart) as cluster:
        report = day_two.restore_swarm(cluster, file, confirm=consent, key=key, desired=desired)
    invocation.show(report, brief=consent.shown)
    return report.exit_code


def unlock_key_of(invocation: Invocation, cluster: str, *, stdin: bool) -> "SecretText":
    """The key, from where the operator gives it; empty where they give none."""
    from provision.api.keys import known_key
    from provision.model.secret_text import SecretText

    env = invocation.environment()
    if stdin:
        return SecretText(sys.stdin.readline().strip())
    if given := env.variables.get(KEY_VARIABLE, "").strip():
        return SecretText(given)
    known = known_key(env, cluster)
    if known or env.ask_password is None:
        return known
    return SecretText(env.ask_password(f"unlock key of cluster {cluster}").strip())
