"""``swarmlay hosts``: the machines themselves."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation, write
from provision.errors import HostError, UsageError

if TYPE_CHECKING:
    from provision.api import ClusterSession
    from provision.model.inventory import Host, Inventory
    from provision.model.probes import Answer

app = typer.Typer(help="The machines themselves.", no_args_is_help=True)

_HOST = Annotated[str, typer.Argument(metavar="HOST", help="A host of the inventory.")]
_SELECTOR = Annotated[
    str, typer.Argument(metavar="SELECTOR", help="A host, a group, managers, workers[0], all.")
]
_WORDS = Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run.")]


@app.command("list")
@verb
def list_hosts(invocation: Invocation) -> int:
    """List the inventory's hosts; nothing is dialled."""
    from provision.renderers.base import HostsReport

    invocation.show(HostsReport(invocation.open_inventory()))
    return 0


@app.command()
@verb
def facts(invocation: Invocation) -> int:
    """Show what can be observed of each host."""
    from provision.model.facts import Unknown
    from provision.model.report import worst
    from provision.renderers.base import FactsReport

    inventory = invocation.open_inventory()
    with invocation.connect(inventory) as cluster:
        observed = cluster.facts()
    invocation.show(FactsReport(inventory.cluster, observed))
    lost = [h for h in observed.hosts.values() if isinstance(h.reachable, Unknown)]
    return worst(*(host.unreachable_exit for host in lost))


@app.command("exec")
@verb
def exec_(
    invocation: Invocation,
    selector: _SELECTOR,
    command: _WORDS,
    sudo: Annotated[bool, typer.Option("--sudo", help="As root.")] = False,
) -> int:
    """Run a command on hosts, all at once, and show what each said."""
    from provision.renderers.base import ExecReport

    inventory = invocation.open_inventory()
    hosts = [host.name for host in selected(inventory, selector)]
    with invocation.connect(inventory) as cluster:
        answers = _everywhere(cluster, hosts, command, sudo)
    report = ExecReport(inventory.cluster, answers)
    invocation.show(report)
    return report.exit_code


def _everywhere(
    cluster: "ClusterSession", hosts: Sequence[str], command: Sequence[str], sudo: bool
) -> "dict[str, Answer | HostError]":
    def one(host: str) -> "Answer | HostError":
        try:
            return cluster.exec(host, command, sudo=sudo)
        except HostError as error:
            return error

    _ = cluster.sessions  # all are dialled at once, here
    with ThreadPoolExecutor(max_workers=cluster.options.parallel) as pool:
        return dict(zip(hosts, pool.map(one, hosts), strict=True))


@app.command()
@verb
def ssh(
    invocation: Invocation,
    host: _HOST,
    command: Annotated[list[str] | None, typer.Argument(help="What to run there.")] = None,
) -> int:
    """Log in to a host with the system's ssh, its key pinned as for every verb."""
    from provision.cli.ssh_words import ssh_words

    target = one_host(invocation.open_inventory(), host).ssh
    words = ssh_words(target, invocation.environment().variables)
    os.execvp(words[0], [*words, *(command or [])])  # noqa: S606 - words; ssh takes over


@app.command()
@verb
def forget(invocation: Invocation, host: _HOST) -> int:
    """Forget the recorded key of a host that was made anew."""
    from provision.transports.ssh import forget as forget_key

    target = one_host(invocation.open_inventory(), host).ssh
    had = forget_key(target.known_hosts, target, invocation.environment().variables)
    said = "its recorded key is forgotten" if had else "there was no key on record"
    write(f"{host}: {said}\n")
    return 0


def selected(inventory: "Inventory", selector: str) -> "tuple[Host, ...]":
    """The hosts a selector names.

    Raises:
        UsageError: it names none.
    """
    hosts = inventory.select(selector)
    if not hosts:
        names = ", ".join(["all", "managers", "workers", *(h.name for h in inventory.hosts)])
        raise UsageError(f"{selector!r} names no host", where=inventory.path, hint=f"try {names}")
    return hosts


def one_host(inventory: "Inventory", selector: str) -> "Host":
    """The one host a selector names.

    Raises:
        UsageError: it names none, or several.
    """
    host, *others = selected(inventory, selector)
    if others:
        raise UsageError(f"{selector!r} names {1 + len(others)} hosts", hint="name one of them")
    return host
