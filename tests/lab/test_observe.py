"""Real hosts are read as they are: bare, with an engine, with one that is stopped or hangs."""

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from provision.lab.labs import Lab
from provision.model.desired import EngineWanted
from provision.model.facts import Known, Unknown
from provision.model.manifest import decode
from provision.model.observed import Engine, HostFacts
from provision.platforms.debian import Debian
from tests.lab.carried_out import carry_out
from tests.lab.checked import Checked, opened

pytestmark = pytest.mark.lab


DISTRO = EngineWanted(source="distro")
LOCK = """cat >/run/lock.pl <<'END'
use Fcntl; open(F, '>', '/var/lib/dpkg/lock-frontend') or die;
my $l = pack("ssx4l!l!ix4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; sleep 8;
END
perl /run/lock.pl >/dev/null 2>&1 & sleep 0.5
"""
LEFT = """
ls -d /var/lib/swarmlay /etc/swarmlay /run/docker* /etc/containerd 2>/dev/null
ls -A /var/lib/docker; ip -o link | grep -E 'docker|veth'; getent group docker
dpkg -l | grep -E 'docker|containerd|iptables'; true
"""


@pytest.fixture(scope="module")
def bare(fresh_lab: Callable[..., Lab]) -> Iterator[Checked]:
    """A host that stays as it is."""
    with opened(fresh_lab(workers=0)) as found:
        yield found


@pytest.fixture(scope="module")
def swarm(fresh_lab: Callable[..., Lab]) -> Iterator[Checked]:
    """Two hosts in a swarm that was made by hand."""
    with opened(fresh_lab(workers=1)) as found:
        install(found)
        manager = found.lab.host("manager").address
        found.run("manager", f"docker swarm init --advertise-addr {manager}")
        token = found.run("manager", "docker swarm join-token -q worker")
        found.run("worker-1", f"docker swarm join --token {token} {manager}:2377")
        yield found


def install(lab: Checked) -> None:
    """The distribution's engine on every host, all at once."""
    hosts = lab.observe().hosts
    with ThreadPoolExecutor() as pool:
        works = {name: Debian().install(facts, DISTRO, "demo") for name, facts in hosts.items()}
        list(pool.map(lambda n: carry_out(lab.sessions[n], works[n].steps), works))


def engine_of(lab: Checked, host: str) -> Engine:
    """The engine that is there."""
    fact = lab.observe().hosts[host].engine
    assert isinstance(fact, Known)
    assert fact.value is not None
    return fact.value


def test_a_bare_host_is_known_throughout(bare: Checked) -> None:
    """Every fact is Known; what is not there is known not to be there."""
    state = bare.observe()
    found = state.hosts["manager"]
    for field in dataclasses.fields(HostFacts):
        assert not isinstance(getattr(found, field.name), Unknown), field.name
    assert (found.engine, found.swarm, found.manifest) == (Known(None),) * 3
    assert isinstance(found.clock, Known)
    assert abs(found.clock.value.offset) < 1
    assert state.cluster == Known(None)


def test_observing_changes_nothing(bare: Checked) -> None:
    """No table is made, no file is written."""
    look = "cat /proc/net/ip_tables_names; find /etc /var/lib /root -xdev -newer /run/look | head"
    bare.run("manager", "touch /run/look")
    bare.observe()
    assert bare.run("manager", look) == ""


def test_an_engine_comes_and_goes_without_a_trace(fresh_lab: Callable[..., Lab]) -> None:
    """Waiting for the package lock, twice over, and back to the bare host."""
    with opened(fresh_lab(workers=0)) as lab:
        before = lab.run("manager", "dpkg-query -W; iptables-save 2>/dev/null; true")
        lab.run("manager", LOCK)
        packages = lab.observe().hosts["manager"].packages
        assert isinstance(packages, Known)
        assert packages.value.locked_by.startswith("perl (")

        install(lab)
        listed = lab.run("manager", "cat /var/lib/swarmlay/manifest.json; dpkg-query -W")
        assert engine_of(lab, "manager").running
        assert engine_of(lab, "manager").package == "docker.io"
        install(lab)
        assert lab.run("manager", "cat /var/lib/swarmlay/manifest.json; dpkg-query -W") == listed

        fact = lab.observe().hosts["manager"].manifest
        assert isinstance(fact, Known)
        manifest = decode(fact.value)
        assert manifest is not None
        carry_out(lab.sessions["manager"], Debian().purge(manifest).steps)
        assert lab.run("manager", LEFT) == ""
        assert lab.run("manager", "dpkg-query -W; iptables-save 2>/dev/null; true") == before
        assert lab.observe().hosts["manager"].engine == Known(None)


def test_a_swarm_is_known_by_the_same_id_on_every_node(swarm: Checked) -> None:
    """A worker's certificate says what the manager's engine says."""
    state = swarm.observe()
    members = [fact.value for h in state.hosts.values() if isinstance(fact := h.swarm, Known)]
    assert len({m.cluster_id for m in members if m}) == 1
    assert [m.manager for m in members if m] == [True, False]
    assert isinstance(state.cluster, Known)
    assert state.cluster.value is not None
    assert state.cluster.value.lead == "manager"
    assert {n.hostname for n in state.cluster.value.nodes} == {"manager", "worker-1"}


def test_an_engine_that_hangs_is_a_problem_in_time(swarm: Checked) -> None:
    """The host answers within seconds, and is not taken to be outside a swarm."""
    swarm.run("manager", "kill -STOP $(cat /run/docker.pid)")
    try:
        state = swarm.observe()
    finally:
        swarm.run("manager", "kill -CONT $(cat /run/docker.pid)")
    found = state.hosts["manager"]
    assert isinstance(found.engine, Known)
    assert found.engine.value is not None
    assert "within 5 s" in found.engine.value.problem
    assert isinstance(found.swarm, Unknown)
    assert isinstance(state.cluster, Unknown)


def test_a_stopped_engine_is_not_started_by_looking(swarm: Checked) -> None:
    """Its socket would start it; a step of ours does."""
    swarm.run("worker-1", "systemctl stop docker.service")
    assert not engine_of(swarm, "worker-1").running
    assert swarm.run("worker-1", "systemctl is-active docker || true") == "inactive"
    carry_out(swarm.sessions["worker-1"], Debian().start().steps)
    assert engine_of(swarm, "worker-1").running
