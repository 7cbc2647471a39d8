"""What is brought to a host is listed before; the real script is run in a folder."""

import json
import subprocess
from pathlib import Path

import pytest

from provision.model.manifest import Entry, Manifest, decode, file_entry, record


def listed(root: Path, cluster: str, *entries: Entry) -> subprocess.CompletedProcess[str]:
    """Run the step's script with its folder moved into *root*."""
    step = record(cluster, *entries)
    assert isinstance(step.stdin, str)
    script = step.stdin.replace("/var/lib/swarmlay", str(root / "state"))
    words = [str(word) for word in step.words]
    return subprocess.run(words, input=script, text=True, capture_output=True, check=False)


def manifest(root: Path) -> Manifest:
    """The manifest as the planner sees it."""
    found = decode(json.loads((root / "state" / "manifest.json").read_text()))
    assert found is not None
    return found


def test_entries_are_merged_and_listing_twice_changes_nothing(tmp_path: Path) -> None:
    """Every earlier entry stays, the last one included, and none is there twice."""
    for _ in range(3):
        assert (
            listed(tmp_path, "demo", Entry("package", "a"), Entry("unit", "b.service")).stderr == ""
        )
        listed(tmp_path, "demo", Entry("swarm", "abc"))
    assert [(e.kind, e.name) for e in manifest(tmp_path).entries] == [
        ("package", "a"),
        ("unit", "b.service"),
        ("swarm", "abc"),
    ]
    assert manifest(tmp_path).swarm_id == "abc"
    assert manifest(tmp_path).cluster == "demo"
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["manifest.json"]


def test_a_file_that_was_there_is_kept_once(tmp_path: Path) -> None:
    """The original is what was there before the first listing, whatever is written later."""
    path = tmp_path / "daemon.json"
    path.write_text("theirs")
    listed(tmp_path, "demo", file_entry(str(path), "ours"))
    path.write_text("ours")
    listed(tmp_path, "demo", file_entry(str(path), "ours again"))
    entries = {e.kind: e.detail for e in manifest(tmp_path).entries}
    assert entries["file"] == "kept"
    assert (tmp_path / "state" / f"before{path}").read_text() == "theirs"
    assert len(manifest(tmp_path).names("content")) == 2


def test_a_file_that_was_absent_lists_the_folders_it_needs(tmp_path: Path) -> None:
    """What would be made on the way is listed as well, outermost first."""
    listed(tmp_path, "demo", file_entry(str(tmp_path / "a" / "b" / "c"), "x"))
    assert manifest(tmp_path).names("directory") == (str(tmp_path / "a"), str(tmp_path / "a" / "b"))
    assert Entry("file", str(tmp_path / "a" / "b" / "c"), "absent") in manifest(tmp_path).entries


def test_a_tree_with_somebodys_data_is_not_listed(tmp_path: Path) -> None:
    """Only what was absent or empty may be emptied later."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "empty").mkdir(mode=0o755)
    trees = [Entry("tree", str(tmp_path / name)) for name in ("full", "empty", "absent")]
    listed(tmp_path, "demo", *trees)
    found = {e.name.rpartition("/")[2]: e.detail for e in manifest(tmp_path).entries}
    assert found == {"empty": "empty:755", "absent": "absent"}


def test_another_clusters_host_is_refused(tmp_path: Path) -> None:
    """Two clusters must not undo each other's things."""
    listed(tmp_path, "demo", Entry("package", "a"))
    ended = listed(tmp_path, "other", Entry("package", "b"))
    assert ended.returncode == 4
    assert "'demo'" in ended.stderr
    assert manifest(tmp_path).names("package") == ("a",)


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "$(reboot)", "`id`", "x" * 301])
def test_names_that_would_break_the_manifest_are_refused(name: str) -> None:
    """The manifest is read by a shell: nothing in it needs escaping."""
    with pytest.raises(ValueError, match="cannot stand in a manifest"):
        record("demo", Entry("package", name))


def test_no_manifest_is_none() -> None:
    """A host that swarmlay never touched has no manifest."""
    assert decode(None) is None


def test_entries_from_the_future_are_left_out() -> None:
    """An older swarmlay does not act on kinds it does not know."""
    found = decode({"cluster": "demo", "entries": [{"kind": "rocket", "name": "x"}, "junk"]})
    assert found == Manifest("demo")
