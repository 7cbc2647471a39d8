"""Configs, secrets, volumes and networks of hosts: which actions they lead to."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from provision.model.actions import Change, Plan
from provision.model.desired import (
    Container,
    DesiredState,
    Ipam,
    IpamPool,
    Mount,
    Network,
    NetworkAttachment,
    Service,
)
from provision.model.desired import HostNetwork as PerHost
from provision.model.facts import Known
from provision.model.labels import CLUSTER, OBJECT, PLAYBOOK, SALT
from provision.model.observed import (
    Kernel,
    NetworkFact,
    ObservedState,
    ServiceFact,
    StoredFact,
    VolumeFact,
)
from provision.model.secret_text import SecretText
from provision.model.storage import ConfigEntry, FileReference, SecretEntry, Volume
from provision.plan import PlanOptions, plan_down, plan_up
from tests.unit.plan.worlds import bare_world, changed, interface, swarm_world, three

CANARY = "hunter2-canary"
CODED = base64.b64encode(CANARY.encode()).decode()
OURS = {CLUSTER: "demo", PLAYBOOK: "play.yml"}


def wanted(content: str = CANARY, **more: Any) -> DesiredState:
    """A service with a config and a secret."""
    service = Service(
        image="x",
        configs=[FileReference(source="page")],
        secrets=[FileReference(source="password", mode=0o400)],
        volumes=[Mount(type="volume", source="data", target="/data")],
    )
    coded = SecretText(base64.b64encode(content.encode()).decode())
    return DesiredState(
        services={"web": service},
        configs={"page": ConfigEntry(file="page.html")},
        secrets={"password": SecretEntry(environment="PASSWORD")},
        volumes={"data": Volume(name="web-data", driver_opts={"type": "tmpfs"})},
        contents={"config/page": coded, "secret/password": coded},
        salt=SecretText("fresh-salt"),
        playbooks=("play.yml",),
        **more,
    )


def names(plan: Plan, resource: str, change: Change = Change.CREATE) -> list[str]:
    """The real names of what is created or removed."""
    found = (a for a in plan.actions if a.resource == resource and a.change is change)
    return [a.id.split(":")[2] for a in found]


def with_objects(**objects: Any) -> ObservedState:
    """A ready swarm that has these."""
    world = swarm_world(three())
    assert isinstance(world.cluster, Known)
    assert world.cluster.value is not None
    return replace(world, cluster=Known(replace(world.cluster.value, **objects)))


def stored(real: str, name: str, **labels: str) -> StoredFact:
    """A config or secret of ours."""
    return StoredFact(f"id-{real}", real, {**OURS, OBJECT: name, **labels})


def test_they_are_made_before_the_service_that_has_them() -> None:
    """Under names with a hash; the service's spec names them."""
    plan = plan_up(three(), wanted(), swarm_world(three()))
    actions = {a.id: a for a in plan.actions}
    [config], [salt, secret] = names(plan, "configs"), names(plan, "secrets")

    assert salt == "salt"
    assert config.startswith("page_")
    assert {f"m1:configs:{config}", f"m1:secrets:{secret}"} <= actions["m1:services:web"].after
    assert "m1:secrets:salt" in actions[f"m1:secrets:{secret}"].after
    spec = actions["m1:services:web"].steps[0].arguments["spec"]  # type: ignore[union-attr]
    container = spec["TaskTemplate"]["ContainerSpec"]
    file = {"Name": "password", "UID": "0", "GID": "0", "Mode": 0o400}
    assert container["Secrets"] == [{"File": file, "SecretName": secret}]
    assert container["Configs"][0]["File"]["Name"] == "/page"


def test_a_plan_shows_neither_content_nor_salt() -> None:
    """Whatever of it is printed."""
    for world in (swarm_world(three()), bare_world(three())):
        shown = repr(plan_up(three(), wanted(), world))
        assert CANARY not in shown
        assert CODED not in shown
        assert "fresh-salt" not in shown


def test_names_change_with_content_and_salt_only() -> None:
    """The same content under the same salt has the same name; any other has another."""
    first = plan_up(three(), wanted(), swarm_world(three()))
    again = plan_up(three(), wanted(), swarm_world(three()))
    other = plan_up(three(), wanted("other"), swarm_world(three()))
    salted = plan_up(three(), wanted(), with_objects(salt=SecretText("old-salt")))

    assert names(first, "secrets") == names(again, "secrets")
    assert names(first, "configs")[0] != names(other, "configs")[0]
    assert names(first, "secrets")[1] != names(other, "secrets")[1]
    assert len(names(salted, "secrets")) == 1  # it has a salt: none is made
    assert names(salted, "secrets")[0] != names(first, "secrets")[1]


def test_old_versions_go_after_the_services_moved_over() -> None:
    """Unless a service that is not touched has them."""
    old = stored("page_000000000000", "page")
    uses = {"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigID": old.id}]}}}
    web = ServiceFact("s1", "web", OURS, {"Name": "web", **uses})
    stranger = ServiceFact("s2", "other", {}, {"Name": "other", **uses})

    plan = plan_up(three(), wanted(), with_objects(configs=(old,), services=(web,)))
    kept = plan_up(three(), wanted(), with_objects(configs=(old,), services=(web, stranger)))

    assert names(plan, "configs", Change.DELETE) == [old.name]
    gone = next(a for a in plan.actions if a.id.endswith(old.name))
    assert "m1:services:web" in gone.after
    assert names(kept, "configs", Change.DELETE) == []


def test_what_left_the_playbook_is_named_and_pruned_on_request() -> None:
    """`up` alone removes nothing that it does not replace."""
    world = with_objects(secrets=(stored("old_1", "old"),))

    plan = plan_up(three(), wanted(), world)
    pruned = plan_up(three(), wanted(), world, PlanOptions(prune=True))

    assert names(plan, "secrets", Change.DELETE) == []
    assert any("secret old_1" in note for note in plan.notes)
    assert names(pruned, "secrets", Change.DELETE) == ["old_1"]


def test_down_of_a_playbook_takes_its_own_only() -> None:
    """Those of another playbook and of others stay."""
    theirs = StoredFact("x", "theirs", {})
    mine, other = stored("password_1", "password"), stored("key_1", "key")
    world = with_objects(secrets=(mine, other, theirs))

    assert names(plan_down(three(), wanted(), world), "secrets", Change.DELETE) == ["password_1"]
    everything = plan_down(three(), DesiredState(), world)
    assert names(everything, "secrets", Change.DELETE) == ["password_1", "key_1"]
    leave = next(a for a in everything.actions if a.id == "m1:swarm:member")
    assert "m1:secrets:key_1" in leave.after


def test_an_external_one_has_to_be_there() -> None:
    """It is used under its own name and never made."""
    desired = replace(wanted(), secrets={"password": SecretEntry(external=True, name="given")})

    missing = plan_up(three(), desired, swarm_world(three()))
    there = plan_up(three(), desired, with_objects(secrets=(StoredFact("x", "given"),)))

    assert [b.exit_code for b in missing.blocked] == [4]
    assert "external secret given does not exist" in missing.blocked[0].reason
    assert names(there, "secrets") == []


def test_volumes_bear_our_labels_and_go_with_the_flag_only() -> None:
    """A mount says what the volume is to be; `down --volumes` removes ours on every host."""
    plan = plan_up(three(), wanted(origin={"service/web": "play.yml"}), swarm_world(three()))
    service = next(a for a in plan.actions if a.id == "m1:services:web")
    spec = service.steps[0].arguments["spec"]  # type: ignore[union-attr]
    [mount] = spec["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert mount["Source"] == "web-data"
    assert mount["VolumeOptions"] == {
        "Labels": OURS,
        "DriverConfig": {"Options": {"type": "tmpfs"}},
    }
    facts = Known((VolumeFact("web-data", OURS), VolumeFact("theirs", {CLUSTER: "other"})))
    world = changed(swarm_world(three()), "w1", volumes=facts)

    kept = plan_down(three(), DesiredState(), world)
    taken = plan_down(three(), DesiredState(), world, PlanOptions(volumes=True))

    assert names(kept, "volumes", Change.DELETE) == []
    assert any("volumes stay on w1: web-data" in note for note in kept.notes)
    assert [a.id for a in taken.actions if a.resource == "volumes"] == ["w1:volumes:web-data"]


def networks(**more: Any) -> DesiredState:
    """A bridge, and a macvlan over the swarm."""
    pool = IpamPool(subnet="10.91.0.0/24", ip_range="10.91.0.96/27")
    return DesiredState(
        networks={
            "office": Network(driver="bridge"),
            "settings": Network(
                config_only=True,
                driver_opts={"parent": "eth0"},
                per_host={"w1": PerHost(ipam=Ipam(config=[pool]))},
            ),
            "lan": Network(driver="macvlan", config_from="settings", attachable=True),
        },
        containers={
            "desk": Container(image="x", on="w2", networks={"office": NetworkAttachment()})
        },
        playbooks=("play.yml",),
        **more,
    )


def listed(world: ObservedState) -> ObservedState:
    """The same, each host's networks known to be none."""
    for name in world.hosts:
        world = changed(world, name, networks=Known(()))
    return world


def test_networks_of_hosts_are_made_where_they_are_needed() -> None:
    """Bridges where containers join them, settings on every host, before what takes them."""
    plan = plan_up(three(), networks(), listed(swarm_world(three())))
    made = {a.id: a for a in plan.actions if a.resource == "networks"}

    hosts = ("m1", "w1", "w2")
    settings = {f"{host}:networks:settings" for host in hosts}
    assert set(made) == {*settings, "w2:networks:office", "m1:networks:lan"}
    assert settings <= made["m1:networks:lan"].after
    assert "IPAM" in made["w1:networks:settings"].after_
    assert "IPAM" not in made["w2:networks:settings"].after_
    assert made["m1:networks:lan"].commands == (
        (
            "docker network create --driver macvlan --attachable --scope swarm "
            "--config-from settings lan"
        ),
    )
    desk = next(a for a in plan.actions if a.id == "w2:containers:desk")
    assert "w2:networks:office" in desk.after


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"kernel": Known(Kernel("6.1", {"macvlan": False}))}, "its kernel has no macvlan"),
        ({"interfaces": Known((interface("eth1", "10.9.0.2/24"),))}, "no interface eth0"),
        (
            {"networks": Known((NetworkFact("i", "settings", "null", "local"),))},
            "was not made by swarmlay",
        ),
    ],
)
def test_a_host_that_cannot_is_refused_with_the_reason(facts: dict[str, Any], reason: str) -> None:
    """The others are planned for."""
    world = changed(listed(swarm_world(three())), "w1", **facts)

    plan = plan_up(three(), networks(), world)

    assert [b.host for b in plan.blocked] == ["w1"]
    assert reason in plan.blocked[0].reason


def test_a_network_without_labels_is_ours_by_its_settings() -> None:
    """The engine takes none with ``config_from``: the settings are marked instead."""
    settings = NetworkFact("c", "settings", "null", "local", labels=OURS, raw={"ConfigOnly": True})
    raw = {"Driver": "macvlan", "Attachable": True, "ConfigFrom": {"Network": "settings"}}
    lan = NetworkFact("l", "lan", "macvlan", "swarm", attachable=True, raw=raw)
    world = changed(with_objects(networks=(settings, lan)), "m1", networks=Known((settings,)))

    plan = plan_down(three(), DesiredState(), world)
    gone = {a.id: a for a in plan.actions if a.resource == "networks"}

    assert set(gone) == {"m1:networks:lan", "m1:networks:settings"}
    assert "m1:networks:lan" in gone["m1:networks:settings"].after


def test_the_salt_stands_on_the_swarm() -> None:
    """As a label that the plan does not show."""
    plan = plan_up(three(), wanted(), swarm_world(three()))
    salt = next(a for a in plan.actions if a.id == "m1:secrets:salt")

    assert salt.steps[0].arguments == {"labels": {SALT: SecretText("fresh-salt")}}  # type: ignore[union-attr]
    assert salt.after_ is None
