"""Whatever a document holds, a load gives a state or a DocumentError: never anything else."""

import json
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provision.documents import parse
from provision.errors import DocumentError
from provision.load import load_inventory, load_playbooks, source_of
from provision.load.compose import SECTIONS
from provision.model.compose_keys import KEYS
from provision.model.desired import PlaybookDocument
from provision.model.document import Document
from provision.model.expectations import KINDS
from provision.model.inventory import Inventory, InventoryDocument

_WORDS = (
    "a b web all managers[0] 80 80:80 1-9:1-9 10.0.0.0/24 ::/0 1m30s 512m $A ${A:-1} ${ /a a:/b"
    " ./a:/b:ro a=b a@b:1 -x no '"
)
WORDS = st.sampled_from(["", *_WORDS.split()])
SCALARS = (
    WORDS
    | st.text(max_size=8)
    | st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def shaped(model: type[Document]) -> st.SearchStrategy[Any]:
    """Mappings with the keys of a model, whose values have its shapes or any other."""
    known = {name: valued(info.annotation) for name, info in model.model_fields.items()}
    for section, (of, _) in SECTIONS.items():
        if of is model:
            known |= {name: ANYTHING for name in KEYS[section] if name not in known}
    if model is PlaybookDocument:
        known["expect"] = EXPECT
    return st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: known[name] for name in names})
    )


def valued(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, now and then of another shape."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return st.deferred(lambda: shaped(annotation)) | SCALARS
    if get_origin(annotation) is dict:
        return st.dictionaries(WORDS, valued(get_args(annotation)[1]), max_size=2) | ANYTHING
    if get_origin(annotation) is list:
        return st.lists(valued(get_args(annotation)[0]), max_size=2) | ANYTHING
    models = [a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, Document)]
    return st.one_of(ANYTHING, *(shaped(model) for model in models))


def _arguments(kind: str) -> st.SearchStrategy[Mapping[str, Any]]:
    return st.fixed_dictionaries(
        {kind: st.dictionaries(st.sampled_from(sorted(KINDS[kind])), SCALARS)}
    )


EXPECT = st.lists(st.sampled_from(sorted(KINDS)).flatmap(_arguments), max_size=2) | ANYTHING
INVENTORY = "cluster: c\nhosts: {web: {address: a, role: manager}, b: {address: b}}\n"
ENVIRONMENT = {"A": "1"}
SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def written(document: Any) -> str:
    """The document as YAML: JSON with characters as they are."""
    return json.dumps(document, ensure_ascii=False)


def inventory(text: str) -> Inventory:
    """The inventory of a text, its source's hosts left out."""
    tree = parse(text, file="f")
    source_of(tree, ENVIRONMENT)
    return load_inventory(tree, path="/f", environment=ENVIRONMENT, state_dir="/s", home="/h")


@SETTINGS
@given(shaped(PlaybookDocument), shaped(PlaybookDocument))
def test_playbooks(first: Any, second: Any) -> None:
    """Two playbooks of any shape: a state, or errors each with a place."""
    try:
        trees = [parse(written(one), file=f"f{at}") for at, one in enumerate((first, second))]
        load_playbooks(trees, inventory(INVENTORY), ENVIRONMENT)
    except DocumentError as error:
        assert all(_clear(one) for one in (error, *error.others))  # noqa: PT017


@SETTINGS
@given(shaped(InventoryDocument))
def test_inventories(document: Any) -> None:
    """An inventory of any shape: an inventory, or errors each with a place."""
    try:
        inventory(written(document))
    except DocumentError as error:
        assert all(_clear(one) for one in (error, *error.others))  # noqa: PT017


def _clear(error: DocumentError) -> bool:
    file, line, column = error.where.split(":")
    return file.startswith("f") and int(line) > 0 and int(column) > 0 and bool(error.what)
