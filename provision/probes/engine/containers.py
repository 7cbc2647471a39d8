"""What an engine keeps on its host: containers, local networks, volumes with our label."""

from collections.abc import Mapping
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import ContainerFact, NetworkFact, VolumeFact
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
        networks=tuple((listed.get("NetworkSettings") or {}).get("Networks") or ()),
    )


def networks(listed: Reply) -> Fact[tuple[NetworkFact, ...]]:
    """Networks that end at this host, by name."""
    if listed.problem:
        return Unknown(f"the engine's networks could not be listed: {listed.problem}")
    return Known(tuple(sorted(map(_network, listed.body), key=lambda n: (n.name, n.id))))


def _network(listed: Mapping[str, Any]) -> NetworkFact:
    pools = (listed.get("IPAM") or {}).get("Config") or ()
    return NetworkFact(
        id=listed["Id"],
        name=listed["Name"],
        driver=listed.get("Driver", ""),
        scope=listed.get("Scope", ""),
        internal=bool(listed.get("Internal")),
        subnets=tuple(pool["Subnet"] for pool in pools if pool.get("Subnet")),
        options=listed.get("Options") or {},
        labels=listed.get("Labels") or {},
    )


def volumes(listed: Reply) -> Fact[tuple[VolumeFact, ...]]:
    """Volumes with a cluster's label, by name."""
    if listed.problem:
        return Unknown(f"the engine's volumes could not be listed: {listed.problem}")
    found = (listed.body or {}).get("Volumes") or ()
    made = (VolumeFact(v["Name"], v.get("Labels") or {}) for v in found)
    return Known(tuple(sorted(made, key=lambda v: v.name)))
