"""JSON output follows the published schemas, byte for byte the same each time."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provision.errors import DocumentError, HostUnreachable, SwarmlayError
from provision.model.actions import Action, Change, Plan, Ref
from provision.renderers.base import Report, Screen
from provision.renderers.json_report import RENDERER
from provision.renderers.json_report.schema import schemas
from tests.unit.renderers import samples

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"
DOCUMENTS: dict[str, tuple[str, Report]] = {
    "plan": ("plan", samples.BARE),
    "plan blocked": ("plan", samples.BLOCKED),
    "up": ("up", samples.UP),
    "up failed": ("up", samples.UP_FAILED),
    "up empty": ("up", samples.UP_EMPTY),
    "down": ("down", samples.DOWN_LEFT),
    "check": ("check", samples.WELL),
    "check ill": ("check", samples.ILL),
    "status": ("status", samples.STATUS),
    "hosts": ("hosts", samples.HOSTS_LIST),
    "facts": ("facts", samples.FACTS),
    "exec": ("exec", samples.EXEC),
}


def _data(report: Report) -> Any:
    return json.loads(RENDERER.render(report, Screen()))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_output_follows_its_schema(name: str) -> None:
    """What is printed is valid by the schema in docs/schema."""
    schema, report = DOCUMENTS[name]

    jsonschema.validate(_data(report), json.loads((SCHEMAS / f"{schema}.json").read_text()))


@pytest.mark.parametrize("name", schemas())
def test_published_schemas_are_up_to_date(name: str) -> None:
    """docs/schema holds what the code says; `make schemas` writes it."""
    assert json.loads((SCHEMAS / f"{name}.json").read_text()) == schemas()[name]


@pytest.mark.parametrize(
    "error",
    [
        HostUnreachable("no way", where="w1", why="refused", hint="start it"),
        DocumentError(
            "wrong", where="a.yml:1:2", others=(DocumentError("also", where="a.yml:3:1"),)
        ),
    ],
)
def test_errors_follow_their_schema(error: SwarmlayError) -> None:
    """An error in place of a report is JSON as well, with everything that was found."""
    data = json.loads(RENDERER.render_error(error, Screen()))

    jsonschema.validate(data, json.loads((SCHEMAS / "error.json").read_text()))
    assert data["error"]["what"] == error.what


def test_keys_stand_in_the_documented_order() -> None:
    """A plan's keys begin as DESIGN has them, so that people can read it, too."""
    data = _data(samples.BARE)

    assert list(data)[:6] == ["schema", "cluster", "complete", "converged", "actions", "blocked"]
    assert list(data["actions"][0])[-4:] == ["before", "after", "commands", "restarts"]


def test_control_characters_are_escaped() -> None:
    """JSON on a terminal is as harmless as text."""
    plan = Plan("demo", notes=("\x1b[31m\x9b31m\u202e",))

    assert RENDERER.render(plan, Screen()).isascii()
    assert _data(plan)["notes"] == list(plan.notes)


def test_refs_have_no_value() -> None:
    """A value that does not exist yet, or is secret, is shown by its name."""
    action = Action(
        "a", "h", "swarm", "s", Change.CREATE, "w", after_={"token": Ref("t", secret=True)}
    )

    assert _data(Plan("demo", (action,)))["actions"][0]["after"] == {"token": "<t>"}


def test_the_same_report_is_the_same_text() -> None:
    """Order never depends on chance."""
    assert RENDERER.render(samples.ILL, Screen()) == RENDERER.render(samples.ILL, Screen(200, True))  # noqa: FBT003
