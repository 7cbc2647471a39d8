"""All containers of a host: ours are recognised by label, the others' names are taken."""

from collections.abc import Mapping
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import ContainerFact
from provision.probes.engine.http import Reply


def containers(listed: Reply) -> Fact[tuple[ContainerFact, ...]]:
    """The engine's list, by name."""
    if listed.problem:
        return Unknown(f"the engine's containers could not be listed: {listed.problem}")
    return Known(tuple(sorted((_container(c) for c in listed.body), key=lambda c: (c.name, c.id))))


def _container(listed: Mapping[str, Any]) -> ContainerFact:
    names = listed.get("Names") or [""]
    return ContainerFact(
        id=listed["Id"],
        name=names[0].lstrip("/"),
        image=listed.get("Image", ""),
        state=listed.get("State", ""),
        labels=listed.get("Labels") or {},
    )
