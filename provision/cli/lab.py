"""`swarmlay lab`: real hosts on this machine. Heavy modules are imported by the verbs."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from provision.lab.labs import Lab, LabEvent
    from provision.lab.paths import Paths
    from provision.lab.spec import LabSpec

lab_app = typer.Typer(
    help="Real hosts on this machine: bare Debian with systemd and SSH.", no_args_is_help=True
)

_OWNER = "SWARMLAY_LAB_OWNER"
_NAME = Annotated[str, typer.Option("--name", help="The lab's name.")]
_SUITES = "bullseye, bookworm, trixie; with commas between, hosts take them in turn."
_YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_OUTPUT = Annotated[str, typer.Option("--output", "-o", help="text or json.")]


@lab_app.command()
def up(
    name: _NAME = "demo",
    hosts: Annotated[int, typer.Option("--hosts", help="How many hosts in all.")] = 3,
    managers: Annotated[int, typer.Option("--managers", help="How many are managers.")] = 1,
    suite: Annotated[str, typer.Option("--suite", help=_SUITES)] = "bookworm",
    yes: _YES = False,
) -> None:
    """Make a lab, or complete the one that is there."""
    from provision.lab import lifecycle, machine_needs
    from provision.lab.spec import LabSpec

    machine_needs.require_linux(sys.platform)
    spec = LabSpec.of(name, hosts, suite, managers)
    paths = lab_paths()
    packages = machine_needs.missing_packages()
    if os.geteuid() != 0:
        _as_root(machine_needs.intentions(spec, paths, packages), paths, _up_words(spec), yes)
    if packages:
        _agree([f"install {', '.join(packages)} with apt"], yes)
        machine_needs.install(packages, _tell)
    _show(lifecycle.up(spec, paths, _tell))


@lab_app.command()
def down(name: _NAME = "demo", yes: _YES = False) -> None:
    """End a lab and put the machine back as it was."""
    from provision.lab import lifecycle, machine_needs
    from provision.lab.spec import check_name

    machine_needs.require_linux(sys.platform)
    paths = lab_paths()
    check_name(name)
    if os.geteuid() != 0:
        doing = [f"end lab {name}: its hosts and their disks, bridge, iptables rules, registry"]
        _as_root(doing, paths, ["down", "--name", name], yes)
    lifecycle.down(name, paths, _tell)


@lab_app.command()
def status(
    name: Annotated[str | None, typer.Option("--name", help="Only this lab.")] = None,
    output: _OUTPUT = "text",
) -> None:
    """Show the labs that are there."""
    import json
    from dataclasses import asdict

    from provision.errors import UsageError
    from provision.lab import lifecycle

    if output not in ("text", "json"):
        raise UsageError(f"there is no output {output!r}", hint="choose text or json")
    found = lifecycle.status(lab_paths(), name)
    if output == "json":
        print(json.dumps({"schema": 1, "labs": [asdict(lab) for lab in found]}, indent=2))
        return
    for lab in found:
        _show(lab)
    if not found:
        _say("no labs; make one with `swarmlay lab up`")


@lab_app.command()
def ssh(
    host: Annotated[str, typer.Argument(help="manager, worker-1, …")],
    command: Annotated[list[str] | None, typer.Argument(help="What to run there.")] = None,
    name: _NAME = "demo",
) -> None:
    """Log in to a host of a lab, or run a command there."""
    from provision.lab import lifecycle
    from provision.lab.access import ssh_words

    lab = lifecycle.load(name, lab_paths())
    words = ssh_words(lab, lab.host(host))
    os.execvp(words[0], [*words, *(command or [])])  # noqa: S606 - words, and ssh takes over


@lab_app.command()
def reboot(
    host: Annotated[str, typer.Argument(help="manager, worker-1, …")],
    name: _NAME = "demo",
    hard: Annotated[bool, typer.Option("--hard", help="Pull the plug.")] = False,
    yes: _YES = False,
) -> None:
    """Reboot a host of a lab and wait until SSH answers again."""
    from provision.lab import lifecycle

    paths = lab_paths()
    lifecycle.load(name, paths).host(host)
    if os.geteuid() != 0:
        words = ["reboot", host, "--name", name, *(["--hard"] if hard else [])]
        _as_root([f"reboot {host} of lab {name}"], paths, words, yes)
    lifecycle.reboot(name, host, paths, hard=hard)
    _say(f"{host}: SSH answers again")


def lab_paths() -> "Paths":
    """The folders of the user who runs the command, or for whom sudo runs it."""
    from provision.lab.paths import Paths

    given = os.environ.get(_OWNER, "")
    user, _, group = given.partition(":")
    owner = (int(user), int(group)) if user.isdigit() and group.isdigit() else None
    return Paths.from_environment(os.environ, Path.home(), owner)


def _up_words(spec: "LabSpec") -> list[str]:
    counts = ["--hosts", str(len(spec.hosts)), "--managers", str(spec.managers)]
    return ["up", "--name", spec.name, *counts, "--suite", spec.suite]


def _as_root(
    doing: "list[str] | tuple[str, ...]", paths: "Paths", words: list[str], yes: bool
) -> NoReturn:
    """Ask, then become the same command under sudo, with this user's folders."""
    _agree([*doing, "as root, by sudo"], yes)
    xdg = (
        f"XDG_STATE_HOME={paths.state.parent.parent}",
        f"XDG_CACHE_HOME={paths.cache.parent}",
        f"{_OWNER}={os.getuid()}:{os.getgid()}",
        # sudo forgets where this user's packages are (pip install --user, for one).
        f"PYTHONPATH={os.pathsep.join(filter(None, sys.path))}",
    )
    command = ["sudo", "--", "env", *xdg, sys.executable, "-m", "provision.cli.lab", *words, "-y"]
    sys.stdout.flush()
    os.execvp("sudo", command)  # noqa: S606, S607 - words, and sudo takes over


def _agree(doing: "list[str]", yes: bool) -> None:
    """List what will be done to the machine and have it confirmed.

    Raises:
        UsageError: there is nobody to ask. Refused: the answer was no.
    """
    from provision.errors import Refused, UsageError

    _say("on this machine, this will:")
    for line in doing:
        _say(f"  - {line}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask at", hint="add --yes to agree beforehand")
    if not typer.confirm("Go on?", err=True):
        raise Refused("nothing was done")


def _tell(event: "LabEvent") -> None:
    _say(f"{event.host or event.stage}: {event.text}")


def _show(lab: "Lab") -> None:
    print(f"lab {lab.name}: {lab.suite}, {lab.subnet}, registry {lab.registry}")
    for host in lab.hosts:
        print(f"  {host.name:<12} {host.address:<15} {'running' if host.running else 'off'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run the lab's verbs alone."""
    from provision.errors import SwarmlayError

    try:
        lab_app()
    except SwarmlayError as error:
        _say(f"error: {error}")
        if error.hint:
            _say(f"  what to do: {error.hint}")
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
