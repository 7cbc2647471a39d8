"""To add a member of a family: one file and one line; a file that is not listed fails here."""

import importlib
import pkgutil
from types import ModuleType

import pytest

FAMILIES = ("firewalls", "platforms", "probes", "resources", "checks", "inventories", "renderers")
NOT_MEMBERS = {
    "provision.inventories.find": "finds the file; is no source itself",
    "provision.resources.manifest": "what others write before they act; is no resource itself",
    "provision.probes.cluster": "reads the Engine API; asks no host a question",
    "provision.renderers.base": "the protocol",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_member_is_listed(family: str) -> None:
    """Each file of a family is behind an entry of the tuple in the family's __init__."""
    package = importlib.import_module(f"provision.{family}")
    listed = [entry for members in _tuples(package) for entry in members]

    missing = [
        name
        for name in _files(package)
        if not any(_comes_from(entry, importlib.import_module(name)) for entry in listed)
    ]

    assert not missing


def _files(package: ModuleType) -> list[str]:
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return [module.name for module in found if module.name not in NOT_MEMBERS]


def _tuples(package: ModuleType) -> list[tuple[object, ...]]:
    values = ((key, value) for key, value in vars(package).items() if key.isupper())
    return [value for _, value in values if isinstance(value, tuple) and value]


def _comes_from(entry: object, member: ModuleType) -> bool:
    if entry is member or any(entry is value for value in vars(member).values()):
        return True
    home = getattr(entry, "__module__", type(entry).__module__)
    return home == member.__name__ or home.startswith(f"{member.__name__}.")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_an_ordered_tuple(family: str) -> None:
    """A family's members stand in a tuple: order is meant, and nobody changes it at run time."""
    assert _tuples(importlib.import_module(f"provision.{family}"))
