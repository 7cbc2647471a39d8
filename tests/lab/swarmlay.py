"""swarmlay's command line on a lab, as a user types it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.lab.access import ssh_words
from provision.lab.labs import Lab

_GROUPS = frozenset({"hosts", "inventory", "logs", "node", "swarm"})
"""Verbs of two words."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Swarmlay:
    """The command line against one lab; stdin is never a terminal."""

    lab: Lab
    environment: Mapping[str, str]

    def start(self, *words: str, inventory: str | None = None) -> subprocess.Popen[str]:
        """Begin a command in a process group of its own."""
        at = 2 if words[0] in _GROUPS else 1
        verb, rest = words[:at], words[at:]
        where = ["-i", inventory or f"lab:{self.lab.name}"]
        return subprocess.Popen(
            [sys.executable, "-m", "provision.cli", *verb, *where, *rest],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )

    def __call__(self, *words: str, inventory: str | None = None, timeout: float = 300) -> Ended:
        """Run a command to its end."""
        process = self.start(*words, inventory=inventory)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            kill(process)
            raise
        return Ended(process.returncode, out, err)

    def host(self, name: str, script: str, *, timeout: float = 120) -> str:
        """Run a shell script as root on a lab host; its stdout comes back."""
        words: Sequence[str] = (*ssh_words(self.lab, self.lab.host(name)), "sudo", "sh", "-s")
        done = subprocess.run(
            words, input=script, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, (
            f"{name}: {script!r} ended with {done.returncode}: {done.stderr}"
        )
        return done.stdout

    def hosts(self, script: str) -> dict[str, str]:
        """The same script on every host."""
        return {h.name: self.host(h.name, script) for h in self.lab.hosts}


def kill(process: subprocess.Popen[str]) -> None:
    """End it as a crash does: nothing of it gets to clean up."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
