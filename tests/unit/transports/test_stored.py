"""Configs, secrets and jobs over the simulated engine, which behaves as real ones do."""

import base64
from typing import Any

import pytest

from provision.model.actions import Docker, DockerOperation, Wait
from provision.model.probes import Answer
from provision.model.secret_text import SecretText
from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request
from provision.transports.docker_operations.convergence import is_converged, is_gone
from provision.transports.simulated import SimulatedSession, SimulatedTransport

DATA = base64.b64encode(b"hunter2").decode()


@pytest.fixture
def manager() -> SimulatedSession:
    """A swarm of one."""
    session = SimulatedTransport(["manager"], images=["nginx:latest"]).connect("manager")
    assert _do(session, "swarm.init", advertise_addr="10.0.0.11").ok
    return session


def _do(session: SimulatedSession, operation: DockerOperation, **arguments: Any) -> Answer:
    return session.do(Docker(operation, arguments), {})


def _spec(**container: Any) -> dict[str, Any]:
    return {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx", **container}}}


def test_a_secret_is_revealed_to_the_engine_only(manager: SimulatedSession) -> None:
    """It is made with what it holds, and no list tells it."""
    made = _do(manager, "secret.create", name="s_1", data=SecretText(DATA), labels={"a": "b"})

    listed = manager.docker("secret.list", {})
    assert made.ok
    assert [(s["ID"], s["Spec"]["Name"]) for s in listed] == [(made.stdout, "s_1")]
    assert DATA not in repr(listed)
    assert DATA not in repr(Docker("secret.create", {"data": SecretText(DATA)}))


def test_a_service_gets_ids_for_names(manager: SimulatedSession) -> None:
    """A plan knows names only; one that does not exist is an error that names it."""
    made = _do(manager, "config.create", name="c_1", data=SecretText(DATA)).stdout
    use = {"File": {"Name": "/c"}, "ConfigName": "c_1"}

    good = _do(manager, "service.create", spec=_spec(Configs=[use]))
    bad = _do(manager, "service.create", spec=_spec(Configs=[{**use, "ConfigName": "c_2"}]))

    service = manager.docker("service.inspect", {"id": good.stdout})
    [found] = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Configs"]
    assert found == {**use, "ConfigID": made}
    assert not bad.ok
    assert "config c_2 does not exist" in bad.stderr


def test_what_a_service_has_is_not_removed(manager: SimulatedSession) -> None:
    """The engine says who has it; without the service it goes, and again is fine."""
    made = _do(manager, "secret.create", name="s_1", data=SecretText(DATA)).stdout
    use = {"File": {"Name": "s"}, "SecretName": "s_1"}
    service = _do(manager, "service.create", spec=_spec(Secrets=[use])).stdout

    refused = _do(manager, "secret.remove", id=made)
    _do(manager, "service.remove", id=service)

    assert "in use by the following service: web" in refused.stderr
    assert _do(manager, "secret.remove", id=made).ok
    assert _do(manager, "secret.remove", id=made).ok


def test_a_job_is_done_when_its_tasks_are_completed(manager: SimulatedSession) -> None:
    """Running is not enough."""
    job = {**_spec(), "Mode": {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 2}}}
    made = _do(manager, "service.create", spec=job).stdout

    wait = Wait(Docker("service.is_converged", {"id": made}), 30, "the job")
    assert manager.do(wait, {}).ok


class Engine:
    """An engine that answers from a table."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def call(self, method: str, path: str, **_: Any) -> Any:
        """The answer by the last part of the path."""
        assert method == "GET"
        return self.answers[path.strip("/").partition("/")[0]]

    def read(self, *_: Any, **__: Any) -> bytes:
        """No logs."""
        return b""


def _task(slot: int, state: str, run: int = 0, **status: Any) -> dict[str, Any]:
    """As the engine writes it: numbers that are 0 are left out."""
    task: dict[str, Any] = {
        "ID": f"{slot}{state}",
        "ServiceID": "s",
        "NodeID": "n",
        "CreatedAt": "2030-01-01",
    }
    task |= {"Slot": slot} if slot else {}
    return {
        **task,
        "DesiredState": "complete",
        "Status": {"State": state, **status},
        "JobIteration": {"Index": run} if run else {},
    }


def _asked(tasks: list[dict[str, Any]], policy: dict[str, Any] | None = None) -> Any:
    mode = {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 2}}
    spec = {"Mode": mode, "TaskTemplate": {"RestartPolicy": policy or {}}}
    service = {"ID": "s", "Spec": spec, "JobStatus": {"JobIteration": {"Index": 7}}}
    engine: Any = Engine(services=service, tasks=tasks, nodes={"Description": {"Hostname": "w1"}})
    return is_converged(Request(engine, "service.is_converged", {"id": "s"}, 1))


def test_only_the_present_run_of_a_job_counts() -> None:
    """What an earlier one completed does not; the first place has no number."""
    earlier = [_task(0, "complete"), _task(1, "complete")]

    half = _asked([*earlier, _task(0, "complete", 7), _task(1, "running", 7)])
    done = _asked([*earlier, _task(0, "complete", 7), _task(1, "complete", 7)])

    assert (half["done"], half["text"]) == (False, "1/2 tasks completed")
    assert done["done"]


@pytest.mark.parametrize(
    ("failures", "policy", "failed"),
    [
        (1, {"Condition": "none"}, True),
        (1, {"Condition": "on-failure"}, False),
        (3, {"Condition": "on-failure"}, True),
        (2, {"Condition": "on-failure", "MaxAttempts": 2}, False),
        (3, {"Condition": "on-failure", "MaxAttempts": 2}, True),
    ],
)
def test_a_job_that_fails_for_good_says_why(
    failures: int, policy: dict[str, Any], failed: bool
) -> None:
    """After the attempts it has, or when it plainly goes on failing."""
    status = {"Err": "task: non-zero exit (3)", "ContainerStatus": {"ExitCode": 3}}
    tasks = [_task(0, "failed", 7, **status) for _ in range(failures)]

    answer = _asked(tasks, policy)

    assert (answer["failed"] is not None) is failed
    if failed:
        assert "exit code 3" in answer["failed"]


def test_a_removed_job_is_gone_although_its_records_stay() -> None:
    """Swarm keeps them for ever; one that still runs is waited for."""

    class Gone(Engine):
        def call(self, method: str, path: str, **more: Any) -> Any:
            if path.startswith("/services"):
                raise EngineError(404, "service s not found")
            return super().call(method, path, **more)

    def ask(*states: str) -> bool:
        tasks = [_task(at, state) for at, state in enumerate(states)]
        node = {"ID": "n", "Status": {"State": "ready"}}
        engine: Any = Gone(tasks=tasks, nodes=[node])
        found = Request(engine, "service.is_gone", {"id": "s"}, 1)
        return bool(is_gone(found)["done"])

    assert ask("complete", "failed")
    assert not ask("complete", "running")
