"""``swarmlay inventory``: where hosts come from, and what their files may hold."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation, write

if TYPE_CHECKING:
    from provision.model.inventory import Host, Inventory

inventory_app = typer.Typer(help="Where hosts come from.", no_args_is_help=True)


@inventory_app.command()
@verb
def show(invocation: Invocation) -> int:
    """Show the hosts with every setting resolved; nothing is dialled."""
    inventory = invocation.open_inventory()
    write(_json(inventory) if invocation.flags.output == "json" else _text(inventory))
    return 0


@inventory_app.command()
def schema(
    playbook: Annotated[bool, typer.Option("--playbook", help="Of playbooks instead.")] = False,
) -> None:
    """Print the JSON Schema of inventories (or playbooks), for editors."""
    import json

    from provision.load.schema import inventory_schema, playbook_schema

    found = playbook_schema() if playbook else inventory_schema()
    write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _json(inventory: "Inventory") -> str:
    import json

    document = {
        "schema": 1,
        "cluster": inventory.cluster,
        "inventory": inventory.path,
        "hosts": [_host(host) for host in inventory.hosts],
        "groups": {name: list(members) for name, members in inventory.groups.items()},
        "vars": sorted(inventory.vars),
        "registries": sorted(inventory.registries),
        "warnings": list(inventory.warnings),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _host(host: "Host") -> dict[str, Any]:
    """A host as JSON: null is what SSH itself decides. Passwords are not in an inventory."""
    ssh = host.ssh
    return {
        "name": host.name,
        "role": host.role,
        "address": ssh.address,
        "port": ssh.port,
        "user": ssh.user,
        "key": ssh.key,
        "bastion": ssh.bastion,
        "host_key": ssh.host_key,
        "known_hosts": ssh.known_hosts,
        "ssh_config": ssh.ssh_config,
        "connect_timeout": ssh.connect_timeout,
        "wait": ssh.wait,
        "sudo": _sudo(host),
        "private_address": host.private_address,
        "private_interface": host.private_interface,
        "labels": dict(host.labels),
        "engine": host.engine.model_dump(exclude_unset=True) if host.engine else None,
    }


def _sudo(host: "Host") -> str:
    sudo = host.ssh.sudo
    if not sudo.enabled:
        return "no"
    return "asks" if sudo.ask else f"${sudo.password_env}" if sudo.password_env else "yes"


_COLUMNS = ("host", "role", "address", "user", "private", "sudo", "engine", "labels")


def _text(inventory: "Inventory") -> str:
    """The hosts as a table, then what else there is."""
    rows = [_COLUMNS, *(_row(host) for host in inventory.hosts)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    table = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join((f"{inventory.cluster} ({inventory.path})", *table, *_rest(inventory), ""))


def _row(host: "Host") -> tuple[str, ...]:
    ssh = host.ssh
    address = f"[{ssh.address}]" if ":" in ssh.address else ssh.address
    return (
        host.name,
        host.role,
        (f"{address}:{ssh.port}" if ssh.port else ssh.address)
        + (f" via {ssh.bastion}" if ssh.bastion else ""),
        ssh.user or "-",
        host.private_address or host.private_interface or "-",
        _sudo(host),
        host.engine.source if host.engine else "-",
        ",".join(f"{name}={value}" for name, value in host.labels.items()) or "-",
    )


def _rest(inventory: "Inventory") -> Iterator[str]:
    for name, members in inventory.groups.items():
        yield f"group {name}: {', '.join(members)}"
    for warning in inventory.warnings:
        yield f"warning: {warning}"
