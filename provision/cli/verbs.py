"""Every verb in one table, and a command group that imports a verb only when it is called."""

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True, slots=True)
class Verb:
    """A word of the command line, where its app is, and what it does in a line."""

    name: str
    app: str
    does: str


VERBS: tuple[Verb, ...] = (
    Verb("demo", "provision.cli.demo:app", "Lab, cluster, check and teardown on this machine."),
    Verb("plan", "provision.cli.plan:app", "Show what `up` would change; touches nothing."),
    Verb("up", "provision.cli.up:app", "Plan, ask, apply, observe again, check."),
    Verb("check", "provision.cli.check:app", "Who reaches whom: every host, every network."),
    Verb("status", "provision.cli.status:app", "Hosts, nodes, networks, services at a glance."),
    Verb("down", "provision.cli.down:app", "Remove what swarmlay made; prove nothing is left."),
    Verb("node", "provision.cli.node:app", "Drain, promote, demote, remove, replace a node."),
    Verb("swarm", "provision.cli.swarm:app", "Rotate, unlock, upgrade, backup, restore."),
    Verb("hosts", "provision.cli.hosts:app", "The machines: list, facts, exec, ssh, forget."),
    Verb("inventory", "provision.cli.inventory:inventory_app", "Where hosts come from."),
    Verb("docker", "provision.cli.docker:app", "Run docker on the lead manager."),
    Verb("context", "provision.cli.context:app", "Write a docker context for the lead manager."),
    Verb("logs", "provision.cli.logs:app", "What a bug report needs, a folder a host."),
    Verb("lab", "provision.cli.lab:lab_app", "Real hosts on this machine."),
)


class VerbGroup(TyperGroup):
    """``swarmlay --help`` reads the table; only a verb that is called is imported."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """The verbs, in the table's order."""
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The verb's command, imported now."""
        verb = next((verb for verb in VERBS if verb.name == cmd_name), None)
        if verb is None:
            return None
        module, _, attribute = verb.app.partition(":")
        app = getattr(import_module(module), attribute)
        alone = len(app.registered_commands) == 1 and not app.registered_groups
        command = get_command(app) if alone else get_group(app)
        command.name = verb.name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's
        """The verbs and what they do."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb.name, verb.does) for verb in VERBS])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is meant, or an error that names the nearest one."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no verb {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)
