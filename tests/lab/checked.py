"""A lab as the checks see it: sessions, facts, and a hand on what lies between its hosts."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from provision.checks.underlay import UnderlayHost
from provision.lab.labs import Lab
from provision.lab.spec import link_name
from provision.model.connection import SshTarget
from provision.model.findings import Cell, State
from provision.model.inventory import Host, Inventory
from provision.model.observed import ObservedState
from provision.model.session import Session
from provision.observe import observe
from provision.transports.ssh import SshTransport


@dataclass(frozen=True)
class Checked:
    """A lab with open sessions to all of its hosts."""

    lab: Lab
    inventory: Inventory
    sessions: dict[str, Session]

    def run(self, host: str, script: str, timeout: float = 120) -> str:
        """Run a script as root; it must succeed."""
        answer = self.sessions[host].ask(script, timeout=timeout)
        assert answer.ok, f"{host}: {script}: {answer.stdout}{answer.stderr}"
        return answer.stdout.strip()

    def everywhere(self, script: str, timeout: float = 300) -> dict[str, str]:
        """The same on all hosts at once."""
        with ThreadPoolExecutor() as pool:
            said = pool.map(lambda host: (host, self.run(host, script, timeout)), self.sessions)
            return dict(said)

    @property
    def peers(self) -> list[UnderlayHost]:
        """The hosts, as the underlay check wants them."""
        return [UnderlayHost(h.name, h.role == "manager", h.address) for h in self.lab.hosts]

    def observe(self) -> ObservedState:
        """Facts of all hosts, now."""
        return observe(
            self.inventory.hosts, self.sessions, clock=time.time, mark=os.urandom(4).hex()
        )

    @contextmanager
    def firewalled(self, host: str, rule: str) -> Iterator[None]:
        """The host's own firewall has a rule more."""
        self.run(host, f"iptables -I {rule}")
        try:
            yield
        finally:
            self.run(host, f"iptables -D {rule}")

    @contextmanager
    def network_drops(self, host: str, match: str) -> Iterator[None]:
        """What *host* sends is dropped between the hosts, as a security group does it."""
        short = self.lab.host(host).short
        link, table = link_name(self.lab.name, short), f"swl-test-{os.getpid()}"
        hook = f"type filter hook ingress device {link} priority 0;"
        rules = f"table netdev {table} {{ chain in {{ {hook} {match} drop; }}; }}"
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
        try:
            yield
        finally:
            subprocess.run(["nft", "delete", "table", "netdev", table], check=True)


@contextmanager
def opened(lab: Lab) -> Iterator[Checked]:
    """Sessions to every host of the lab."""
    hosts = tuple(
        Host(h.name, h.role, _target(lab, h.name, h.address), private_address=h.address)
        for h in lab.hosts
    )
    transport = SshTransport({h.name: h.ssh for h in hosts}, environment=dict(os.environ))
    sessions: dict[str, Session] = {h.name: transport.connect(h.name) for h in hosts}
    try:
        yield Checked(lab, Inventory(lab.name, hosts, "lab"), sessions)
    finally:
        for session in sessions.values():
            session.close()


def _target(lab: Lab, name: str, address: str) -> SshTarget:
    return SshTarget(name, address, lab.known_hosts, user=lab.user, key=lab.key, host_key="strict")


def not_ok(cells: Sequence[Cell]) -> list[Cell]:
    """Cells that failed or are unknown."""
    return [c for c in cells if c.state in (State.FAILED, State.UNKNOWN)]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that a hand-made swarm does in its own time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.2)
