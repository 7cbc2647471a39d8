"""Playbooks: Compose's short forms, translations, warnings, merging, references."""

from typing import Any

import pytest

from provision.documents import parse
from provision.load import load_inventory, load_playbooks
from provision.model.desired import DesiredState, EngineWanted
from provision.model.inventory import Inventory, engine_of

INVENTORY = """
cluster: c
vars: {REPLICAS: 3, TAG: "1.27", YES: "true"}
hosts:
  h1: {address: a, role: manager}
  h2: {address: b, engine: {source: distro, daemon: {debug: true}}}
groups: {edge: [h2]}
"""


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    """A manager and a worker in the group edge."""
    tree = parse(INVENTORY, file="inv.yml")
    return load_inventory(tree, path="/inv.yml", environment={}, state_dir="/s", home="/h")


def loaded(inventory: Inventory, *texts: str, **environment: str) -> DesiredState:
    """What playbooks p1.yml, p2.yml, … want."""
    trees = [parse(text, file=f"p{at}.yml") for at, text in enumerate(texts, 1)]
    return load_playbooks(trees, inventory, environment)


def service(inventory: Inventory, words: str, **environment: str) -> dict[str, Any]:
    """What a service with these words is, its defaults left out."""
    text = f"networks: {{n: , m: }}\nservices:\n  s: {{image: nginx, {words}}}\n"
    desired = loaded(inventory, text, **environment)
    return desired.services["s"].model_dump(exclude_defaults=True, exclude={"image"})


@pytest.mark.parametrize(
    ("words", "long"),
    [
        ("command: echo 'a b' c", {"command": ["echo", "a b", "c"]}),
        ("command: [echo, 1]", {"command": ["echo", "1"]}),
        ("command: ''", {"command": []}),
        ("entrypoint: /run.sh -x", {"entrypoint": ["/run.sh", "-x"]}),
        ("environment: [A=1, B=x=y, C=]", {"environment": {"A": "1", "B": "x=y", "C": ""}}),
        (
            "environment: {A: 1, B: true, C: 1.10, D: SET}",
            {"environment": {"A": "1", "B": "true", "C": "1.10", "D": "SET"}},
        ),
        ("environment: [SET, UNSET]", {"environment": {"SET": "here"}}),
        ("environment: {SET: }", {"environment": {"SET": "here"}}),
        ("ports: [80]", {"ports": [{"target": 80}]}),
        ("ports: ['80']", {"ports": [{"target": 80}]}),
        ("ports: [8080:80]", {"ports": [{"target": 80, "published": 8080}]}),
        (
            "ports: [53:53/udp]",
            {"ports": [{"target": 53, "published": 53, "protocol": "udp"}]},
        ),
        (
            "ports: [3000-3001:4000-4001]",
            {"ports": [{"target": 4000, "published": 3000}, {"target": 4001, "published": 3001}]},
        ),
        (
            "ports: ['0.0.0.0:80:80']",
            {"ports": [{"target": 80, "published": 80, "host_ip": "0.0.0.0"}]},  # noqa: S104
        ),
        (
            "ports: [{target: 80, published: '8080', mode: host, name: web}]",
            {"ports": [{"target": 80, "published": 8080, "mode": "host"}]},
        ),
        ("networks: [n]", {"networks": {"n": {}}}),
        ("networks: {n: , m: {aliases: [x]}}", {"networks": {"n": {}, "m": {"aliases": ["x"]}}}),
        ("volumes: [/data]", {"volumes": [{"type": "volume", "target": "/data"}]}),
        (
            "volumes: [v:/data:ro]",
            {"volumes": [{"type": "volume", "source": "v", "target": "/data", "read_only": True}]},
        ),
        (
            "volumes: [/srv:/data:rslave]",
            {
                "volumes": [
                    {
                        "type": "bind",
                        "source": "/srv",
                        "target": "/data",
                        "bind": {"propagation": "rslave"},
                    }
                ]
            },
        ),
        (
            "volumes: [v:/data:nocopy]",
            {
                "volumes": [
                    {
                        "type": "volume",
                        "source": "v",
                        "target": "/data",
                        "volume": {"nocopy": True},
                    }
                ]
            },
        ),
        (
            "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 64m}}]",
            {"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": 64 * 1024**2}}]},
        ),
        ("tmpfs: /run", {"volumes": [{"type": "tmpfs", "target": "/run"}]}),
        ("labels: [a=b, c]", {"labels": {"a": "b", "c": ""}}),
        ("healthcheck: {test: curl x}", {"healthcheck": {"test": ["CMD-SHELL", "curl x"]}}),
        ("healthcheck: {test: [CMD, a]}", {"healthcheck": {"test": ["CMD", "a"]}}),
        ("healthcheck: {disable: true}", {"healthcheck": {"test": ["NONE"]}}),
        (
            "healthcheck: {test: [NONE], interval: 1m30s, timeout: 500ms}",
            {"healthcheck": {"test": ["NONE"], "interval": 90.0, "timeout": 0.5}},
        ),
        ("stop_grace_period: 1h1m1s", {"stop_grace_period": 3661.0}),
        ("sysctls: [net.core.somaxconn=1]", {"sysctls": {"net.core.somaxconn": "1"}}),
        ("ulimits: {nofile: 9}", {"ulimits": {"nofile": {"soft": 9, "hard": 9}}}),
        ("extra_hosts: ['a:1.2.3.4', 'b=::1']", {"extra_hosts": {"a": "1.2.3.4", "b": "::1"}}),
        ("dns: 1.1.1.1", {"dns": ["1.1.1.1"]}),
        ("user: 1000", {"user": "1000"}),
        ("deploy: {replicas: $REPLICAS}", {"deploy": {"replicas": 3}}),
        ("read_only: $YES", {"read_only": True}),
        ("ports: ['${REPLICAS}0:80']", {"ports": [{"target": 80, "published": 30}]}),
        ("scale: 2", {"deploy": {"replicas": 2}}),
        ("scale: 2, deploy: {replicas: 5}", {"deploy": {"replicas": 5}}),
        ("restart: 'no'", {"deploy": {"restart_policy": {"condition": "none"}}}),
        ("restart: no", {"deploy": {"restart_policy": {"condition": "none"}}}),
        ("restart: always", {"deploy": {"restart_policy": {"condition": "any"}}}),
        (
            "restart: on-failure:3",
            {"deploy": {"restart_policy": {"condition": "on-failure", "max_attempts": 3}}},
        ),
        (
            "cpus: 0.5, mem_limit: 1g, mem_reservation: 512m, pids_limit: 9",
            {
                "deploy": {
                    "resources": {
                        "limits": {"cpus": 0.5, "memory": 1024**3, "pids": 9},
                        "reservations": {"memory": 512 * 1024**2},
                    }
                }
            },
        ),
        ("privileged: false", {}),
        ("x-mine: {a: b}", {}),
        ("command: , ports: , environment: ", {}),
    ],
)
def test_short_forms(words: str, long: dict[str, Any], inventory: Inventory) -> None:
    """Every short form of Compose is the long form it stands for."""
    assert service(inventory, words, SET="here") == long


def test_harmless_keys_are_said_once(inventory: Inventory) -> None:
    """A key without effect is one warning, however many services have it."""
    text = "services:\n  a: {image: x, expose: [80]}\n  b: {image: x, expose: [81]}\n"

    assert loaded(inventory, text).warnings == (
        "p1.yml:2:17: expose has no effect: on an overlay network every port is reachable",
    )


def test_unset_variables_are_said(inventory: Inventory) -> None:
    """A variable that is not set, and a name taken from an environment that lacks it, are said."""
    text = "services: {a: {image: 'x:a$NO', environment: [GONE]}}"

    assert loaded(inventory, text).warnings == (
        "p1.yml:1:23: the variable NO is not set; an empty text is used",
        "p1.yml:1:47: GONE is not set in the environment; left out",
    )


def test_no_playbook(inventory: Inventory) -> None:
    """Without a playbook the cluster alone is wanted."""
    assert loaded(inventory) == DesiredState()


def test_merge(inventory: Inventory) -> None:
    """Playbooks that agree are one; expectations are joined; origins are told apart."""
    one = "networks: {n: {attachable: true}}\nexpect: [{node: {name: all}}]\n"
    two = (
        "networks: {n: {attachable: true}}\nservices: {s: {image: x, ports: ['80:80']}}\n"
        "expect: [{service: {name: s}}]\n"
    )
    three = "services: {s: {image: x, ports: [{target: 80, published: 80, protocol: tcp}]}}\n"

    desired = loaded(inventory, one, two, three)

    assert desired.origin == {"network/n": "p1.yml", "service/s": "p2.yml"}
    assert [e.kind for e in desired.expect] == ["node", "service"]
    assert desired.playbooks == ("p1.yml", "p2.yml", "p3.yml")


def test_expectations(inventory: Inventory) -> None:
    """An expectation keeps what was written, and where; `within` stands inside or beside."""
    text = (
        "expect:\n  - ping: {from: h1, to: h2}\n    within: 90s\n"
        "  - check: {layer: host, within: 5}\n"
    )

    first, second = loaded(inventory, text).expect

    assert (first.kind, first.where) == ("ping", "p1.yml:2:5")
    assert first.arguments == {"from": "h1", "to": "h2", "within": 90.0}
    assert second.arguments == {"layer": "host", "within": 5.0}


def test_engine_of_the_inventory_wins(inventory: Inventory) -> None:
    """The inventory's engine wins key by key; daemon settings of both stand."""
    desired = loaded(
        inventory, "engine: {version: '28.*', daemon: {debug: false, log-driver: local}}"
    )

    first, second = (engine_of(host, desired) for host in inventory.hosts)

    assert (first.source, first.version) == ("docker", "28.*")
    assert (second.source, second.version) == ("distro", "28.*")
    assert second.daemon == {"debug": True, "log-driver": "local"}


def test_engine_without_any_word(inventory: Inventory) -> None:
    """Without a word about it the engine is Docker's own."""
    assert engine_of(inventory.hosts[0], DesiredState()) == EngineWanted()


def test_external_networks(inventory: Inventory) -> None:
    """A network of somebody else: any name and driver, in the old form as well."""
    text = "networks: {a: {external: true, name: bridge}, b: {external: {name: x}}}"

    networks = loaded(inventory, text).networks

    assert (networks["a"].external, networks["a"].name) == (True, "bridge")
    assert (networks["b"].external, networks["b"].name) == (True, "x")


@pytest.mark.parametrize("selector", ["h1", "edge", "managers[0]", "workers", "all", "edge[0]"])
def test_selectors(selector: str, inventory: Inventory) -> None:
    """A container stands on a host, a group, managers, workers or all, or one of them."""
    text = f"containers: {{b: {{image: x, on: '{selector}'}}}}"

    assert loaded(inventory, text).containers["b"].on == selector


@pytest.mark.parametrize("selector", ["", "h1[", "h1]", "h1[1]", "h1[-1]", "managers[0][0]", "[0]"])
def test_no_selectors(selector: str, inventory: Inventory) -> None:
    """What names no host selects nothing."""
    assert inventory.select(selector) == ()


def test_secrets_do_not_show() -> None:
    """What a variable holds never stands in an error: only what was written."""
    text = (
        "cluster: c\nhosts: {m: {address: a, role: manager}}\n"
        "ssh: {port: $TOKEN, user: '-$TOKEN'}\n"
    )
    environment = {"TOKEN": "s3cret"}

    with pytest.raises(ValueError, match="TOKEN") as caught:
        load_inventory(
            parse(text, file="f"), path="/f", environment=environment, state_dir="/s", home="/h"
        )

    errors = [caught.value, *getattr(caught.value, "others", ())]
    assert len(errors) == 2
    assert "s3cret" not in "".join(f"{e}{getattr(e, 'hint', '')}" for e in errors)


@pytest.mark.parametrize(
    "words",
    [
        "ssh: {sudo: {password_env: 'hunter 2'}}",
        "registries: {r: {user: u, password_env: 'hunter 2'}}",
        "engine: {proxy: {http: 'me:hunter 2@proxy'}}",
    ],
)
def test_passwords_do_not_show(words: str) -> None:
    """A password where its variable's name should stand is refused without being repeated."""
    tree = parse(f"{INVENTORY}{words}\n", file="f")

    with pytest.raises(ValueError, match="must be") as caught:
        load_inventory(tree, path="/f", environment={}, state_dir="/s", home="/h")

    assert "hunter" not in f"{caught.value}{getattr(caught.value, 'hint', '')}"
