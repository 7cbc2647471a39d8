"""What is remembered of a lab, and where."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provision.errors import SwarmlayError, UsageError
from provision.lab import labs, lifecycle, planning
from provision.lab.access import ssh_words
from provision.lab.labs import Lab
from provision.lab.paths import Paths
from provision.lab.spec import LabSpec, Suite


def made(folder: Path) -> Lab:
    """A lab as `up` plans it."""
    rootfs: dict[Suite, Path] = {"bookworm": Path("/cache/bookworm")}
    return planning.planned(LabSpec("demo"), "10.78.3.0/24", 5000, folder, rootfs)


def test_a_lab_is_planned(tmp_path: Path) -> None:
    """Addresses follow the order of hosts, and each host has an identity of its own."""
    lab = made(tmp_path)

    assert [host.address for host in lab.hosts] == ["10.78.3.11", "10.78.3.12", "10.78.3.13"]
    assert lab.registry == "10.78.3.1:5000"
    assert len({host.machine_id for host in lab.hosts}) == 3
    assert {len(host.machine_id) for host in lab.hosts} == {32}


def test_hosts_take_several_suites_in_turn(tmp_path: Path) -> None:
    """Each host has the root file system of its release."""
    spec = LabSpec("demo", suite="bookworm,trixie")
    rootfs: dict[Suite, Path] = {suite: Path("/cache", suite) for suite in spec.suites}
    lab = planning.planned(spec, "10.78.3.0/24", 5000, tmp_path, rootfs)

    assert [Path(host.rootfs).name for host in lab.hosts] == ["bookworm", "trixie", "bookworm"]
    assert lab.suite == "bookworm,trixie"


def test_the_state_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """All but whether hosts run, which is looked up."""
    lab = made(tmp_path)
    running = replace(lab, hosts=tuple(replace(host, running=True) for host in lab.hosts))

    assert labs.decode(labs.encode(running)) == lab
    assert "running" not in json.loads(labs.encode(lab))["hosts"][0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "demo"}', '{"hosts": [{}]}'])
def test_a_broken_state_file_is_no_lab(tmp_path: Path, text: str) -> None:
    """What a crash or an editor left is as good as nothing, and `down` still works by name."""
    (tmp_path / labs.STATE_FILE).write_text(text)

    assert labs.read(tmp_path) is None


def test_labs_that_are_off_are_shown_as_off(tmp_path: Path) -> None:
    """After the machine was rebooted the state is there and nothing runs."""
    paths = Paths(tmp_path / "state", tmp_path / "cache", tmp_path / "machine")
    labs.save(made(paths.lab("demo")), paths)

    (found,) = lifecycle.status(paths)

    assert not found.running
    assert lifecycle.load("demo", paths) == found


def test_a_lab_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    """The hint is the command."""
    with pytest.raises(SwarmlayError) as caught:
        lifecycle.load("demo", Paths(tmp_path, tmp_path))

    assert caught.value.hint == "make it with `swarmlay lab up --name demo`"


def test_a_host_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """A typing mistake is answered with the choice."""
    with pytest.raises(SwarmlayError) as caught:
        made(tmp_path).host("worker1")

    assert caught.value.hint == "its hosts are manager, worker-1, worker-2"


def test_another_lab_of_the_name_is_not_changed_into_it(tmp_path: Path) -> None:
    """More hosts, or another suite, need a new lab."""
    lab = made(tmp_path)

    planning.refuse_other(lab, LabSpec("demo"))
    planning.refuse_other(None, LabSpec("demo"))
    for other in (LabSpec("demo", workers=3), LabSpec("demo", suite="trixie")):
        with pytest.raises(UsageError, match="is there, with other hosts"):
            planning.refuse_other(lab, other)


def test_ssh_uses_only_what_the_lab_pinned(tmp_path: Path) -> None:
    """Neither the user's configuration nor agent nor known hosts take part."""
    lab = made(tmp_path)
    words = " ".join(ssh_words(lab, lab.host("manager")))

    assert words.startswith("ssh -F none -i ")
    assert "StrictHostKeyChecking=yes" in words
    assert f"UserKnownHostsFile={tmp_path}/known_hosts" in words
    assert words.endswith("debian@10.78.3.11 --")


def test_xdg_folders(tmp_path: Path) -> None:
    """Given folders count if they are absolute, as the XDG specification says."""
    environment = {"XDG_STATE_HOME": "/elsewhere", "XDG_CACHE_HOME": "relative"}
    paths = Paths.from_environment(environment, tmp_path)

    assert paths.state == Path("/elsewhere/swarmlay/lab")
    assert paths.cache == tmp_path / ".cache" / "swarmlay"


def test_folders_that_overlayfs_cannot_take_are_refused(tmp_path: Path) -> None:
    """A colon or comma would be read as an option."""
    with pytest.raises(UsageError, match="cannot live"):
        Paths(tmp_path / "a,b", tmp_path)
