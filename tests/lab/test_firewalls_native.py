"""nftables and firewalld on real hosts: opened for peers only, kept over a boot, closed again."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.firewalls import firewall_for, missing, surplus
from provision.lab import lifecycle
from provision.lab.labs import Lab
from provision.lab.paths import Paths
from provision.model.facts import Known
from provision.model.firewall import Firewall
from provision.model.observed import FirewallState, Protocol, Rule
from tests.lab.carried_out import carry_out
from tests.lab.checked import Checked, opened

pytestmark = [pytest.mark.lab, pytest.mark.slow]

APT = (
    "apt-get update -q >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive apt-get install -y -q"
    " --no-install-recommends"
)
OURS: tuple[tuple[int, Protocol], ...] = ((7946, "tcp"), (7946, "udp"), (4789, "udp"), (0, "esp"))
NFT_CONF = """flush ruleset
table inet filter {
    set trusted { type ipv4_addr; elements = { 203.0.113.9 } }
    chain input {
        type filter hook input priority 0; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname "lo" accept
        tcp dport 22 accept
        ip saddr @trusted accept
        jump services
    }
    chain services {
        tcp dport { 80, 443 } accept
        udp dport 4789 counter drop
    }
}
table ip early {
    chain pre {
        type filter hook prerouting priority -200
        udp dport 4000-5000 drop
    }
}
"""
NFTABLES = f"""{APT} nftables >/dev/null
cat >/etc/nftables.conf <<'EOF'
{NFT_CONF}EOF
systemctl enable --now --quiet nftables && systemctl restart nftables
"""
LEGACY = f"""{APT} nftables iptables >/dev/null
cat >/etc/nftables.conf <<'EOF'
{NFT_CONF}EOF
cat >/etc/systemd/system/legacy.service <<'EOF'
[Unit]
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT
ExecStart=/usr/sbin/iptables-legacy -A INPUT -m state --state ESTABLISHED -j ACCEPT
ExecStart=/usr/sbin/iptables-legacy -A INPUT -p tcp --dport 7946 -j DROP
ExecStart=/usr/sbin/iptables-legacy -A INPUT -p udp -j DROP
[Install]
WantedBy=multi-user.target
EOF
systemctl enable --now --quiet nftables legacy && systemctl restart nftables
"""
FIREWALLD = f"""{APT} firewalld nftables netbase >/dev/null
systemctl disable --now --quiet nftables; nft flush ruleset
systemctl enable --now --quiet firewalld
until firewall-cmd --state; do sleep 0.2; done
"""


@dataclass(frozen=True)
class Case:
    """A firewall on a host: how it is set up, and what shows all of it."""

    host: str
    backend: str
    setup: str
    shown: str


NFT_SHOWN = "nft -s list ruleset; iptables-legacy-save -t filter 2>/dev/null | grep -v '^[#:]'; "
LEFT = "ls -R /etc/swarmlay /etc/systemd/system 2>&1; true"
CASES = {
    "nftables on bookworm": Case("manager", "nftables", NFTABLES, "nft -s list ruleset; " + LEFT),
    "nftables on trixie": Case("worker-1", "nftables", NFTABLES, "nft -s list ruleset; " + LEFT),
    "legacy beside nft": Case("worker-2", "nftables", LEGACY, NFT_SHOWN + LEFT),
    "firewalld on trixie": Case(
        "worker-1",
        "firewalld",
        FIREWALLD,
        "firewall-cmd --list-all-zones; find /etc/firewalld/zones -type f; " + LEFT,
    ),
}


@pytest.fixture(scope="module")
def walled(fresh_lab: Callable[..., Lab]) -> Lab:
    """Hosts of two releases; who is firewalled himself still reaches others."""
    return fresh_lab(suite="bookworm,trixie")


def state_of(lab: Checked, host: str) -> tuple[FirewallState, Firewall]:
    """The firewall in force and its driver."""
    fact = lab.observe().hosts[host].firewall
    assert isinstance(fact, Known), fact
    driver = firewall_for(fact.value)
    assert driver is not None, fact.value.detail
    return fact.value, driver


def reaches(lab: Checked, source: str, target: str) -> bool:
    """Whether a connection arrives (nobody listens, so it is refused by the host itself)."""
    address = lab.lab.host(target).address
    said = lab.run(source, f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/7946' 2>&1 || true")
    return "refused" in said


def datagram_reaches(lab: Checked, source: str, target: str) -> bool:
    """Whether a VXLAN-like datagram arrives: an unreachable port is said by the host itself."""
    address = lab.lab.host(target).address
    send = f"exec 3<>/dev/udp/{address}/4789; echo a >&3; sleep 0.2; echo b >&3"
    return "refused" in lab.run(source, f"bash -c '{send}' 2>&1 || true")


def is_open(lab: Checked, source: str, target: str) -> tuple[bool, bool]:
    """TCP 7946 and UDP 4789."""
    return reaches(lab, source, target), datagram_reaches(lab, source, target)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_closed_open_to_one_peer_and_closed_again(walled: Lab, case: Case) -> None:
    """Closed before; open to the one peer; the same after a boot; exactly as before at the end."""
    peer, other = (host.name for host in walled.hosts if host.name != case.host)
    rules = [Rule(port, protocol, walled.host(peer).address) for port, protocol in OURS]
    with opened(walled) as lab:
        lab.run(case.host, case.setup, timeout=300)
        before = lab.run(case.host, case.shown)
        assert is_open(lab, peer, case.host) == (False, False)
        state, driver = state_of(lab, case.host)
        assert (state.backend, state.supported) == (case.backend, True)
        lacking = missing(state, rules)
        assert set(lacking) == set(rules), state
        door = lab.sessions[case.host]
        carry_out(door, driver.open(state, "demo", lacking))
        after, _ = state_of(lab, case.host)
        assert missing(after, rules) == (), after
        assert is_open(lab, peer, case.host) == (True, True)
        assert is_open(lab, other, case.host) == (False, False)
        once = lab.run(case.host, case.shown)
        carry_out(door, driver.open(after, "demo", lacking))
        assert lab.run(case.host, case.shown) == once
        if case.backend == "nftables":
            lab.run(case.host, "systemctl reload nftables")
            assert _comes_back(lab, peer, case.host), "a reload took ours away"
    lifecycle.reboot(walled.name, case.host, Paths.from_environment(os.environ, Path.home()))
    with opened(walled) as lab:
        _settled(lab, case)
        again, driver = state_of(lab, case.host)
        assert missing(again, rules) == (), again
        assert is_open(lab, peer, case.host) == (True, True)
        assert is_open(lab, other, case.host) == (False, False)
        ours = surplus(again, [], "demo")
        assert len(ours) == len(OURS)
        carry_out(lab.sessions[case.host], driver.close(again, "demo", ours))
        assert lab.run(case.host, case.shown) == before
        assert is_open(lab, peer, case.host) == (False, False)


def _comes_back(lab: Checked, source: str, target: str) -> bool:
    """The unit runs after what was asked for has answered."""
    return any(is_open(lab, source, target) == (True, True) for _ in range(5))


def _settled(lab: Checked, case: Case) -> None:
    """SSH answers before the boot is over."""
    lab.run(case.host, "systemctl is-system-running --wait >/dev/null; true", timeout=60)
