"""JSON Schemas of what ``-o json`` prints, made from `shapes`; `make schemas` writes them."""

from typing import Any

from pydantic import TypeAdapter

from provision.renderers.json_report import shapes

DOCUMENTS: tuple[tuple[str, Any], ...] = (
    ("plan", shapes.PlanShape),
    ("up", shapes.ChangeShape),
    ("down", shapes.ChangeShape),
    ("check", shapes.CheckShape),
    ("status", shapes.StatusShape),
    ("hosts", shapes.HostsShape),
    ("facts", shapes.FactsShape),
    ("exec", shapes.ExecShape),
    ("error", shapes.ErrorShape),
)


def schemas() -> dict[str, dict[str, Any]]:
    """Name of the document → its JSON Schema."""
    return {name: _schema(shape) for name, shape in DOCUMENTS}


def _schema(shape: Any) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TypeAdapter(shape).json_schema(),
    }
