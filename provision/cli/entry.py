"""From words to an exit code: the one place where errors become text and numbers."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import typer

from provision.cli.verbs import VerbGroup
from provision.errors import SwarmlayError, UsageError

_INTERRUPTED = 130

root = typer.Typer(
    cls=VerbGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from provision import __version__

        typer.echo(f"swarmlay {__version__}")
        raise typer.Exit


@root.callback()
def swarmlay(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Docker Swarm clusters over SSH whose overlay networks provably work.

    Results go to stdout, progress to stderr. Exit codes: 0 done, 1 an action failed or residue is
    left, 2 usage, inventory or playbook is wrong, 3 a host could not be reached, 4 refused, 5 a
    check failed, 6 changes pending (plan --detailed-exitcode), 130 interrupted.
    """


def run(words: Sequence[str]) -> int:
    """Carry out one command line and say how it ended."""
    try:
        code = typer.main.get_command(root).main(
            args=list(words), prog_name="swarmlay", standalone_mode=False
        )
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:  # noqa: BLE001 - the last door: a user never sees a traceback unasked
        return fail(error, words)
    return _interrupted() if code == _INTERRUPTED else int(code or 0)


def _interrupted() -> int:
    sys.stderr.write("\ninterrupted: what was done stays; run the same again to go on\n")
    return _INTERRUPTED


def fail(error: Exception, words: Sequence[str]) -> int:
    """Say what is wrong, where, why and what to do; the exit code comes back."""
    if type(error).__name__ == "NoArgsIsHelpError":  # not public in typer
        sys.stderr.write(f"{error}\n" if str(error) else "")
        return UsageError.exit_code
    known = _as_known(error)
    _show(known, words)
    if "--debug" in words:
        import traceback

        traceback.print_exception(error)
    return known.exit_code


def _as_known(error: Exception) -> SwarmlayError:
    if isinstance(error, SwarmlayError):
        return error
    if isinstance(error, typer.BadParameter.__mro__[1]):  # click's UsageError, wherever it lives
        return _usage(error)
    return SwarmlayError(
        "internal error: this is a bug in swarmlay",
        why=f"{type(error).__name__}: {error}",
        hint="run it again with --debug and report what it shows",
    )


def _usage(error: Any) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "swarmlay"
    return UsageError(error.format_message(), hint=f"{path} --help")


def _show(error: SwarmlayError, words: Sequence[str]) -> None:
    from provision.cli.environment import terminal
    from provision.cli.invocation import write
    from provision.renderers.base import Screen
    from provision.renderers.json_report import RENDERER as JSON
    from provision.renderers.terminal import RENDERER as TEXT

    seen = terminal()
    color = seen.color and seen.err and "--no-color" not in words
    sys.stderr.write(TEXT.render_error(error, Screen(seen.width, color)))
    if wants_json(words):
        write(JSON.render_error(error, Screen()))


def wants_json(words: Sequence[str]) -> bool:
    """Whether the command line asks for JSON; also where it could not be parsed to the end."""
    before = list(words[: words.index("--")]) if "--" in words else list(words)
    joined = {"-ojson", "-o=json", "--output=json"}
    pairs = pairwise(before)
    return bool(joined & set(before)) or any(
        name in {"-o", "--output"} and value == "json" for name, value in pairs
    )
