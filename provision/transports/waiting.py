"""Watching a condition: a command's on the host itself, an engine's from here."""

from collections.abc import Callable, Mapping
from typing import Any

from provision.model.actions import Ref, Run, Wait
from provision.model.probes import Answer
from provision.transports.commands import argv, stdin_of
from provision.transports.shell import Shell

_GRACE = 10.0

# $1 seconds in all, $2 pause, $3 accepted codes, $4 seconds for one try; then the words.
# The clock is the one that nobody sets. Prints the output of the last try.
_LOOP = r"""limit=$1 pause=$2 accepts=" $3 " each=$4
shift 4
now() { read -r up _ </proc/uptime; echo "${up%.*}"; }
input=$(cat; printf x)
end=$(( $(now) + limit ))
while :; do
  output=$(printf %s "${input%x}" | timeout -k 2 "$each" "$@" 2>&1)
  code=$?
  case "$accepts" in *" $code "*) code=0; break ;; esac
  [ "$(now)" -lt "$end" ] || break
  sleep "$pause"
done
printf '%s\n' "$output"
exit $code
"""


def wait_for_command(shell: Shell, step: Wait, predicate: Run, values: Mapping[Ref, str]) -> Answer:
    """Loop on the host, in one exec, until the command is accepted.

    The exit code is 0 when it was, else the last one; the output is that of the last try.
    """
    accepts = " ".join(str(code) for code in sorted(predicate.accepts))
    words = (
        *("sh", "-c", _LOOP, "swarmlay", str(max(1, int(step.timeout))), f"{step.every:g}"),
        *(accepts, f"{min(predicate.timeout, step.timeout):g}", *argv(predicate, values)),
    )
    said = shell.execute(
        words,
        stdin_of(predicate, values),
        sudo=predicate.sudo,
        timeout=step.timeout + predicate.timeout + _GRACE,
        repeatable=True,
    )
    if said.ok:
        return said
    return Answer(said.exit_code, said.stdout, _gave_up(step, said.stdout or said.stderr))


def wait_for_engine(
    ask: Callable[[], Any],
    step: Wait,
    progress: Callable[[str], None] | None,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> Answer:
    """Ask until the verdict is done or failed; *progress* hears each new text."""
    deadline = now() + step.timeout
    text = None
    while True:
        said = ask()
        if said["text"] != text and progress is not None:
            progress(said["text"])
        text = said["text"]
        if said["done"]:
            return Answer(0, text, "", said)
        if said["failed"]:
            return Answer(1, text, said["failed"], said)
        if now() > deadline:
            return Answer(1, text, _gave_up(step, text), said)
        sleep(step.every)


def _gave_up(step: Wait, last: str) -> str:
    words = last.strip().splitlines()
    tail = f": {words[-1]}" if words else ""
    return f"waited {step.timeout:.0f} s, because {step.why}{tail}"
