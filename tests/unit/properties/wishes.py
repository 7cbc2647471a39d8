"""Random inventories, wishes and beginnings, for properties that hold for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from provision.model.desired import (
    Container,
    Deploy,
    DesiredState,
    Network,
    NetworkAttachment,
    Service,
)
from tests.unit.api.worlds import Town

PLAYBOOK = "wishes.yml"
# What a network is like follows from its name: one that is in use cannot be changed.
NETWORKS: Mapping[str, Network] = {
    "plain": Network(attachable=True),
    "inside": Network(attachable=True, internal=True),
    "fixed": Network(attachable=True, ipam={"config": [{"subnet": "10.77.0.0/24"}]}),  # type: ignore[arg-type]
    "labelled": Network(attachable=True, labels={"team": "red; rm -rf /"}),
}
_TEXT = st.text(alphabet="abcXYZ019 ._-/$`'\"\\;&|<>(){}*?!#~\u00e4\u2603", max_size=12)
_KEYS = st.sampled_from(["zone", "disk", "rack.row", "a-b"])
_LABELS = st.dictionaries(_KEYS, _TEXT.map(str.strip), max_size=2)


@st.composite
def towns(draw: st.DrawFn) -> Town:
    """One to five hosts, bare or with engines, behind packet filters or not."""
    managers = draw(st.sampled_from([1, 1, 2, 3]))
    workers = draw(st.integers(0, 2))
    names = [f"m{n}" for n in range(managers)] + [f"w{n}" for n in range(workers)]
    roles = {name: "manager" if name[0] == "m" else "worker" for name in names}
    labels = {name: draw(_LABELS) for name in names}
    town = Town(roles, labels, engine=draw(st.sampled_from([None, None, "24.0.7"])))
    for name in names:
        kind: Any = draw(st.sampled_from(["none", "iptables", "ufw"]))
        town.transport.machine(name).filter.kind = kind
    return town


@st.composite
def wishes(draw: st.DrawFn, town: Town) -> DesiredState:
    """Some networks, and services and containers on them."""
    names: set[str] = draw(st.sets(st.sampled_from(sorted(NETWORKS))))
    boxes: set[str] = draw(st.sets(st.sampled_from(["one", "two"])))
    networks = {name: NETWORKS[name] for name in sorted(names)}
    works: set[str] = draw(st.sets(st.sampled_from(["web", "db"])))
    services = {name: draw(_service(networks)) for name in sorted(works)}
    places = ["managers", "managers[0]", "all", *town.hosts]
    containers = {name: draw(_container(networks, places)) for name in sorted(boxes)}
    kinds: Mapping[str, Mapping[str, Any]] = {
        "network": networks,
        "service": services,
        "container": containers,
    }
    origin = {f"{kind}/{name}": PLAYBOOK for kind, found in kinds.items() for name in found}
    return DesiredState(
        networks=networks,
        services=services,
        containers=containers,
        origin=origin,
        playbooks=(PLAYBOOK,),
    )


@st.composite
def _workload(draw: st.DrawFn, networks: Mapping[str, Network]) -> dict[str, Any]:
    on: set[str] = set()
    if networks:
        on = draw(st.sets(st.sampled_from(sorted(networks))))
    return {
        "image": draw(st.sampled_from(["nginx", "alpine:3.20", "registry.example:5000/a/b:1"])),
        "command": draw(st.none() | st.lists(_TEXT.filter(bool), min_size=1, max_size=3)),
        "environment": draw(st.dictionaries(st.sampled_from(["A", "B"]), _TEXT, max_size=2)),
        "labels": draw(_LABELS),
        "networks": {name: NetworkAttachment() for name in sorted(on)},
    }


@st.composite
def _service(draw: st.DrawFn, networks: Mapping[str, Network]) -> Service:
    mode: Any = draw(st.sampled_from(["replicated", "replicated", "global"]))
    replicas = draw(st.none() | st.integers(0, 4)) if mode == "replicated" else None
    deploy = Deploy(mode=mode, replicas=replicas, labels=draw(_LABELS))
    return Service(**draw(_workload(networks)), deploy=deploy)


@st.composite
def _container(draw: st.DrawFn, networks: Mapping[str, Network], places: list[str]) -> Container:
    return Container(**draw(_workload(networks)), on=draw(st.sampled_from(places)))


@dataclass(frozen=True)
class Theirs:
    """What somebody else has on the hosts, and must find as it was."""

    town: Town

    def make(self) -> None:
        """A container, a network and a volume on each host that has an engine."""
        for engine in self.town.engines():
            body = {"Image": "postgres:16", "Labels": {"io.swarmlay.cluster": "another"}}
            engine.call("POST", "/containers/create", query={"name": "theirs"}, body=body)
            engine.call("POST", "/containers/theirs/start")
            engine.call("POST", "/networks/create", body={"Name": "their-net", "Driver": "bridge"})
            engine.objects.volumes["their-data"] = {"Name": "their-data", "Labels": {}}

    def seen(self) -> list[Any]:
        """What of theirs there is."""
        return [
            (
                engine.hostname,
                [c for c in engine.objects.containers.values() if c["Name"] == "/theirs"],
                [n for n in engine.objects.local_networks.values() if n["Name"] == "their-net"],
                engine.objects.volumes.get("their-data"),
            )
            for engine in self.town.engines()
        ]


@st.composite
def drifts(draw: st.DrawFn, town: Town) -> list[str]:
    """What somebody changes by hand, or what breaks; done at once, and named."""
    done = []
    for engine in town.engines():
        what = draw(st.sampled_from(["nothing", "nothing", *_DRIFT]))
        _DRIFT.get(what, _nothing)(town, engine)
        done.append(f"{engine.hostname}: {what}")
    return done


def _nothing(_town: Town, _engine: Any) -> None:
    """All is as it was."""


def _no_containers(_town: Town, engine: Any) -> None:
    found = engine.objects.containers
    for key in [k for k, c in found.items() if c["Name"] != "/theirs"]:
        del found[key]


def _exited(_town: Town, engine: Any) -> None:
    for container in engine.objects.containers.values():
        if container["Name"] != "/theirs":
            container["State"].update(Status="exited", Running=False)


def _no_labels(_town: Town, engine: Any) -> None:
    if engine.node is not None:
        engine.node["Spec"]["Labels"] = {"by-hand": "yes"}


def _no_services(_town: Town, engine: Any) -> None:
    if engine.swarm is not None:
        engine.swarm.services.clear()


def _scaled(_town: Town, engine: Any) -> None:
    for service in engine.swarm.services.values() if engine.swarm else ():
        if "Replicated" in service["Spec"]["Mode"]:
            service["Spec"]["Mode"] = {"Replicated": {"Replicas": 1}}


def _no_rules(town: Town, engine: Any) -> None:
    town.transport.machine(engine.hostname).filter.rules.clear()


def _left(_town: Town, engine: Any) -> None:
    if engine.swarm is not None and not engine.manages:
        engine.call("POST", "/swarm/leave", query={"force": True})


def _stopped(_town: Town, engine: Any) -> None:
    if engine.state != "inactive":
        for container in engine.objects.containers.values():
            if container["Name"] == "/theirs":
                return
        engine.stop()


_DRIFT: Mapping[str, Any] = {
    "containers removed": _no_containers,
    "containers exited": _exited,
    "labels changed": _no_labels,
    "services removed": _no_services,
    "scaled to one": _scaled,
    "filter emptied": _no_rules,
    "left the swarm": _left,
    "engine stopped": _stopped,
}
