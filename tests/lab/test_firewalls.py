"""Firewalls of real hosts: opened for the peers alone, kept over a reboot, closed again."""

import os
from collections.abc import Callable, Iterator
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

pytestmark = pytest.mark.lab

APT = "apt-get update -q >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive apt-get install -y -q"
OURS: tuple[tuple[int, Protocol], ...] = ((7946, "tcp"), (7946, "udp"), (4789, "udp"), (0, "esp"))
CLOSED = """
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -P INPUT DROP
"""
DENIED = "ufw allow 22/tcp; ufw deny 4789/udp; ufw --force enable"


@pytest.fixture(scope="module")
def walled(fresh_lab: Callable[..., Lab]) -> Iterator[Checked]:
    """Three hosts; each kind of firewall is tried on another one."""
    with opened(fresh_lab()) as found:
        yield found


def state_of(lab: Checked, host: str) -> tuple[FirewallState, Firewall]:
    """The firewall in force and its driver."""
    fact = lab.observe().hosts[host].firewall
    assert isinstance(fact, Known), fact
    driver = firewall_for(fact.value)
    assert driver is not None, fact.value.detail
    return fact.value, driver


def wanted(peer: str) -> list[Rule]:
    """What a worker lets in from *peer*."""
    return [Rule(port, protocol, peer) for port, protocol in OURS]


def reaches(lab: Checked, source: str, target: str) -> bool:
    """Whether a connection arrives (nobody listens, so it is refused by the host itself)."""
    address = lab.lab.host(target).address
    said = lab.run(source, f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/7946' 2>&1 || true")
    return "refused" in said


def test_iptables_lets_in_one_peer_only(walled: Checked) -> None:
    """Under a policy of DROP; twice; over a reboot; another peer instead; nothing."""
    one, two = (walled.lab.host(name).address for name in ("worker-1", "worker-2"))
    door = walled.sessions["manager"]
    walled.run("manager", f"{APT} iptables >/dev/null; {CLOSED}")
    assert not reaches(walled, "worker-1", "manager")
    state, driver = state_of(walled, "manager")
    assert (state.backend, state.filtering) == ("iptables", True)
    lacking = missing(state, wanted(one))
    assert len(lacking) == len(OURS)

    carry_out(door, driver.open(state, "demo", lacking))
    after, _ = state_of(walled, "manager")
    assert (after.persistent, missing(after, wanted(one))) == (True, ())
    assert reaches(walled, "worker-1", "manager")
    assert not reaches(walled, "worker-2", "manager")
    rules = walled.run("manager", "iptables -S")
    carry_out(door, driver.open(state, "demo", lacking))
    assert walled.run("manager", "iptables -S") == rules

    door.close()
    lifecycle.reboot(walled.lab.name, "manager", Paths.from_environment(os.environ, Path.home()))
    with opened(walled.lab) as again:
        rules = again.run("manager", "iptables -S INPUT")
        assert rules.count("swarmlay:demo") == len(OURS)
        assert "--dport 22 " not in rules, "others' rules are not ours to keep"
        again.run("manager", CLOSED)
        _changed(again, new=two, lost=one)


def _changed(lab: Checked, *, new: str, lost: str) -> None:
    """One action opens for a peer and closes for another; then all is closed."""
    door = lab.sessions["manager"]
    state, driver = state_of(lab, "manager")
    ours = surplus(state, wanted(new), "demo")
    assert {rule.source for rule in ours} == {f"{lost}/32"}
    steps = (*driver.open(state, "demo", wanted(new)), *driver.close(state, "demo", ours))
    carry_out(door, steps)
    after, _ = state_of(lab, "manager")
    assert (after.persistent, missing(after, wanted(new))) == (True, ())
    assert surplus(after, wanted(new), "demo") == ()
    carry_out(door, driver.close(after, "demo", surplus(after, [], "demo")))
    left = lab.run("manager", "iptables -S; ls /etc/swarmlay /etc/systemd/system 2>&1; true")
    assert "swarmlay:demo" not in left
    assert "swarmlay-firewall" not in left
    assert "--dport 22 -j ACCEPT" in left
    lab.run("manager", "iptables -P INPUT ACCEPT; iptables -F INPUT")


def test_ufw_keeps_ssh_and_others_rules(walled: Checked) -> None:
    """Opened before a deny, closed to exactly what it was."""
    with opened(walled.lab) as lab:
        door = lab.sessions["worker-1"]
        lab.run("worker-1", f"{APT} ufw >/dev/null; {DENIED}")
        before = lab.run("worker-1", "ufw status verbose")
        state, driver = state_of(lab, "worker-1")
        assert state.backend == "ufw"
        peer = lab.lab.host("manager").address
        assert not reaches(lab, "manager", "worker-1")
        carry_out(door, driver.open(state, "demo", missing(state, wanted(peer))))
        after, _ = state_of(lab, "worker-1")
        assert missing(after, wanted(peer)) == ()
        assert reaches(lab, "manager", "worker-1")
        assert not reaches(lab, "worker-2", "worker-1")
        carry_out(door, driver.close(after, "demo", surplus(after, [], "demo")))
        assert lab.run("worker-1", "ufw status verbose") == before
        lab.run("worker-1", "ufw --force disable")
