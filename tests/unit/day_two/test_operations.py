"""What rotation, unlocking and restoring ask of the engine."""

from typing import Any

import pytest

from provision.errors import Refused
from provision.model.actions import DockerOperation
from provision.transports.docker_api import EngineError
from provision.transports.docker_operations import operate


class _Engine:
    """Answers by path; remembers what was written."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.written: list[tuple[str, Any, Any]] = []

    def call(self, method: str, path: str, **call: Any) -> Any:
        """The answer for the path."""
        if method != "GET":
            self.written.append((path, call.get("query"), call.get("body")))
        answer = self.answers.get(path.strip("/").replace("/", "_"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(self, method: str, path: str, **call: Any) -> bytes:
        """Nothing here reads what is no JSON."""
        raise AssertionError((method, path, call))


def done(engine: _Engine, operation: DockerOperation, **arguments: Any) -> Any:
    """The operation's answer."""
    return operate(engine, operation, arguments, 1.0)


def swarm(**spec: Any) -> dict[str, Any]:
    """The answer to /swarm."""
    return {"Version": {"Index": 3}, "Spec": {"Labels": {"a": "b"}, **spec}}


def manager(name: str, reachability: str = "reachable", state: str = "ready") -> dict[str, Any]:
    """A manager's record."""
    return {
        "ID": name,
        "Spec": {"Role": "manager"},
        "Status": {"State": state},
        "ManagerStatus": {"Reachability": reachability},
    }


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("worker", "rotateWorkerToken"),
        ("manager", "rotateManagerToken"),
        ("unlock_key", "rotateManagerUnlockKey"),
    ],
)
def test_a_rotation_keeps_the_spec(what: str, query: str) -> None:
    """Only the query says what is made anew."""
    engine = _Engine(swarm=swarm())

    assert done(engine, "swarm.rotate", what=what) is True
    path, asked, body = engine.written[0]
    assert (path, asked) == ("/swarm/update", {query: True, "version": 3})
    assert body == swarm()["Spec"]


def test_the_ca_is_forced_to_rotate() -> None:
    """By a counter in the spec that only goes up; other settings of the CA stay."""
    engine = _Engine(swarm=swarm(CAConfig={"NodeCertExpiry": 5, "ForceRotate": 2}))
    done(engine, "swarm.rotate", what="ca")

    assert engine.written[0][2]["CAConfig"] == {"NodeCertExpiry": 5, "ForceRotate": 3}


def test_something_else_cannot_be_rotated() -> None:
    """And nothing is written."""
    engine = _Engine(swarm=swarm())
    with pytest.raises(EngineError, match="nothing named"):
        done(engine, "swarm.rotate", what="disks")
    assert engine.written == []


def test_a_rotation_of_the_ca_takes_a_while() -> None:
    """It has ended when the swarm says so."""
    under_way = _Engine(swarm={**swarm(), "RootRotationInProgress": True})

    assert done(under_way, "swarm.is_ca_rotated")["done"] is False
    assert done(_Engine(swarm=swarm()), "swarm.is_ca_rotated")["done"] is True


def test_unlocking_what_is_not_locked_is_fine() -> None:
    """It changes nothing; a wrong key is an error."""
    fine = _Engine(swarm_unlock=EngineError(409, "swarm is not locked"))
    wrong = _Engine(swarm_unlock=EngineError(400, "invalid key"))

    assert done(_Engine(), "swarm.unlock", key="k") is True
    assert done(fine, "swarm.unlock", key="k") is False
    with pytest.raises(EngineError, match="invalid key"):
        done(wrong, "swarm.unlock", key="k")


def test_autolock_is_turned_without_touching_labels() -> None:
    """And what is as wanted is not written."""
    engine = _Engine(swarm=swarm())

    assert done(engine, "swarm.update", autolock=True) is True
    assert engine.written[0][2]["EncryptionConfig"] == {"AutoLockManagers": True}
    assert engine.written[0][2]["Labels"] == {"a": "b"}
    assert done(engine, "swarm.update", autolock=False) is False
    assert done(engine, "swarm.update", labels={"a": "b"}) is False


def test_marking_keeps_other_labels() -> None:
    """None takes one away; the availability changes in the same write."""
    node = {"Version": {"Index": 7}, "Spec": {"Labels": {"x": "1", "y": "2"}, "Role": "worker"}}
    engine = _Engine(nodes_n1=node)
    done(engine, "node.mark", id="n1", labels={"y": None, "z": "3"}, availability="drain")

    body = engine.written[0][2]
    assert body == {"Labels": {"x": "1", "z": "3"}, "Role": "worker", "Availability": "drain"}


@pytest.mark.parametrize(
    ("others", "allowed"),
    [
        ([], True),
        (["reachable"], True),
        (["reachable", "reachable"], True),
        (["reachable", "unreachable"], False),
        (["unreachable"], False),
        (["reachable", "reachable", "reachable", "unreachable"], True),
        (["reachable", "reachable", "unreachable", "unreachable"], False),
    ],
)
def test_a_manager_may_stop_while_the_others_have_a_quorum(
    others: list[str], allowed: bool
) -> None:
    """Or where there never is one without it, and nobody is missing yet."""
    nodes = [manager("m0"), *(manager(f"o{i}", r) for i, r in enumerate(others))]
    engine = _Engine(nodes=nodes)
    if allowed:
        assert done(engine, "node.check_restart", id="m0") is None
        return
    with pytest.raises(Refused, match="quorum"):
        done(engine, "node.check_restart", id="m0")


def test_a_worker_takes_no_quorum_along() -> None:
    """Whatever is wrong with the managers."""
    engine = _Engine(nodes=[manager("m0", "unreachable"), {"ID": "w", "Spec": {"Role": "worker"}}])

    assert done(engine, "node.check_restart", id="w") is None


def test_a_restored_swarm_forgets_other_managers_and_strangers() -> None:
    """Workers of hosts that are to join again leave their labels for them."""
    worker = {"ID": "w1", "Spec": {"Role": "worker", "Labels": {"io.swarmlay.host": "w1"}}}
    stranger = {"ID": "w9", "Spec": {"Role": "worker", "Labels": {"io.swarmlay.host": "w9"}}}
    engine = _Engine(nodes=[manager("keep"), manager("old"), worker, stranger])

    assert done(engine, "node.forget_others", keep="keep", hosts=["w1"]) == ["old", "w9"]
    assert [path for path, _, _ in engine.written] == ["/nodes/old", "/nodes/w9"]


def test_a_swarm_is_founded_from_its_remains() -> None:
    """With the labels and the port that it had."""
    engine = _Engine(swarm_init="n1")
    arguments = {"advertise_addr": "10.0.0.1", "data_path_port": 4790, "labels": {"a": "b"}}

    assert done(engine, "swarm.restore", **arguments) == "n1"
    body = engine.written[0][2]
    assert body["ForceNewCluster"] is True
    assert (body["AdvertiseAddr"], body["DataPathPort"]) == ("10.0.0.1", 4790)
    assert body["Spec"]["Labels"] == {"a": "b"}


def test_services_have_recovered_when_their_tasks_run() -> None:
    """However often they failed before; global services are not counted."""
    web = {"ID": "web", "Spec": {"Mode": {"Replicated": {"Replicas": 2}}}}
    agent = {"ID": "agent", "Spec": {"Mode": {"Global": {}}}}
    one = {"ServiceID": "web", "Status": {"State": "running"}}

    def recovered(*tasks: dict[str, Any]) -> Any:
        return done(_Engine(services=[web, agent], tasks=list(tasks)), "swarm.is_recovered")

    assert recovered(one, {**one, "Status": {"State": "failed"}})["done"] is False
    assert recovered(one, one) == {"done": True, "text": "2/2 services run", "failed": None}
