"""The closed table of operations, and the parts of them that only compute."""

from typing import Any, get_args

import pytest

from provision.errors import UsageError
from provision.model.actions import DockerOperation
from provision.transports.docker_api import EngineError
from provision.transports.docker_operations import CHANGES, OPERATIONS, operate
from provision.transports.docker_operations.images import split
from provision.transports.docker_operations.logs import unframed
from provision.transports.docker_operations.placement import fits


class _Engine:
    """Answers each path from a list; remembers what it was asked."""

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, str, Any, Any]] = []

    def call(self, method: str, path: str, **call: Any) -> Any:
        """The next answer for the path."""
        self.calls.append((method, path, call.get("query"), call.get("body")))
        answer = self.answers[path].pop(0) if len(self.answers[path]) > 1 else self.answers[path][0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(self, method: str, path: str, **call: Any) -> bytes:
        """The next answer, which is no JSON."""
        return bytes(self.call(method, path, **call))


def test_the_table_is_closed() -> None:
    """Every operation of the vocabulary is carried out, and no other."""
    assert set(OPERATIONS) == set(get_args(DockerOperation))
    assert set(OPERATIONS) > CHANGES


def test_a_missing_argument_is_named() -> None:
    """An operation without what it needs says which."""
    with pytest.raises(UsageError, match=r"node\.update needs the argument id"):
        operate(_Engine({}), "node.update", {}, 1.0)


def test_out_of_sequence_is_tried_again() -> None:
    """When somebody else was faster, the object is read again and written anew."""
    node = {"Version": {"Index": 7}, "Spec": {"Labels": {}, "Role": "worker"}}
    newer = {**node, "Version": {"Index": 8}}
    late = EngineError(500, "rpc error: code = Unknown desc = update out of sequence")
    engine = _Engine({"/nodes/n1": [node, newer], "/nodes/n1/update": [late, None]})

    assert operate(engine, "node.update", {"id": "n1", "labels": {"a": "b"}}, 1.0) is True
    versions = [call[2]["version"] for call in engine.calls if call[0] == "POST"]
    assert versions == [7, 8]


def test_other_refusals_are_not_tried_again() -> None:
    """A write that is refused for a reason is not repeated."""
    node = {"Version": {"Index": 7}, "Spec": {"Labels": {}, "Role": "worker"}}
    engine = _Engine({"/nodes/n1": [node], "/nodes/n1/update": [EngineError(400, "no")]})

    with pytest.raises(EngineError, match="no"):
        operate(engine, "node.update", {"id": "n1", "role": "manager"}, 1.0)
    assert len(engine.calls) == 2


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", ("nginx", "latest")),
        ("nginx:1.27", ("nginx", "1.27")),
        ("10.0.0.5:5000/app", ("10.0.0.5:5000/app", "latest")),
        ("10.0.0.5:5000/app:2", ("10.0.0.5:5000/app", "2")),
        ("nginx@sha256:abc", ("nginx", "sha256:abc")),
        ("ghcr.io/a/b:c@sha256:abc", ("ghcr.io/a/b:c", "sha256:abc")),
    ],
)
def test_an_image_is_split_as_docker_does(image: str, expected: tuple[str, str]) -> None:
    """A colon before a slash is a registry's port, not a tag."""
    assert split(image) == expected


def test_an_image_without_a_registry_stays_unpinned() -> None:
    """Where no registry can be asked the service is made with the tag."""
    engine = _Engine(
        {
            "/distribution/app:1/json": [EngineError(500, "no such host")],
            "/services/create": [{"ID": "s1"}],
        }
    )
    spec = {"Name": "app", "TaskTemplate": {"ContainerSpec": {"Image": "app:1"}}}

    assert operate(engine, "service.create", {"spec": spec}, 1.0) == "s1"
    assert engine.calls[-1][3] == spec


def test_an_error_in_the_middle_of_a_pull_is_an_error() -> None:
    """A pull answers 200 and may still fail, in a later line."""
    lines = [{"status": "Pulling"}, {"error": "unauthorized"}]

    with pytest.raises(EngineError, match="app:1 cannot be pulled: unauthorized"):
        operate(_Engine({"/images/create": [lines]}), "image.pull", {"image": "app:1"}, 1.0)


def test_an_id_stays_one_part_of_a_path() -> None:
    """A name with slashes and dots does not lead elsewhere in the API."""
    engine = _Engine({"/nodes/..%2Fswarm%3Fa": [{"ID": "x"}]})

    operate(engine, "node.is_ready", {"id": "../swarm?a"}, 1.0)

    assert engine.calls[0][1] == "/nodes/..%2Fswarm%3Fa"


def test_swarm_inspect_holds_no_token() -> None:
    """What is only looked at carries no secret."""
    swarm = {"ID": "s", "JoinTokens": {"Worker": "SWMTKN-secret"}}

    assert operate(_Engine({"/swarm": [swarm]}), "swarm.inspect", {}, 1.0) == {"ID": "s"}


@pytest.mark.parametrize(
    ("swarm", "done", "failed"),
    [
        ({"LocalNodeState": "active"}, True, None),
        ({"LocalNodeState": "pending", "Error": "rpc error"}, False, None),
        ({"LocalNodeState": "error", "Error": "certificate expired"}, False, "certificate expired"),
        ({"LocalNodeState": "locked"}, False, "unlock"),
        (None, False, None),
    ],
)
def test_membership_is_judged(swarm: Any, done: bool, failed: str | None) -> None:
    """Active is done, pending may become so, an error or a lock will not pass."""
    said = operate(_Engine({"/info": [{"Swarm": swarm}]}), "swarm.is_active", {}, 1.0)

    assert said["done"] is done
    assert (said["failed"] is None) == (failed is None)
    assert failed is None or failed in said["failed"]


def test_a_container_that_ended_tells_its_last_words() -> None:
    """Exit code and last lines of the log make the reason."""
    state = {"Status": "exited", "ExitCode": 4, "Error": ""}
    frame = b"\x01\0\0\0\0\0\0\x04bye\n"
    engine = _Engine({"/containers/c/json": [{"State": state}], "/containers/c/logs": [frame]})

    said = operate(engine, "container.is_running", {"id": "c"}, 1.0)

    assert said["failed"] == "its command ended with exit code 4; its last words: bye"


def test_logs_are_taken_out_of_their_frames() -> None:
    """Both streams are joined; a terminal's log has no frames."""
    framed = b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\x03two"

    assert unframed(framed) == b"onetwo"
    assert unframed(b"plain terminal output") == b"plain terminal output"


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("node.role==worker", True),
        ("node.role != worker", False),
        ("node.labels.zone == A", True),
        ("node.labels.rack==1", False),
        ("node.labels.rack!=1", True),
        ("node.hostname==w1", True),
        ("node.platform.arch==x86_64", True),
        ("engine.labels.disk==ssd", True),
    ],
)
def test_constraints_hold_as_in_swarm(constraint: str, expected: bool) -> None:
    """Constraints compare without regard to case; a missing label equals nothing."""
    node = {
        "Spec": {"Availability": "active", "Role": "worker", "Labels": {"zone": "a"}},
        "Description": {
            "Hostname": "w1",
            "Platform": {"OS": "linux", "Architecture": "x86_64"},
            "Engine": {"Labels": {"disk": "ssd"}},
        },
    }

    assert fits({"TaskTemplate": {"Placement": {"Constraints": [constraint]}}}, node) is expected


def test_drained_nodes_and_other_machines_do_not_fit() -> None:
    """A drained node runs nothing, and an image for another architecture does not run."""
    platform = {"OS": "linux", "Architecture": "aarch64"}
    node: dict[str, Any] = {"Spec": {"Availability": "active"}, "Description": {}}
    node["Description"]["Platform"] = platform
    for_amd = {"Placement": {"Platforms": [{"OS": "linux", "Architecture": "amd64"}]}}
    for_arm = {"Placement": {"Platforms": [{"OS": "linux", "Architecture": "arm64"}]}}

    assert not fits({"TaskTemplate": for_amd}, node)
    assert fits({"TaskTemplate": for_arm}, node)
    assert not fits({"TaskTemplate": for_arm}, {**node, "Spec": {"Availability": "drain"}})


def _service(**more: Any) -> dict[str, Any]:
    spec = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "app"}}}
    return {"ID": "s1", "Spec": {**spec, "Mode": {"Replicated": {"Replicas": 1}}}, **more}


def _task(state: str, desired: str = "running", error: str = "", **more: Any) -> dict[str, Any]:
    return {
        "ID": "t1",
        "Slot": 1,
        "NodeID": "n1",
        "CreatedAt": "2030-01-01T00:00:00Z",
        "DesiredState": desired,
        "Spec": {"ContainerSpec": {"Image": "app", "Isolation": ""}},
        "Status": {"State": state, "Err": error},
        **more,
    }


def _converged(service: dict[str, Any], tasks: list[Any], state: str = "ready") -> Any:
    node = {"ID": "n1", "Status": {"State": state}, "Description": {"Hostname": "w1"}}
    answers: dict[str, list[Any]] = {
        "/services/s1": [service],
        "/tasks": [tasks],
        "/nodes": [[node]],
        "/nodes/n1": [node],
        "/tasks/t1/logs": [b"oh no\n"],
        "/info": [{"SystemTime": "2030-01-01T00:01:00.123456789+00:00"}],
    }
    return operate(_Engine(answers), "service.is_converged", {"id": "s1"}, 1.0)


def test_tasks_of_an_older_spec_do_not_count() -> None:
    """Between an update and its first new task, old tasks that run are not what is wanted."""
    old = {"ContainerSpec": {"Image": "older"}}

    said = _converged(_service(), [_task("running", Spec=old)])

    assert (said["done"], said["text"]) == (False, "0/1 tasks running, old tasks are stopping")


def test_a_task_on_a_dead_node_holds_nothing_up() -> None:
    """A task that seems to run on a node that is down will never be seen to stop."""
    tasks = [_task("running", desired="shutdown"), _task("running", Slot=1, NodeID="n2")]

    assert _converged(_service(), tasks, state="down")["done"]


def test_an_update_that_stands_still_is_a_failure() -> None:
    """A paused update says so, with the task's own reason."""
    update = {"State": "paused", "Message": "update paused due to failure"}
    tasks = [_task("rejected", error="No such image: app")]

    said = _converged(_service(UpdateStatus=update), tasks)

    assert said["failed"].startswith("the update is paused: task 1 on w1: the image cannot be had")


def test_two_failures_are_not_enough() -> None:
    """A task may fail while its neighbours come up: only the third time is the reason believed."""
    failed = _task("failed", "shutdown", "task: non-zero exit (3)")
    said = [_converged(_service(), [failed] * count)["failed"] for count in (2, 3)]

    assert said[0] is None
    assert "failed 3 times" in said[1]
    assert "its last words: oh no" in said[1]


def test_restarts_of_the_engine_are_no_failures_of_a_task() -> None:
    """Each of them leaves a task whose container has vanished; the next one may well run."""
    gone = _task("failed", "shutdown", "No such container: web.1.c46bzuh3icl58o4adt7bwi7fz")

    assert _converged(_service(), [gone] * 5)["failed"] is None


@pytest.mark.parametrize(
    ("failed_before", "since", "done"),
    [
        (0, "00:00:59.9", False),
        (0, "00:00:59.5", True),
        (1, "00:00:57", False),
        (1, "00:00:50", True),
    ],
)
def test_a_task_must_have_run_for_a_moment(failed_before: int, since: str, done: bool) -> None:
    """A command that ends at once is seen running in between; that is not believed."""
    failed = _task("failed", "shutdown", "task: non-zero exit (3)")
    running = _task("running", UpdatedAt=f"2030-01-01T{since}Z")

    said = _converged(_service(), [*[failed] * failed_before, running])

    assert said["done"] is done


def test_a_task_that_may_end_may_have_ended_well() -> None:
    """With `restart: on-failure` a task that ended with 0 is what was wanted."""
    service = _service()
    service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "on-failure"}

    assert _converged(service, [_task("complete", "shutdown")])["done"]
    assert not _converged(_service(), [_task("complete", "shutdown")])["done"]


def test_a_task_that_is_never_restarted_fails_at_once() -> None:
    """With `restart: no` there is no second time to wait for."""
    service = _service()
    service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
    status = {"State": "failed", "Err": "task: non-zero exit (3)"}
    task = _task("failed", Status={**status, "ContainerStatus": {"ExitCode": 3}})

    assert "ended with exit code 3" in _converged(service, [task])["failed"]


def test_no_suitable_node_is_believed_after_a_while() -> None:
    """A task that nobody may run is a failure once it has waited for more than its patience."""
    error = "no suitable node (insufficient resources on 1 node)"
    young, old = "2030-01-01T00:00:55Z", "2030-01-01T00:00:00Z"
    said = [
        _converged(_service(), [_task("pending", error=error, CreatedAt=at, NodeID="")])
        for at in (young, old)
    ]

    assert [item["failed"] is None for item in said] == [True, False]
    assert error in said[0]["text"]


_LATE = EngineError(503, "Timeout was reached. The attempt will continue in the background.")
_JOINING: dict[str, Any] = {
    "/swarm/join": [_LATE],
    "/info": [
        {"Swarm": {"LocalNodeState": "pending"}},
        {"Swarm": {"LocalNodeState": "active", "NodeID": "n1"}},
    ],
}
_WHERE = {"advertise_addr": "10.0.0.2", "remote_addrs": ["10.0.0.1:2377"], "token": "t"}


def test_a_worker_that_joins_slowly_is_waited_for() -> None:
    """The engine stops waiting after 20 s and goes on joining: so do we."""
    engine = _Engine({path: list(answers) for path, answers in _JOINING.items()})

    assert operate(engine, "swarm.join", {**_WHERE, "patience": 60}, 1.0) == "n1"


def test_a_join_without_patience_fails_at_once() -> None:
    """A manager that has half joined costs the quorum a voice: it is not waited for."""
    engine = _Engine({path: list(answers) for path, answers in _JOINING.items()})

    with pytest.raises(EngineError, match="Timeout was reached"):
        operate(engine, "swarm.join", {**_WHERE, "patience": 0}, 1.0)


def test_a_late_attachment_is_tried_again() -> None:
    """The engine gives the swarm 20 s to attach a container, which the first one may exceed."""
    late = EngineError(500, "attaching to network failed, ...: context deadline exceeded")
    engine = _Engine({"/containers/c1/start": [late, None]})

    operate(engine, "container.start", {"id": "c1"}, 1.0)

    assert len(engine.calls) == 2


def test_an_attachment_that_never_comes_is_told() -> None:
    """After three times it is a cause, not slowness."""
    late = EngineError(500, "attaching to network failed, ...: context deadline exceeded")
    engine = _Engine({"/containers/c1/start": [late]})

    with pytest.raises(EngineError, match="deadline exceeded"):
        operate(engine, "container.start", {"id": "c1"}, 1.0)
    assert len(engine.calls) == 3
