"""The command line against a real SSH server on loopback, and against one that is not there."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provision.cli.entry import run

pytestmark = pytest.mark.wire
SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
Inventory = Callable[..., str]


@pytest.fixture
def inventory(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Writes an inventory of hosts on loopback: name → port."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def write(**ports: int) -> str:
        ssh = f"user: {site.server.user}, key: {site.key_file}, sudo: false, connect_timeout: 3"
        lines = ["cluster: wire", f"ssh: {{{ssh}}}", "hosts:"]
        for name, port in ports.items():
            lines.append(f"  {name}: {{address: 127.0.0.1, port: {port}, role: manager}}")
        file = tmp_path / "inventory.yml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(file)

    return write


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _valid(out: str, schema: str) -> Any:
    data = json.loads(out)
    jsonschema.validate(data, json.loads((SCHEMAS / f"{schema}.json").read_text()))
    return data


def test_exec_shows_what_hosts_say_without_their_escapes(
    site: Any, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host cannot colour the screen of who asks it, nor set the terminal's title."""
    words = ["printf", r"\033[31mred\033[0m \033]0;title\007end"]

    code = run(["hosts", "exec", "-q", "-i", inventory(web1=site.server.port), "all", "--", *words])

    assert (code, capsys.readouterr().out) == (0, "red end\n")


def test_exec_ends_with_1_when_a_command_fails(
    site: Any, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The host answered; the command did not succeed."""
    file = inventory(web1=site.server.port)

    assert run(["hosts", "exec", "-i", file, "-o", "json", "all", "--", "false"]) == 1
    data = _valid(capsys.readouterr().out, "exec")
    assert data["hosts"]["web1"]["exit_code"] == 1


def test_exec_reports_the_others_when_one_is_dead(
    site: Any, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """One unreachable host costs exit 3 and nobody else's answer."""
    file = inventory(web1=site.server.port, web2=_closed_port())

    assert run(["hosts", "exec", "-q", "-i", file, "all", "--", "echo", "here"]) == 3
    out = capsys.readouterr().out
    assert "web1\n  here" in out
    assert "web2  not asked" in out


@pytest.mark.parametrize(
    ("words", "schema"),
    [(["plan"], "plan"), (["status"], "status"), (["hosts", "facts"], "facts")],
)
def test_reports_of_dead_hosts_end_with_3_and_are_valid(
    words: list[str], schema: str, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """No host answers: still one valid document, and the reason in it."""
    file = inventory(web1=_closed_port())

    assert run([*words, "-i", file, "-o", "json"]) == 3
    assert "refused" in json.dumps(_valid(capsys.readouterr().out, schema)).lower()


def test_plan_of_dead_hosts_says_what_to_do(
    inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocked host is named with its reason; nothing is planned for it."""
    assert run(["plan", "-i", inventory(web1=_closed_port())]) == 3
    out = capsys.readouterr().out
    assert "Blocked" in out
    assert "web1" in out
    assert "to create" not in out


def test_hosts_list_dials_nobody(
    site: Any, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The inventory is only read."""
    file = inventory(web1=site.server.port)

    assert run(["hosts", "list", "-i", file, "-o", "json"]) == 0
    assert _valid(capsys.readouterr().out, "hosts")["hosts"][0]["name"] == "web1"
    assert site.server.connections == 0


def test_a_recorded_key_is_shown_once_and_can_be_forgotten(
    site: Any, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """First contact says which key it recorded; `hosts forget` undoes it."""
    file = inventory(web1=site.server.port)
    ask = ["hosts", "exec", "-i", file, "web1", "--", "true"]

    run(ask)
    assert "SHA256:" in capsys.readouterr().err
    run(ask)
    assert "SHA256:" not in capsys.readouterr().err
    assert run(["hosts", "forget", "-i", file, "web1"]) == 0
    assert "is forgotten" in capsys.readouterr().out
    run(ask)
    assert "SHA256:" in capsys.readouterr().err


def test_a_selector_that_names_nobody_is_usage(
    site: Any, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could be meant is listed."""
    file = inventory(web1=site.server.port)

    assert run(["hosts", "exec", "-i", file, "web9", "--", "true"]) == 2
    assert "web1" in capsys.readouterr().err
