"""The reference files, the models, the tables and the docs say the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import jsonschema
import pytest

from provision.documents import parse, read
from provision.load import load_inventory, load_playbooks, named_files
from provision.load.compose import SECTIONS, rows
from provision.load.schema import inventory_schema, playbook_schema
from provision.model.compose_keys import KEYS
from provision.model.desired import DesiredState, PlaybookDocument
from provision.model.document import Document
from provision.model.expectations import KINDS
from provision.model.inventory import Inventory, InventoryDocument
from provision.model.tree import Node

ROOT = Path(__file__).parents[3]
INVENTORIES = [*sorted(ROOT.glob("inventory/**/*.yml"))]
PLAYBOOKS = [*sorted(ROOT.glob("playbooks/*.yml"))]

# Written as comments in the reference, since it excludes hosts with addresses.
SOURCES = {"source", "vagrant", "lab", "ssh_config", "hosts"}


def inventory() -> Inventory:
    """The reference inventory."""
    path = ROOT / "inventory/examples/reference.yml"
    tree = read(path, shown="reference.yml")
    return load_inventory(tree, path=str(path), environment={}, state_dir="/s", home="/h")


def loaded(path: Path) -> DesiredState:
    """What a shipped playbook wants; the files it names lie beside it."""
    trees, given = [read(path, shown=path.name)], inventory()
    environment = {"DB_PASSWORD": "x", "BANNER": "y"}
    named = named_files(trees, given.vars, environment)
    files = {one: (path.parent / one.path).read_bytes() for one in named}
    return load_playbooks(trees, given, environment, files=files)


def _models(annotation: Any) -> Iterator[type[Document]]:
    """The models an annotation leads to."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        yield annotation
    elif get_origin(annotation) is not None:
        for argument in get_args(annotation):
            yield from _models(argument)


def fields(model: type[Document], seen: frozenset[type[Document]] = frozenset()) -> set[str]:
    """Every field that a document may hold, as Model.field."""
    found = {f"{model.__name__}.{name}" for name in model.model_fields}
    for info in model.model_fields.values():
        for inner in _models(info.annotation):
            if inner not in seen:
                found |= fields(inner, seen | {model})
    return found


def written(model: type[Document], node: Node) -> set[str]:
    """Every field that a document does hold, as Model.field."""
    found = set()
    for name, child in node.items.items():
        if name not in model.model_fields:
            continue
        found.add(f"{model.__name__}.{name}")
        for inner in _models(model.model_fields[name].annotation):
            found |= _inside(inner, child)
    return found


def _inside(model: type[Document], node: Node) -> set[str]:
    own = written(model, node)
    for child in (*node.elements, *node.items.values()):
        own |= written(model, child) or _inside(model, child)
    return own


def test_playbook_reference_has_every_key() -> None:
    """Every field of a playbook's models stands in playbooks/reference.yml."""
    tree = read(ROOT / "playbooks/reference.yml")
    missing = fields(PlaybookDocument) - written(PlaybookDocument, tree)

    # A container has the keys of a service; they are shown there. No model sees one address.
    assert {m for m in missing if not m.startswith("Container.")} == {"Port.host_ip"}
    assert {"Container.on", "Container.restart"} <= written(PlaybookDocument, tree)


def test_inventory_reference_has_every_key() -> None:
    """Every field of an inventory's models stands in inventory/examples/reference.yml."""
    path = ROOT / "inventory/examples/reference.yml"
    missing = fields(InventoryDocument) - written(InventoryDocument, read(path))
    commented = {m for m in missing if m.rpartition(".")[2] in SOURCES}
    text = path.read_text()

    assert missing == commented
    assert all(f"{m.rpartition('.')[2]}:" in text for m in commented)


def test_reference_loads() -> None:
    """Nothing in the reference is unknown: it loads without error or warning."""
    desired = loaded(ROOT / "playbooks/reference.yml")

    assert desired.warnings == ()
    assert {one.kind for one in desired.expect} == set(KINDS)
    for kind, arguments in KINDS.items():
        used = {name for one in desired.expect if one.kind == kind for name in one.arguments}
        assert used - {"within"} == set(arguments)


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_shipped_playbooks_load(path: Path) -> None:
    """Every shipped playbook loads against an inventory with a manager and workers."""
    assert loaded(path).playbooks == (path.name,)


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.name)
def test_inventory_schema(path: Path) -> None:
    """Every shipped inventory is valid by the published JSON Schema."""
    jsonschema.validate(read(path).plain(), inventory_schema())


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_playbook_schema(path: Path) -> None:
    """Every shipped playbook is valid by the published JSON Schema, short forms included."""
    jsonschema.validate(read(path).plain(), playbook_schema())


@pytest.mark.parametrize(
    "text",
    [
        "servces: {}",
        "services: {a: {imgae: x}}",
        "services: {a: {image: x, privileged: true}}",
        "services: {a: {image: x, deploy: {replicas: three}}}",
        "expect: [{pign: {}}]",
        "expect: [{ping: {from: a}}]",
        "swarm: {data_path_port: 80}",
    ],
)
def test_schema_refuses(text: str) -> None:
    """What a load refuses, an editor underlines."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(parse(text, file="f").plain(), playbook_schema())


@pytest.mark.parametrize(
    "text",
    [
        "services: {a: {image: x, deploy: {replicas: '${N:-3}'}}}",
        "services: {a: {image: x, environment: [A=b], x-mine: 1, expose: [80]}}",
        "services: {a: {image: x, ports: [80, '80:80'], restart: always}}",
        "networks: {a: }\nx-more: 1",
    ],
)
def test_schema_accepts(text: str) -> None:
    """Short forms, variables, extensions and harmless keys are valid in an editor, too."""
    jsonschema.validate(parse(text, file="f").plain(), playbook_schema())


def test_only_one_default_inventory() -> None:
    """One file stands in inventory/ itself, so that a fresh clone needs no -i."""
    assert [path.name for path in ROOT.glob("inventory/*.yml")] == ["vagrant.yml"]


def test_table_and_models_exclude_one_another() -> None:
    """A key is honoured, or in the table of those that are not: never both."""
    for section, (model, _) in SECTIONS.items():
        assert not set(model.model_fields) & set(KEYS[section])


def test_docs_hold_the_table() -> None:
    """docs/playbook.md lists every key of the table, and every expectation, as it is."""
    text = (ROOT / "docs/playbook.md").read_text()

    assert [row for row in (*rows(), *expectation_rows()) if row not in text] == []


def expectation_rows() -> Iterator[str]:
    """The lines of the docs' table of expectations."""
    for kind, arguments in KINDS.items():
        words = [f"`{n}`" if a.required else f"[`{n}`]" for n, a in arguments.items()]
        yield f"| `{kind}` | {', '.join(words)} |"
