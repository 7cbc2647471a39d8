"""``swarmlay inventory``: what the command prints."""

import json
from pathlib import Path

import pytest

from provision.cli.entry import run

FILE = str(Path(__file__).parents[3] / "inventory/examples/reference.yml")


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    """Hosts as a table, with every setting resolved."""
    assert run(["inventory", "show", "-i", FILE]) == 0

    out = capsys.readouterr().out
    assert "203.0.113.11:2222 via admin@[2001:db8::1]:22" in out
    assert "group edge: worker-1, worker-2" in out


def test_show_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON: names of variables, not what they hold."""
    assert run(["inventory", "show", "-i", FILE, "-o", "json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["cluster"]) == (1, "demo")
    assert [host["sudo"] for host in document["hosts"]] == ["$SUDO_PASSWORD", "yes", "asks"]
    assert document["vars"] == ["REGISTRY"]


@pytest.mark.parametrize(("flags", "key"), [([], "hosts"), (["--playbook"], "services")])
def test_schema(flags: list[str], key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON Schemas of inventories and of playbooks."""
    assert run(["inventory", "schema", *flags]) == 0

    assert key in json.loads(capsys.readouterr().out)["properties"]


def test_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong inventory: the place and the cause on stderr, exit code 2."""
    (tmp_path / "x.yml").write_text("cluster: c\nhots: {}\n")

    assert run(["inventory", "show", "-i", str(tmp_path / "x.yml")]) == 2

    captured = capsys.readouterr()
    assert "x.yml:2:1" in captured.err
    assert "hosts" in captured.err
    assert captured.out == ""
