"""Steps that outlive the connection: they run on the host under a name, and are looked at again.

A unit's folder holds: ``digest`` of its words, ``runs`` (the runs of swarmlay that attached to
it), ``lock`` (held while it runs, so that waiting for its end needs no polling), ``out``, ``err``
and, once it has ended, ``status``.
"""

import hashlib
import itertools
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provision.errors import ActionFailed
from provision.model.actions import Ref, Run
from provision.model.probes import Answer
from provision.transports.commands import argv, stdin_of
from provision.transports.failures import OutcomeUnknown
from provision.transports.shell import Shell

DIRECTORY = "/run/swarmlay/units"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
_COLLECT = 60.0
_GRACE = 15.0
_LOSSES = 5
STILL_RUNNING = 124
DIED = 137

# $1 folder, $2 digest, $3 this run, $4 seconds, $5 length of the script; stdin: the script, then
# what the script's command reads. Prints lines "progress TEXT" and at last "ended CODE".
_ATTACH = r"""set -u
d=$1
umask 077
mkdir -p "$(dirname "$d")"
mine() { [ -f "$d/digest" ] && [ "$(cat "$d/digest")" = "$2" ]; }
running() { [ -f "$d/lock" ] && ! flock -n "$d/lock" true; }
if running && ! mine "$@"; then flock -w "$4" "$d/lock" true || { echo "ended busy"; exit 0; }; fi
if mine "$@" && { running || grep -qx "$3" "$d/runs"; }; then
  grep -qx "$3" "$d/runs" || echo "$3" >>"$d/runs"
else
  rm -rf "$d.new" && mkdir "$d.new"
  head -c "$5" >"$d.new/script" && cat >"$d.new/stdin"
  [ "$(wc -c <"$d.new/script")" -eq "$5" ] || exit 75
  [ "$(wc -c <"$d.new/stdin")" -eq "$6" ] || exit 75
  echo "$2" >"$d.new/digest"; echo "$3" >"$d.new/runs"; : >"$d.new/lock"
  rm -rf "$d" && mv "$d.new" "$d"
  if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
    systemd-run --quiet --collect --unit="$7" sh "$d/script" </dev/null >/dev/null 2>&1 ||
      { echo "ended unstarted"; exit 0; }
  else
    setsid nohup sh "$d/script" </dev/null >/dev/null 2>&1 &
  fi
  i=0; while [ ! -f "$d/begun" ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done
fi
left=$4
while ! flock -w 1 "$d/lock" true; do
  left=$((left-1)); [ $left -gt 0 ] || { echo "ended late"; exit 0; }
  last=$(tail -n 1 "$d/out" 2>/dev/null | tr -d '\r' | cut -c 1-200)
  [ -z "$last" ] || echo "progress $last"
done
if [ -f "$d/status" ]; then echo "ended $(cat "$d/status")"; else echo "ended died"; fi
"""

# The lock is not handed on: a daemon that the command leaves behind must not hold it.
_SCRIPT = """d={folder}
exec 9<"$d/lock" && flock 9
: >"$d/begun"
cd /
{words} <"$d/stdin" >"$d/out" 2>"$d/err" 9<&-
echo $? >"$d/status.new"
rm -f "$d/stdin"
mv "$d/status.new" "$d/status"
"""

_COLLECT_AND_FORGET = r"""d=$1
tail -c 4000000 "$d/out"
tail -c 1000000 "$d/err" >&2
rm -rf "$d"
"""

_TROUBLE = {
    "late": (STILL_RUNNING, "it still runs on the host; run again to wait for it"),
    "busy": (STILL_RUNNING, "another command still runs on the host under this name"),
    "died": (DIED, "it ended on the host without a result (killed, or out of memory?)"),
    "unstarted": (1, "the host could not start it"),
}


@dataclass(frozen=True, slots=True)
class LongSteps:
    """Carries out `Run` steps that have a unit.

    Attributes:
        run_id: tells this run of swarmlay from others: a result that another run left behind is
            not ours, and its command is run again.
        directory: where units live on the host.
    """

    run_id: str
    directory: str = DIRECTORY

    def run(
        self,
        shell: Shell,
        step: Run,
        values: Mapping[Ref, str],
        progress: Callable[[str], None] | None,
    ) -> Answer:
        """Start the unit, or attach to it where it runs already, and wait for its end."""
        if step.unit is None or not _NAME.match(step.unit):
            raise ActionFailed(f"{step.unit!r} is no name for a unit", where=shell.host)
        folder = f"{self.directory}/{step.unit}"
        ended = self._attach(shell, step, values, folder, progress)
        if ended in _TROUBLE:
            code, why = _TROUBLE[ended]
            return Answer(code, "", f"swarmlay-{step.unit}: {why}")
        told = shell.execute(
            ("sh", "-c", _COLLECT_AND_FORGET, "swarmlay", folder),
            sudo=step.sudo,
            timeout=_COLLECT,
            repeatable=True,
        )
        return Answer(int(ended), told.stdout, told.stderr)

    def _attach(
        self,
        shell: Shell,
        step: Run,
        values: Mapping[Ref, str],
        folder: str,
        progress: Callable[[str], None] | None,
    ) -> str:
        """How it ended: an exit code or a word of `_TROUBLE`."""
        script, stdin = _script(step, values, folder)
        words = (
            *("sh", "-c", _ATTACH, "swarmlay", folder, _digest(step, values), self.run_id),
            *(str(int(step.timeout)), str(len(script)), str(len(stdin))),
            f"swarmlay-{step.unit}",
        )
        said = _Said(progress)
        for losses in itertools.count(1):
            try:
                shell.execute(
                    words,
                    (script, stdin),
                    sudo=step.sudo,
                    timeout=step.timeout + _GRACE,
                    repeatable=True,
                    doing=f"{step.unit} (it goes on there)",
                    listen=said.hear,
                )
            except OutcomeUnknown:
                if losses > _LOSSES:
                    raise
            else:
                break
        return said.end(shell.host)


class _Said:
    """What the attached script says, line by line."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self._progress = progress
        self._rest = b""
        self._ended = ""
        self._told = ""

    def hear(self, piece: bytes) -> None:
        """Take what has come."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "ended":
                self._ended = rest
            if word == "progress" and rest != self._told and self._progress is not None:
                self._told = rest
                self._progress(rest)

    def end(self, host: str) -> str:
        """How it ended: an exit code or a word of `_TROUBLE`."""
        if self._ended in _TROUBLE or self._ended.isdigit():
            return self._ended
        raise ActionFailed("The host could not run a long step", where=host, why=self._ended)


def _script(step: Run, values: Mapping[Ref, str], folder: str) -> tuple[bytes, bytes]:
    words = shlex.join(argv(step, values))
    text = _SCRIPT.format(folder=shlex.quote(folder), words=words)
    return text.encode(), b"".join(stdin_of(step, values))


def _digest(step: Run, values: Mapping[Ref, str]) -> str:
    whole = [argv(step, values), [part.decode() for part in stdin_of(step, values)]]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()
