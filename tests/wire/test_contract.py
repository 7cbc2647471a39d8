"""What every way to a host must do alike: simulated, local, an SSH server, OpenSSH's sshd."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from provision.errors import ActionFailed, HostUnreachable
from provision.model.actions import Docker, Ref, Run, Upload, Wait, WriteFile

pytestmark = pytest.mark.wire

_NASTY = ("a b", "it's", '"q"', "$HOME", "; rm -rf /", "`id`", "line\nbreak", "*", "", "ümläut")


def test_a_script_answers_with_both_streams_and_its_code(rig: Any) -> None:
    """A script's output, errors and exit code come back apart."""
    answer = rig.session.ask("echo out; echo err >&2; exit 3", sudo=False)

    assert (answer.exit_code, answer.stdout, answer.stderr) == (3, "out\n", "err")


def test_output_that_is_no_text_is_no_error(rig: Any) -> None:
    """Bytes that are not UTF-8 are shown as replacements."""
    answer = rig.session.ask(r"printf '\377ok'", sudo=False)

    assert answer.stdout == "\N{REPLACEMENT CHARACTER}ok"


def test_long_output_comes_whole(rig: Any) -> None:
    """Two megabytes on one stream and one on the other arrive without a stall."""
    script = "head -c 2000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2"

    answer = rig.session.ask(script, sudo=False)

    assert (len(answer.stdout), len(answer.stderr)) == (2_000_000, 1_000_000)


def test_words_arrive_as_they_are(rig: Any) -> None:
    """No word is ever read by a shell on its way."""
    step = Run(("printf", "%s\\001", *_NASTY), sudo=False)

    assert rig.session.do(step, {}).stdout.split("\x01")[:-1] == list(_NASTY)


def test_a_command_has_its_environment_and_stdin(rig: Any) -> None:
    """Variables and stdin reach the command."""
    step = Run(
        ("sh", "-c", 'printf "%s|" "$COLOUR"; cat'),
        stdin="from here",
        sudo=False,
        environment={"COLOUR": "deep blue; ls"},
    )

    assert rig.session.do(step, {}).stdout == "deep blue; ls|from here"


def test_a_failing_command_is_an_answer(rig: Any) -> None:
    """An exit code is returned, never raised."""
    answer = rig.session.do(Run(("sh", "-c", "echo no >&2; exit 7"), sudo=False), {})

    assert (answer.exit_code, answer.stderr) == (7, "no")


def test_refs_are_bound_at_the_last_moment(rig: Any) -> None:
    """A ref in words or stdin stands for its value."""
    name, secret = Ref("name"), Ref("token", secret=True)
    step = Run(("sh", "-c", 'echo "$0"; cat', name), stdin=secret, sudo=False)

    assert rig.session.do(step, {name: "x", secret: "s3cret"}).stdout == "x\ns3cret"


def test_a_secret_does_not_stand_on_a_command_line(rig: Any) -> None:
    """A secret ref among the words is refused, and the refusal does not tell it."""
    secret = Ref("token", secret=True)

    with pytest.raises(ActionFailed) as raised:
        rig.session.do(Run(("echo", secret), sudo=False), {secret: "s3cret"})

    assert "s3cret" not in str(raised.value)


def test_a_ref_without_a_value_is_refused(rig: Any) -> None:
    """A step whose ref nothing produced does not run."""
    with pytest.raises(ActionFailed, match="not known yet"):
        rig.session.do(Run(("echo", Ref("id")), sudo=False), {})


def test_a_file_is_written_whole_with_its_mode(rig: Any) -> None:
    """A file gets its content and mode, and its folders are made."""
    path = f"{rig.root}/deep/er/it's.conf"

    answer = rig.session.do(WriteFile(path, "one\ntwo\n", 0o640), {})

    assert (answer.exit_code, rig.files(path)) == (0, (b"one\ntwo\n", 0o640))


def test_a_file_is_replaced(rig: Any) -> None:
    """Writing again replaces; nothing else is left beside the file."""
    path = f"{rig.root}/f/file"
    for content in ("first", Ref("second")):
        rig.session.do(WriteFile(path, content), {Ref("second"): "second"})

    beside = [p.name for p in Path(path).parent.glob("*")] if Path(path).exists() else ["file"]
    assert (rig.files(path), beside) == ((b"second", 0o644), ["file"])


def test_an_upload_is_exact(rig: Any, tmp_path: Path) -> None:
    """Five megabytes of any bytes arrive as they were."""
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(range(256)) * 20_000)
    path = f"{rig.root}/image.tar"

    rig.session.do(Upload(str(source), path, 0o600), {})

    assert rig.files(path) == (source.read_bytes(), 0o600)


def test_waiting_ends_as_soon_as_the_command_is_accepted(rig: Any) -> None:
    """A wait on a command lasts no longer than the condition."""
    marker = f"{rig.root}/tries"
    script = f"echo x >>'{marker}'; [ $(wc -l <'{marker}') -ge 3 ]"
    step = Wait(Run(("sh", "-c", script), sudo=False), timeout=20, why="three tries", every=0.05)
    began = time.monotonic()

    answer = rig.session.do(step, {})

    assert (answer.exit_code, time.monotonic() - began < 10) == (0, True)


def test_waiting_in_vain_tells_the_last_words(rig: Any) -> None:
    """A wait that is given up says for how long, why, and what was said last."""
    predicate = Run(("sh", "-c", "echo still locked; exit 4"), sudo=False)

    answer = rig.session.do(Wait(predicate, timeout=1, why="apt is busy", every=0.2), {})

    assert answer.exit_code == 4
    assert "apt is busy" in answer.stderr
    assert "still locked" in answer.stdout


def test_the_engine_is_asked(rig: Any) -> None:
    """A read of the engine gives its data."""
    assert rig.session.docker("info", {})["Swarm"]["LocalNodeState"] == "inactive"


def test_an_engine_that_refuses_is_an_error_when_read(rig: Any) -> None:
    """A read that the engine refuses raises with the engine's own words."""
    with pytest.raises(ActionFailed, match="not a swarm manager"):
        rig.session.docker("node.list", {})


def test_an_engine_that_refuses_is_an_answer_to_a_step(rig: Any) -> None:
    """A step that the engine refuses ends with 1 and the engine's own words."""
    answer = rig.session.do(Docker("service.inspect", {"id": "web"}), {})

    assert (answer.exit_code, "not a swarm manager" in answer.stderr) == (1, True)


def test_a_swarm_is_made_and_waited_for(rig: Any) -> None:
    """From nothing to a service whose tasks run, refs handed from step to step."""
    network = Ref("network")
    steps = (
        Docker("swarm.init", {"advertise_addr": "10.0.0.11", "labels": {"a": "b"}}),
        Wait(Docker("swarm.is_active"), timeout=10, why="active", every=0.01),
        Docker("network.create", {"body": {"Name": "net1", "Driver": "overlay"}}, network),
    )
    answers = [rig.session.do(step, {}) for step in steps]
    values = {network: answers[-1].stdout}
    spec = {
        "Name": "web",
        "TaskTemplate": {"ContainerSpec": {"Image": "nginx"}, "Networks": [{"Target": network}]},
        "Mode": {"Replicated": {"Replicas": 3}},
    }
    made = rig.session.do(Docker("service.create", {"spec": spec}), values)
    said: list[str] = []
    wait = Wait(
        Docker("service.is_converged", {"id": made.stdout}), timeout=10, why="tasks", every=0.01
    )

    converged = rig.session.do(wait, {}, progress=said.append)

    assert [answer.exit_code for answer in (*answers, made, converged)] == [0] * 5
    assert said[-1] == "3/3 tasks running"


def test_a_token_is_what_a_capture_keeps(rig: Any) -> None:
    """The scalar of an operation stands in stdout, where captures take it from."""
    rig.session.do(Docker("swarm.init", {"advertise_addr": "10.0.0.11"}), {})

    answer = rig.session.do(Docker("swarm.token", {"role": "worker"}), {})

    assert answer.stdout == answer.value == rig.engine.swarm.worker_token


def test_a_pipe_talks_line_by_line(rig: Any) -> None:
    """A long-lived command says and hears lines, and ends when it is hung up."""
    talk = 'echo ready; while IFS= read -r line; do echo "heard $line"; done'
    pipe = rig.session.open(("sh", "-c", talk), sudo=False)

    assert pipe.readline(5) == "ready"
    pipe.send("one\ntwo\n")
    assert (pipe.readline(5), pipe.readline(5)) == ("heard one", "heard two")
    assert (pipe.readline(0.05), pipe.closed) == (None, False)
    pipe.close()
    pipe.close()
    assert pipe.closed


def test_many_may_ask_at_once(rig: Any) -> None:
    """Twenty threads share a session, more than a connection has places for."""
    found: list[str] = []

    def ask(number: int) -> None:
        found.append(rig.session.ask(f"echo {number}", sudo=False).stdout.strip())

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found, key=int) == [str(n) for n in range(20)]


def test_more_pipes_than_places_wait_their_turn(rig: Any) -> None:
    """With as many pipes open as a server allows sessions, a question waits for a place."""
    talk = ("sh", "-c", "echo ready; read -r line")
    pipes = [rig.session.open(talk, sudo=False) for _ in range(9)]
    timer = threading.Timer(0.5, pipes[0].close)
    timer.start()

    found = [rig.session.ask("echo x", sudo=False).stdout for _ in range(2)]

    timer.join()
    for pipe in pipes:
        pipe.close()
    assert found == ["x\n", "x\n"]


def test_a_closed_session_stays_closed(rig: Any) -> None:
    """Closing twice is fine; asking afterwards is not."""
    rig.session.close()
    rig.session.close()

    with pytest.raises(HostUnreachable):
        rig.session.ask("true", sudo=False)


def test_a_command_without_end_is_given_up(rig: Any) -> None:
    """A command that exceeds its time is ended and answers 124."""
    if rig.kind == "simulated":
        pytest.skip("what a simulated host runs is the test's own handler")
    began = time.monotonic()

    answer = rig.session.do(Run(("sleep", "30"), sudo=False, timeout=0.5), {})

    assert (answer.exit_code, time.monotonic() - began < 10) == (124, True)


def test_a_daemon_left_behind_does_not_hold_us(rig: Any) -> None:
    """A command that leaves a child with its streams open still answers."""
    if rig.kind == "simulated":
        pytest.skip("what a simulated host runs is the test's own handler")
    began = time.monotonic()

    answer = rig.session.do(Run(("sh", "-c", "sleep 8 & echo done"), sudo=False), {})

    assert (answer.stdout, time.monotonic() - began < 6) == ("done\n", True)


def test_a_long_step_gives_its_output_and_code(rig: Any) -> None:
    """A step with a unit answers as one without, and leaves nothing behind."""
    step = Run(("sh", "-c", "cat; echo err >&2; exit 5"), "in", unit="apt-docker", sudo=False)

    answer = rig.session.do(step, {})

    assert (answer.exit_code, answer.stdout, answer.stderr) == (5, "in", "err")
    assert list(rig.root.glob("**/apt-docker")) == []
