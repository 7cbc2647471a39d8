"""``swarmlay context``: the operator's own docker command talks to the lead manager."""

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer

from provision.cli.flags import verb
from provision.cli.invocation import Invocation, write
from provision.errors import ActionFailed

if TYPE_CHECKING:
    from provision.api import ClusterSession
    from provision.model.connection import SshTarget

app = typer.Typer(add_completion=False)
_PATIENCE = 60.0


@app.command()
@verb
def context(
    invocation: Invocation,
    *,
    use: Annotated[bool, typer.Option("--use", help="Make it docker's current one.")] = False,
    dry_run: Annotated[bool, typer.Option("--print", help="Print the commands, run none.")] = False,
) -> int:
    """Write a docker context, swarmlay-CLUSTER, for the lead manager over SSH.

    Docker uses the system's ssh and its ~/.ssh/config: what it does not know of the host (key,
    bastion, host key) is printed as lines for it. Without docker here, the command is printed.
    """
    inventory = invocation.open_inventory()
    with invocation.connect(inventory) as cluster:
        lead = cluster.lead()
        may = _may_use_docker(cluster, lead)
    invocation.console.close()
    target, name = inventory.host(lead).ssh, f"swarmlay-{inventory.cluster}"
    lines = ssh_lines(target, name)
    if lines:
        write("# for ~/.ssh/config\n" + lines + "\n")
    if not may:
        user = target.user or "the user"
        invocation.console.notice(
            f"{user} cannot open docker's socket on {lead}: `sudo usermod -aG docker {user}`"
        )
    words = create_words(name, url(target, name if lines else ""))
    if dry_run or shutil.which("docker") is None:
        write(shlex.join(words) + "\n" + (shlex.join(_use(name)) + "\n" if use else ""))
        return 0
    _create(name, words)
    if use:
        _docker(_use(name))
    write(f"{name}: docker --context {name} node ls\n")
    return 0


def url(target: "SshTarget", alias: str) -> str:
    """Where docker finds the engine; *alias* is the host's name in ~/.ssh/config."""
    user = f"{target.user}@" if target.user else ""
    if alias:
        return f"ssh://{user}{alias}"
    host = f"[{target.address}]" if ":" in target.address else target.address
    port = f":{target.port}" if target.port and target.port != 22 else ""  # noqa: PLR2004 - ssh
    return f"ssh://{user}{host}{port}"


def ssh_lines(target: "SshTarget", alias: str) -> str:
    """What the system's ssh must be told of the host; nothing where it knows by itself."""
    given = {
        "IdentityFile": target.key,
        "ProxyJump": target.bastion,
        "UserKnownHostsFile": target.known_hosts if target.key or target.bastion else None,
    }
    if not any(given.values()):
        return ""
    base = {"HostName": target.address, "Port": target.port, "User": target.user, **given}
    rows = [f"  {key} {value}" for key, value in base.items() if value]
    return "\n".join([f"Host {alias}", *rows])


def create_words(name: str, address: str) -> list[str]:
    """The command that makes the context."""
    described = f"lead manager of {name.removeprefix('swarmlay-')}, by swarmlay"
    return [
        *("docker", "context", "create", name),
        *("--description", described, "--docker", f"host={address}"),
    ]


def _use(name: str) -> list[str]:
    return ["docker", "context", "use", name]


def _create(name: str, words: list[str]) -> None:
    """Make it, or bring the one that is there up to date."""
    there = subprocess.run(  # noqa: S603 - words, no shell
        ["docker", "context", "inspect", name],  # noqa: S607 - the operator's own docker
        capture_output=True,
        check=False,
        timeout=_PATIENCE,
    )
    _docker([*words[:2], "update", *words[3:]] if there.returncode == 0 else words)


def _docker(words: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - words, no shell
        words, capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    if done.returncode:
        raise ActionFailed(f"{shlex.join(words[:3])} failed", why=done.stderr.strip())


def _may_use_docker(cluster: "ClusterSession", lead: str) -> bool:
    """Whether SSH's user reaches the engine without sudo, as docker's ssh:// needs it."""
    return cluster.exec(lead, ("docker", "version", "--format", "{{.Server.Version}}")).ok
