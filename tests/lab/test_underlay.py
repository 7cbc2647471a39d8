"""The ports between bare hosts: proven by packets, and blamed on whoever blocks them."""

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from provision.lab.labs import Lab
from provision.model.findings import Cell, State
from provision.verify import underlay
from provision.verify.crew import Crew
from tests.lab.checked import Checked, not_ok, opened, until

pytestmark = pytest.mark.lab

SOCKETS = "ss -Hantup | grep -v ':22 ' | sort; ps -eo comm | grep -c '^perl' || true"


@pytest.fixture(scope="module")
def bare(fresh_lab: Callable[..., Lab]) -> Iterator[Checked]:
    """Three bare hosts that have iptables, and nothing that swarmlay made."""
    with opened(fresh_lab()) as checked:
        checked.everywhere("apt-get install -y --no-install-recommends iptables >/dev/null 2>&1")
        yield checked


def test_open_ports_are_proven_quickly(bare: Checked) -> None:
    """Between bare hosts every packet arrives, and to know it takes well under 1.5 s."""
    began = time.monotonic()

    cells = underlay(bare.peers, bare.sessions, encrypted=True)

    assert not_ok(cells) == []
    assert len(cells) == 3 * 2 * 4 + 2
    assert time.monotonic() - began < 1.5


def test_listeners_leave_nothing(bare: Checked) -> None:
    """No listener, no half-closed connection and no process outlives the check."""
    before = bare.everywhere(SOCKETS)

    underlay(bare.peers, bare.sessions)

    assert bare.everywhere(SOCKETS) == before


def test_a_killed_check_leaves_nothing(bare: Checked) -> None:
    """When the leader vanishes, the programs on the hosts read the end of their stdin and end."""
    before = bare.everywhere(SOCKETS)
    crew = Crew()
    crew.start(bare.sessions, "underlay", deadline=60)
    ask = ("me 0 0.0.0.0", "nonce 7", "listen tcp 7946", "listen udp 4789", "ready")
    assert crew.step(dict.fromkeys(bare.sessions, ask), "READY", timeout=5).keys() == before.keys()
    assert all(":4789" in said for said in bare.everywhere(SOCKETS).values())

    crew.close()

    until(lambda: bare.everywhere(SOCKETS) == before, 10)


def test_the_receivers_rule_is_named(bare: Checked) -> None:
    """A drop in INPUT fails exactly that pair, direction and port, with the rule verbatim."""
    peer = bare.lab.host("worker-2").address
    rule = f"INPUT -s {peer}/32 -p udp -m udp --dport 4789 -j DROP"

    with bare.firewalled("worker-1", rule):
        cells = underlay(bare.peers, bare.sessions)

    (cell,) = not_ok(cells)
    assert (cell.source, cell.target, cell.probe) == ("worker-2", "worker-1", "udp/4789")
    assert (
        "worker-1's own firewall blocks it: it reached worker-1 and got no further" in cell.reason
    )
    assert f"; rule: -A {rule}" in cell.reason
    assert "aws" not in cell.hint


@pytest.mark.parametrize(
    ("match", "probe", "aws"),
    [
        ("udp dport 4789", "udp/4789", "--protocol udp --port 4789"),
        ("tcp dport 2377", "tcp/2377", "--protocol tcp --port 2377"),
        ("ip protocol esp", "esp", "IpProtocol=50"),
    ],
)
def test_the_network_between_is_blamed(bare: Checked, match: str, probe: str, aws: str) -> None:
    """What leaves one host and never reaches the other is the network's, with EC2's command."""
    manager = bare.lab.host("manager").address

    with bare.network_drops("worker-2", f"ip daddr {manager} {match}"):
        cells = underlay(bare.peers, bare.sessions, encrypted=True)

    (cell,) = not_ok(cells)
    assert (cell.source, cell.target, cell.probe) == ("worker-2", "manager", probe)
    assert "the network between them blocks it" in cell.reason
    assert "aws ec2 authorize-security-group-ingress --group-id <group>" in cell.hint
    assert aws in cell.hint


def test_the_sender_is_blamed(bare: Checked) -> None:
    """A drop in the sender's OUTPUT is neither the network's nor the receiver's."""
    with bare.firewalled("manager", "OUTPUT -p udp -m udp --dport 7946 -j DROP"):
        cells = underlay(bare.peers, bare.sessions)

    blocked = not_ok(cells)
    assert {(c.source, c.probe) for c in blocked} == {("manager", "udp/7946")}
    assert all(
        "manager's own firewall does not let it out; rule: -A OUTPUT" in c.reason for c in blocked
    )


def test_a_default_drop_firewall_is_seen(bare: Checked) -> None:
    """Only SSH and established connections: all that comes in fails, all that goes out is fine."""
    allow = "INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"

    with (
        bare.firewalled("worker-1", allow),
        bare.firewalled("worker-1", "INPUT -p tcp --dport 22 -j ACCEPT"),
    ):
        bare.run("worker-1", "iptables -P INPUT DROP")
        try:
            cells = underlay(bare.peers, bare.sessions)
        finally:
            bare.run("worker-1", "iptables -P INPUT ACCEPT")

    blocked = not_ok(cells)
    assert {c.target for c in blocked} == {"worker-1"}
    assert len(blocked) == 2 * 3
    assert all("policy of the chain INPUT is DROP" in c.reason for c in blocked)


def test_a_rewritten_source_is_found(bare: Checked) -> None:
    """VXLAN that comes from another address than the advertised one is dropped by the kernel."""
    bridge = bare.lab.bridge_address.rsplit(".", 1)[0]
    bare.run("worker-2", f"ip addr add {bridge}.213/24 dev eth0")
    rule = f"POSTROUTING -t nat -p udp --dport 4789 -j SNAT --to-source {bridge}.213"
    try:
        with bare.firewalled("worker-2", rule):
            cells = underlay(bare.peers, bare.sessions)
    finally:
        bare.run("worker-2", f"ip addr del {bridge}.213/24 dev eth0")

    blocked = not_ok(cells)
    assert {(c.source, c.probe) for c in blocked} == {("worker-2", "udp/4789")}
    assert all(f"arrives from {bridge}.213" in c.reason for c in blocked)


def test_a_host_without_a_session_is_unknown(bare: Checked) -> None:
    """Who cannot be asked costs the others nothing, and is never green."""
    sessions = {name: s for name, s in bare.sessions.items() if name != "worker-2"}

    cells = underlay(bare.peers, sessions)

    unknown = not_ok(cells)
    assert all(c.state is State.UNKNOWN and "worker-2" in (c.source, c.target) for c in unknown)
    assert all("worker-2 could not be asked" in c.reason for c in unknown)
    assert [c for c in cells if "worker-2" not in (c.source, c.target)] == _between(cells)


def test_a_host_without_perl_says_so(bare: Checked) -> None:
    """The reason names what is missing."""
    bare.run("worker-1", "mv /usr/bin/perl /usr/bin/perl.away")
    try:
        cells = underlay(bare.peers, bare.sessions)
    finally:
        bare.run("worker-1", "mv /usr/bin/perl.away /usr/bin/perl")

    assert {c.reason for c in not_ok(cells)} == {
        "worker-1 could not be asked: perl is not installed"
    }


def _between(cells: tuple[Cell, ...]) -> list[Cell]:
    pair = {"manager", "worker-1"}
    return [c for c in cells if {c.source, c.target} == pair and c.state is State.OK]


@pytest.fixture(autouse=True)
def _no_table_left() -> Iterator[None]:
    """A test leaves no filter on the machine."""
    yield
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    assert "swl-test-" not in done.stdout
