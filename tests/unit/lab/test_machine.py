"""What labs share on a machine, and what a machine needs."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provision.errors import LockHeld, Refused, SwarmlayError
from provision.lab import hosts, machine, machine_needs, processes
from provision.lab.locks import locked
from provision.lab.machine import Claim
from provision.lab.paths import Paths
from provision.lab.spec import LabSpec


def test_a_lab_of_another_user_is_refused(tmp_path: Path) -> None:
    """Names are shared by all users of a machine; labs are not."""
    machine.refuse_foreign("demo", None, tmp_path)
    machine.refuse_foreign("demo", Claim("10.78.3.0/24", str(tmp_path)), tmp_path)
    with pytest.raises(Refused, match="somebody else"):
        machine.refuse_foreign("demo", Claim("10.78.3.0/24", "/home/other"), tmp_path)


@pytest.mark.parametrize("text", [None, "", "{", '{"boot": "an earlier one", "claims": {}}'])
def test_what_an_earlier_boot_left_does_not_count(tmp_path: Path, text: str | None) -> None:
    """Sysctls and interfaces are gone after a reboot, so is what is known of them."""
    if text is not None:
        (tmp_path / "machine.json").write_text(text)

    found = machine.read(tmp_path)

    assert found.before is None
    assert found.claims == {}


def test_a_lock_is_not_waited_for_when_told_so(tmp_path: Path) -> None:
    """The second operator hears why; the lock is free again when the first is done."""
    file = tmp_path / "lock"
    with locked(file), pytest.raises(LockHeld, match="busy"), locked(file, "busy"):
        pass
    with locked(file, "busy"):
        pass


def test_a_lock_file_may_be_deleted_by_its_holder(tmp_path: Path) -> None:
    """Who waited for the deleted file does not believe to hold the new one."""
    file = tmp_path / "gone" / "lock"
    inside: list[str] = []

    def wait() -> None:
        with locked(file):
            inside.append("second")

    with locked(file):
        waiting = threading.Thread(target=wait)
        waiting.start()
        inside.append("first")
        file.unlink()
    waiting.join()

    assert inside == ["first", "second"]
    assert file.exists()


def test_processes_are_known_by_a_file_of_the_lab(tmp_path: Path) -> None:
    """A mark is the whole path of a host's script, not any argument that lies in the lab."""
    script = tmp_path / "hosts" / "manager" / "supervise.sh"

    assert hosts.is_mark(tmp_path, str(script))
    assert not hosts.is_mark(tmp_path, str(tmp_path / "id_ed25519"))
    assert not hosts.is_mark(tmp_path / "other", str(script))
    assert not hosts.is_mark(tmp_path, str(tmp_path / "hosts" / "manager" / "log"))


def test_a_process_id_that_was_reused_is_not_ours(tmp_path: Path) -> None:
    """The number alone proves nothing."""
    file = tmp_path / "pid"
    file.write_text(str(os.getpid()))

    assert processes.from_file(file, "no such argument") is None
    assert processes.from_file(tmp_path / "none", "x") is None
    assert processes.from_file(file, processes.arguments(os.getpid())[0]) == os.getpid()


def test_killed_processes_are_waited_for(tmp_path: Path) -> None:
    """When `kill` returns, they are gone."""
    mark = str(tmp_path / "mark")
    words = [sys.executable, "-c", "import time; time.sleep(60)", mark]
    with subprocess.Popen(words) as started:
        assert processes.wait_for_end((), 0)
        while not processes.matching(lambda argument: argument == mark):
            pass

        processes.kill(processes.matching(lambda argument: argument == mark))

        assert not processes.alive(started.pid)


def test_other_systems_are_offered_vagrant() -> None:
    """The lab says why it cannot be, and what does the same there."""
    machine_needs.require_linux("linux")
    with pytest.raises(SwarmlayError) as caught:
        machine_needs.require_linux("darwin")

    assert "vagrant up" in caught.value.hint


def test_what_is_missing_is_named_with_the_command() -> None:
    """The hint can be pasted."""
    error = machine_needs.lacks(("iptables", "mmdebstrap"))

    assert "sudo apt-get install -y --no-install-recommends iptables mmdebstrap" in error.hint


def test_consent_is_asked_for_everything(tmp_path: Path) -> None:
    """Packages, files, interfaces, rules, sysctl, and how to undo it are all in the list."""
    said = "\n".join(
        machine_needs.intentions(LabSpec("x"), Paths(tmp_path, tmp_path), ("iptables",))
    )

    for word in ("iptables", str(tmp_path), "swl-x", "forwarding", "lab down --name x", "worker-2"):
        assert word in said
