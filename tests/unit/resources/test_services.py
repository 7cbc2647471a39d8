"""A service of the playbook as the Engine API wants it, and whether a running one says the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provision.model.deploying import Limits, Placement, Resources, RestartPolicy, UpdateConfig
from provision.model.desired import Deploy, Healthcheck, Mount, NetworkAttachment, Port, Service
from provision.model.labels import SPEC
from provision.resources.services.commands import create_command
from provision.resources.services.compare import differences
from provision.resources.services.spec import Objects, service_spec

NETWORKS = Objects(networks={"front": "front", "back": "real-back"})
IDS = {"id-front": "front", "id-back": "real-back"}


def full() -> Service:
    """A service with something in every corner."""
    return Service(
        image="nginx:1.27",
        command=["nginx", "-g", "daemon off;"],
        environment={"B": "2", "A": "1"},
        networks={"front": NetworkAttachment(aliases=["www"]), "back": NetworkAttachment()},
        ports=[Port(target=80, published=8080), Port(target=53, protocol="udp", mode="host")],
        volumes=[Mount(type="volume", source="data", target="/data", read_only=True)],
        healthcheck=Healthcheck(test=["CMD", "true"], interval=1.5),
        stop_grace_period=3,
        deploy=Deploy(
            replicas=3,
            placement=Placement(constraints=["node.labels.zone == a"]),
            resources=Resources(limits=Limits(cpus=0.5, memory=64)),
            restart_policy=RestartPolicy(condition="on-failure", max_attempts=2),
            update_config=UpdateConfig(order="start-first", delay=0.5),
        ),
    )


def spec_of(service: Service) -> dict[str, Any]:
    """Its spec, owned."""
    return service_spec("web", service, NETWORKS, {"io.swarmlay.cluster": "demo"})


def test_every_corner_is_translated() -> None:
    """Units are the Engine API's: nanoseconds, nano-CPUs, bytes."""
    spec = spec_of(full())
    task = spec["TaskTemplate"]

    assert spec["Mode"] == {"Replicated": {"Replicas": 3}}
    assert task["ContainerSpec"]["Env"] == ["A=1", "B=2"]
    assert task["ContainerSpec"]["StopGracePeriod"] == 3_000_000_000
    assert task["ContainerSpec"]["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": 1_500_000_000,
    }
    assert task["Networks"] == [{"Target": "front", "Aliases": ["www"]}, {"Target": "real-back"}]
    assert task["Resources"] == {"Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64}}
    assert spec["UpdateConfig"] == {"Parallelism": 1, "Delay": 500_000_000, "Order": "start-first"}
    assert spec["EndpointSpec"]["Ports"][1] == {
        "Protocol": "udp", "TargetPort": 53, "PublishMode": "host",
    }  # fmt: skip


def test_a_global_service_keeps_its_empty_mode() -> None:
    """`{"Global": {}}` says everything although it is empty."""
    spec = spec_of(Service(image="nginx", deploy=Deploy(mode="global")))

    assert spec["Mode"] == {"Global": {}}


def answered(spec: dict[str, Any]) -> dict[str, Any]:
    """The same as the engine answers: ids, a pinned digest, defaults filled in."""
    task = spec["TaskTemplate"]
    container = {**task["ContainerSpec"], "Isolation": "default", "Init": False}
    container["Image"] += "@sha256:abc"
    back = {name: network for network, name in IDS.items()}
    networks = [{**n, "Target": back[n["Target"]]} for n in task.get("Networks", ())]
    filled = {**task, "ContainerSpec": container, "Networks": networks, "ForceUpdate": 0}
    return {**spec, "TaskTemplate": filled}


def test_what_the_engine_adds_is_no_difference() -> None:
    """Ids for names, a digest behind the tag, defaults: still the same service."""
    assert differences(spec_of(full()), answered(spec_of(full())), IDS) == {}


def test_an_image_without_a_tag_is_latest() -> None:
    """`nginx` and `nginx:latest@sha256:…` are the same wish."""
    wanted = spec_of(Service(image="nginx"))
    actual = spec_of(Service(image="nginx:latest"))

    assert differences(wanted, actual, IDS) == {}


def test_a_difference_is_named_by_its_path() -> None:
    """Somebody scaled and changed the image by hand."""
    actual = answered(spec_of(full()))
    actual = {**actual, "Mode": {"Replicated": {"Replicas": 1}}}
    actual["TaskTemplate"]["ContainerSpec"]["Image"] = "nginx:1.26@sha256:def"

    found = differences(spec_of(full()), actual, IDS)

    assert found["Mode.Replicated.Replicas"] == (1, 3)
    assert set(found) == {"Mode.Replicated.Replicas", "TaskTemplate.ContainerSpec.Image"}


def test_what_left_the_playbook_is_noticed() -> None:
    """A variable was taken out: the running spec has more, the fingerprint tells."""
    actual = answered(spec_of(full()))
    actual = {**actual, "Labels": {**actual["Labels"], SPEC: "old"}}
    wanted = spec_of(full())
    wanted["Labels"] = {**wanted["Labels"], SPEC: "new"}

    assert differences(wanted, actual, IDS) != {}


@given(st.lists(st.text("abc=$;' ", min_size=1), max_size=4))
def test_the_order_of_words_counts(words: list[str]) -> None:
    """Arguments are compared as they stand."""
    wanted = spec_of(Service(image="x", command=[*words, "last"]))
    actual = spec_of(Service(image="x", command=["last", *words]))

    assert (differences(wanted, actual, {}) == {}) == ([*words, "last"] == ["last", *words])


def test_the_command_is_quoted_for_a_shell() -> None:
    """What a person would type; a name is never a second command."""
    service = Service(image="nginx; rm -rf /", command=["a b"])

    assert create_command("web", service, Objects()) == (
        "docker service create --name web 'nginx; rm -rf /' 'a b'"
    )
