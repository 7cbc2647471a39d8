"""Inventory files over a lab's hosts, as a user would write them, to be changed between runs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.lab.labs import Lab
from tests.lab.swarmlay import Ended, Swarmlay


@dataclass(frozen=True)
class Changing:
    """One cluster whose inventory changes from run to run.

    Attributes:
        path: the inventory file; it stays the same, so known_hosts does, too.
    """

    swarmlay: Swarmlay
    path: Path
    cluster: str

    @property
    def lab(self) -> Lab:
        """The hosts."""
        return self.swarmlay.lab

    def __call__(self, *words: str, timeout: float = 400) -> Ended:
        """The command line with the inventory as it is now."""
        return self.swarmlay(*words, inventory=str(self.path), timeout=timeout)

    def node(self, *words: str) -> Ended:
        """``swarmlay node VERB HOST``, as JSON."""
        return self._typed(["node", *words, "-i", str(self.path), "--yes", "-o", "json"])

    def exec(self, name: str, script: str) -> Ended:
        """A script as root on a host, at the address that the inventory gives it now."""
        words = ["hosts", "exec", name, "--sudo", "-i", str(self.path)]
        return self._typed([*words, "--", "sh", "-c", script])

    def _typed(self, words: list[str]) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "provision.cli", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
            env={**os.environ, **self.swarmlay.environment},
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def host(self, name: str, script: str) -> str:
        """A script as root on a host."""
        return self.swarmlay.host(name, script)

    def write(
        self,
        roles: Mapping[str, str],
        *,
        addresses: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """The hosts and roles that count from now on; labels as YAML's ``{zone: a}``."""
        lab, moved, words = self.lab, addresses or {}, labels or {}
        lines = [
            f"cluster: {self.cluster}",
            f"ssh: {{user: {lab.user}, key: {lab.key}, wait: 0, connect_timeout: 3}}",
            "engine: {source: distro}",
            "hosts:",
        ]
        for name, role in roles.items():
            address = moved.get(name, lab.host(name).address)
            more = f", labels: {words[name]}" if name in words else ""
            lines.append(f"  {name}: {{address: {address}, role: {role}{more}}}")
        self.path.write_text("\n".join(lines) + "\n")

    def nodes(self, manager: str) -> dict[str, str]:
        """Hostname → ``Ready Active Leader``, as *manager* says."""
        form = "{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}"
        said = self.swarmlay.host(manager, f"docker node ls --format '{form}'")
        rows = (line.split(" ", 1) for line in said.splitlines())
        return {name: state.strip().replace("Leader", "Reachable") for name, state in rows}
