"""Flags that every verb takes, after the verb. Written once; `verb` gives them to a function."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from provision.cli.invocation import Invocation, invoke

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Flags:
    """What the operator said besides the verb's own words."""

    inventory: Annotated[
        str | None,
        typer.Option("-i", "--inventory", help="A file, lab or lab:NAME.", metavar="FILE"),
    ] = None
    limit: Annotated[
        str | None,
        typer.Option("-l", "--limit", help="Change these hosts only.", metavar="SELECTOR"),
    ] = None
    parallel: Annotated[int, typer.Option("--parallel", help="Hosts at once.", min=1, max=200)] = 10
    output: Annotated[
        str, typer.Option("-o", "--output", help="How to show the result.", metavar="text|json")
    ] = "text"
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds for the whole run.", min=1)
    ] = None
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show commands.")] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours (as NO_COLOR).")] = False
    log_file: Annotated[
        str | None, typer.Option("--log-file", help="Write a log here.", metavar="FILE")
    ] = None
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks of errors.")] = False


def verb(function: Callable[Concatenate[Invocation, P], int]) -> Callable[..., None]:
    """A function of an `Invocation` that returns an exit code, as a typer command."""

    def command(*args: Any, **given: Any) -> None:
        flags = Flags(**{f.name: given.pop(f.name) for f in fields(Flags)})
        code = invoke(flags, lambda invocation: function(invocation, *args, **given))
        if code:
            raise typer.Exit(code)

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(Flags, eval_str=True).parameters.values())
    shared = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shared]
    parameters = [p for p in own if p.kind is not p.KEYWORD_ONLY]
    parameters += [*(p for p in own if p.kind is p.KEYWORD_ONLY), *shared]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command
