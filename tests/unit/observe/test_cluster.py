"""The lead manager, and telling "there is no swarm" from "it cannot be told"."""

from typing import Any

import pytest

from provision.errors import ActionFailed, HostUnreachable, SwarmlayError
from provision.model.connection import SshTarget
from provision.model.facts import Fact, Known, Unknown
from provision.model.inventory import Host, Role
from provision.model.observed import HostFacts, Membership
from provision.observe.cluster import READS, lead_of, observe_cluster
from provision.probes.cluster import node, task

SWARM: dict[str, Any] = {
    "ID": "swarm1",
    "Spec": {"Labels": {"io.swarmlay.cluster": "demo"}},
    "JoinTokens": {"Worker": "SWMTKN-1-secret"},
    "DataPathPort": 4789,
}


class Manager:
    """A session whose engine answers each read, or fails."""

    def __init__(self, error: SwarmlayError | None = None, swarm: Any = SWARM) -> None:
        self.error, self.swarm = error, swarm
        self.asked: list[str] = []

    host = "m"

    def ask(self, script: str, *, timeout: float = 30.0, sudo: bool = True) -> Any:
        """No script is run."""
        raise AssertionError(script, timeout, sudo)

    def do(self, step: Any, values: Any, *, progress: Any = None) -> Any:
        """Nothing is done."""
        raise AssertionError(step, values, progress)

    def docker(self, operation: str, arguments: Any) -> Any:
        """An empty list, or the swarm."""
        assert arguments == {}
        self.asked.append(operation)
        if self.error:
            raise self.error
        return self.swarm if operation == "swarm.inspect" else []

    def open(self, words: Any, *, sudo: bool = True) -> Any:
        """No pipe is needed."""
        raise AssertionError(words, sudo)

    def close(self) -> None:
        """Nothing to close."""


def host(name: str, role: Role = "manager") -> Host:
    """A host of the inventory."""
    return Host(name, role, SshTarget(name, "192.0.2.1", "known_hosts"))


HOSTS = [host("m1"), host("m2"), host("w1", "worker")]
MANAGER = Known(Membership("active", "n1", "10.0.0.1", "swarm1", manager=True))
WORKER = Known(Membership("active", "n2", "10.0.0.2", "swarm1"))
NONE: Fact[Membership | None] = Known(Membership("inactive"))
BARE: Fact[Membership | None] = Known(None)
LOST = Unknown("timed out")


def facts(*fact: Fact[Any]) -> dict[str, HostFacts]:
    """The swarm facts of m1, m2 and w1."""
    return {h.name: HostFacts(h.name, swarm=f) for h, f in zip(HOSTS, fact, strict=True)}


@pytest.mark.parametrize(
    ("fact", "lead"),
    [
        ((MANAGER, MANAGER, WORKER), "m1"),
        ((LOST, MANAGER, WORKER), "m2"),
        ((NONE, MANAGER, WORKER), "m2"),
        ((WORKER, NONE, MANAGER), "w1"),
        ((NONE, BARE, WORKER), None),
        ((Known(Membership("locked", manager=True)), NONE, NONE), None),
    ],
)
def test_the_lead_is_the_first_that_runs_a_manager(
    fact: tuple[Fact[Any], ...], lead: str | None
) -> None:
    """In the inventory's order, whatever the inventory calls it."""
    found = lead_of(HOSTS, facts(*fact))
    assert (found.name if found else None) == lead


@pytest.mark.parametrize("worker", [LOST, NONE, BARE])
@pytest.mark.parametrize("manager", [NONE, BARE])
def test_no_swarm_needs_every_manager_to_say_so(manager: Fact[Any], worker: Fact[Any]) -> None:
    """A worker that cannot be asked does not stop the first init."""
    assert observe_cluster(HOSTS, facts(manager, NONE, worker), {}) == Known(None)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (LOST, "manager m2 could not be asked: timed out"),
        (WORKER, "manager m2 cannot say: it is a worker of swarm swarm1"),
        (Known(Membership("pending")), "manager m2 cannot say: its swarm is pending"),
        (Known(Membership("locked")), "manager m2 cannot say: its swarm is locked"),
        (
            Known(Membership("error", error="certificate expired")),
            "manager m2 cannot say: its swarm is error (certificate expired)",
        ),
    ],
)
def test_one_manager_that_cannot_say_makes_it_unknown(fact: Fact[Any], reason: str) -> None:
    """Otherwise a second swarm might be made beside the first."""
    assert observe_cluster(HOSTS, facts(NONE, fact, NONE), {}) == Unknown(reason)


def test_managers_in_different_clusters_are_named() -> None:
    """Nobody guesses which of them is meant."""
    other = Known(Membership("active", cluster_id="swarm2", manager=True))
    found = observe_cluster(HOSTS, facts(MANAGER, other, NONE), {"m1": Manager(), "m2": Manager()})
    assert found == Unknown("managers are in different clusters: m1 in swarm1, m2 in swarm2")


def test_the_lead_is_asked_everything_once() -> None:
    """And the join tokens are not kept."""
    session = Manager()
    found = observe_cluster(
        HOSTS, facts(MANAGER, MANAGER, WORKER), {"m1": session, "m2": Manager()}
    )
    assert isinstance(found, Known)
    assert found.value is not None
    assert (found.value.lead, found.value.id) == ("m1", "swarm1")
    assert session.asked == list(READS)
    assert "SWMTKN" not in repr(found)


def test_another_manager_is_asked_when_the_first_fails() -> None:
    """The first *reachable* one leads."""
    sessions = {"m1": Manager(HostUnreachable("the connection broke")), "m2": Manager()}
    found = observe_cluster(HOSTS, facts(MANAGER, MANAGER, WORKER), sessions)
    assert isinstance(found, Known)
    assert found.value is not None
    assert found.value.lead == "m2"


@pytest.mark.parametrize(
    "session",
    [Manager(ActionFailed("the swarm does not have a leader", why="rpc error")), Manager(swarm={})],
)
def test_a_manager_that_cannot_answer_leaves_the_cluster_unknown(session: Manager) -> None:
    """No quorum, or no sense: never "no swarm"."""
    found = observe_cluster(HOSTS, facts(MANAGER, NONE, NONE), {"m1": session})
    assert isinstance(found, Unknown)
    assert "m1" in found.reason


@pytest.mark.parametrize(
    ("seen", "manager", "address"),
    [
        ("10.0.0.1", "10.0.0.1:2377", "10.0.0.1"),
        ("0.0.0.0", "10.0.0.1:2377", "10.0.0.1"),  # noqa: S104 - what swarm says
        ("", "[fd00::1]:2377", "fd00::1"),
        ("10.0.0.2", "", "10.0.0.2"),
    ],
)
def test_the_address_of_a_node(seen: str, manager: str, address: str) -> None:
    """A lone manager is seen as 0.0.0.0."""
    found = node(
        {
            "ID": "n",
            "Spec": {"Role": "manager", "Availability": "active"},
            "Status": {"State": "ready", "Addr": seen},
            "ManagerStatus": {"Addr": manager} if manager else None,
        }
    )
    assert found.address == address


def test_a_new_task_has_hardly_anything() -> None:
    """What is not there yet is empty."""
    assert task({"ID": "t"}).state == ""
