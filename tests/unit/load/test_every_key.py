"""Every key of the Compose Specification, from the text of a playbook to the plan."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from provision.documents import parse
from provision.errors import DocumentError
from provision.load import load_playbooks, named_files
from provision.load.compose import SECTIONS
from provision.model.actions import Plan
from provision.model.compose_keys import HONOURED, KEYS, Section
from provision.plan import plan_down, plan_up
from tests.unit.plan.worlds import swarm_world, three

# Section → every key of the specification there, with a value that asks for something.
SPECIFICATION: Final[Mapping[Section, Mapping[str, str]]] = {
    "playbook": {
        "configs": "{c: {content: x}}",
        "include": "[x.yml]",
        "models": "{m: {model: x}}",
        "name": "x",
        "networks": "{n2: }",
        "secrets": "{s: {environment: V}}",
        "services": "{s2: {image: y}}",
        "version": '"3.8"',
        "volumes": "{v: {name: w}}",
    },
    "service": {
        "annotations": "{a: b}",
        "attach": "true",
        "blkio_config": "{weight: 300}",
        "build": ".",
        "cap_add": "[NET_ADMIN]",
        "cap_drop": "[ALL]",
        "cgroup": "host",
        "cgroup_parent": "x",
        "command": "[x]",
        "configs": "[given]",
        "container_name": "x",
        "cpu_count": "1",
        "cpu_percent": "50",
        "cpu_period": "100",
        "cpu_quota": "100",
        "cpu_rt_period": "100",
        "cpu_rt_runtime": "100",
        "cpu_shares": "100",
        "cpus": "0.5",
        "cpuset": '"0"',
        "credential_spec": "{file: x}",
        "depends_on": "[x]",
        "deploy": "{replicas: 3}",
        "develop": "{watch: []}",
        "device_cgroup_rules": "[x]",
        "devices": "[/dev/x]",
        "dns": "10.0.0.1",
        "dns_opt": "[ndots:1]",
        "dns_search": "x",
        "domainname": "x",
        "entrypoint": "[x]",
        "env_file": "e",
        "environment": "{A: b}",
        "expose": "[80]",
        "extends": "{service: x}",
        "external_links": "[x]",
        "extra_hosts": "{x: 10.0.0.1}",
        "gpus": "all",
        "group_add": "[x]",
        "healthcheck": "{test: x}",
        "hostname": "x",
        "image": "other",
        "init": "true",
        "ipc": "host",
        "isolation": "x",
        "label_file": "e",
        "labels": "{a: b}",
        "links": "[x]",
        "logging": "{driver: local}",
        "mac_address": "x",
        "mem_limit": "64m",
        "mem_reservation": "64m",
        "mem_swappiness": "10",
        "memswap_limit": "64m",
        "models": "[m]",
        "network_mode": "host",
        "networks": "[n]",
        "oom_kill_disable": "true",
        "oom_score_adj": "1",
        "pid": "host",
        "pids_limit": "10",
        "platform": "linux/arm64",
        "ports": "[80:80]",
        "post_start": "[{command: x}]",
        "pre_stop": "[{command: x}]",
        "privileged": "true",
        "profiles": "[x]",
        "provider": "{type: x}",
        "pull_policy": "always",
        "read_only": "true",
        "restart": "on-failure",
        "runtime": "x",
        "scale": "4",
        "secrets": "[given]",
        "security_opt": "[x]",
        "shm_size": "64m",
        "stdin_open": "true",
        "stop_grace_period": "3s",
        "stop_signal": "SIGINT",
        "storage_opt": "{size: 1g}",
        "sysctls": "{a: 1}",
        "tmpfs": "/x",
        "tty": "true",
        "ulimits": "{nofile: 10}",
        "use_api_socket": "true",
        "user": "x",
        "userns_mode": "host",
        "uts": "host",
        "volumes": "[v:/x]",
        "volumes_from": "[x]",
        "working_dir": "/x",
    },
    "deploy": {
        "endpoint_mode": "dnsrr",
        "labels": "{a: b}",
        "mode": "global",
        "placement": "{constraints: [node.role == worker]}",
        "replicas": "3",
        "resources": "{limits: {cpus: 1, memory: 64m, pids: 9}}",
        "restart_policy": "{condition: none, delay: 1s, max_attempts: 2, window: 1s}",
        "rollback_config": "{parallelism: 2}",
        "update_config": "{parallelism: 2}",
    },
    "reservations": {
        "cpus": "0.1",
        "devices": "[{capabilities: [gpu]}]",
        "generic_resources": "[{discrete_resource_spec: {kind: SSD, value: 1}}]",
        "memory": "64m",
    },
    "network": {
        "attachable": "true",
        "driver": "weave",
        "driver_opts": "{encrypted: ''}",
        "enable_ipv4": "true",
        "enable_ipv6": "true",
        "internal": "true",
        "ipam": "{config: [{subnet: 10.77.0.0/24, gateway: 10.77.0.1, ip_range: 10.77.0.0/25, "
        "aux_addresses: {a: 10.77.0.9}}]}",
        "labels": "{a: b}",
        "name": "other",
    },
    "attachment": {
        "aliases": "[x]",
        "driver_opts": "{a: b}",
        "gw_priority": "1",
        "interface_name": "x",
        "ipv4_address": "10.0.0.9",
        "ipv6_address": "fd00::9",
        "link_local_ips": "[x]",
        "mac_address": "x",
        "priority": "1",
    },
    "port": {
        "app_protocol": "http",
        "host_ip": "127.0.0.1",
        "mode": "host",
        "name": "x",
        "protocol": "udp",
        "published": "81",
        "target": "81",
    },
    "mount": {
        "bind": "{propagation: shared}",
        "consistency": "cached",
        "image": "{subpath: x}",
        "read_only": "true",
        "source": "w",
        "target": "/y",
        "tmpfs": "{size: 1m}",
        "type": "tmpfs",
        "volume": "{nocopy: true}",
    },
    "bind": {"create_host_path": "true", "propagation": "shared", "recursive": "x", "selinux": "z"},
    "volume mount": {"labels": "{a: b}", "nocopy": "true", "subpath": "x"},
    "healthcheck": {
        "disable": "true",
        "interval": "1s",
        "retries": "2",
        "start_interval": "1s",
        "start_period": "1s",
        "test": "y",
        "timeout": "1s",
    },
    "config": {
        "content": "y",
        "environment": "V",
        "external": "true",
        "file": "e",
        "labels": "{a: b}",
        "name": "other",
        "template_driver": "golang",
    },
    "secret": {
        "driver": "x",
        "driver_opts": "{a: b}",
        "environment": "W",
        "external": "true",
        "file": "e",
        "labels": "{a: b}",
        "name": "other",
        "template_driver": "golang",
    },
    "volume": {
        "driver": "x",
        "driver_opts": "{a: b}",
        "external": "true",
        "labels": "{a: b}",
        "name": "other",
    },
    "reference": {"gid": "7", "mode": "0400", "source": "given2", "target": "/y", "uid": "7"},
}
AROUND: Final[Mapping[Section, str]] = {
    "playbook": "services: {s0: {image: x, volumes: [v:/v]}}\n%s",
    "service": "services: {s0: {image: x%s}}\nnetworks: {n: }\n"
    "configs: {given: {content: x}}\nsecrets: {given: {environment: V}}",
    "deploy": "services: {s0: {image: x, deploy: {%s}}}",
    "reservations": "services: {s0: {image: x, deploy: {resources: {reservations: {%s}}}}}",
    "network": "networks: {n: {%s}}",
    "attachment": "services: {s0: {image: x, networks: {n: {%s}}}}\nnetworks: {n: }",
    "port": "services: {s0: {image: x, ports: [{target: 80%s}]}}",
    "mount": "services: {s0: {image: x, volumes: [{type: volume, target: /x%s}]}}",
    "bind": "services: {s0: {image: x, volumes: [{type: bind, source: /a, target: /x, "
    "bind: {%s}}]}}",
    "volume mount": "services: {s0: {image: x, volumes: [{type: volume, source: v, target: /x, "
    "volume: {%s}}]}}",
    "healthcheck": "services: {s0: {image: x, healthcheck: {test: x%s}}}",
    "config": "configs: {c: {%s}}",
    "secret": "secrets: {c: {%s}}",
    "volume": "services: {s0: {image: x, volumes: [v:/x]}}\nvolumes: {v: {%s}}",
    "reference": "services: {s0: {image: x, secrets: [{source: given%s}]}}\n"
    "secrets: {given: {environment: V}, given2: {environment: W}}",
}
# What a plan does not show, and why: both texts lead to the same plan, rightly.
SAME: Final = {
    ("bind", "create_host_path"): "true is what the engine does anyway",
    ("network", "enable_ipv4"): "true asks for nothing else",
}
BEGUN = ("service", "port", "mount", "healthcheck", "reference")


def planned(text: str) -> tuple[Plan, tuple[str, ...]]:
    """The plan that a playbook leads to on a ready swarm, and the warnings."""
    inventory, environment = three(), {"V": "v", "W": "w"}
    tree = parse(text, file="play.yml")
    files = dict.fromkeys(named_files([tree], {}, environment), b"FROM=file")
    desired = load_playbooks([tree], inventory, environment, files=files, salt="salt")
    return plan_up(inventory, desired, swarm_world(inventory)), desired.warnings


def written(section: Section, key: str, value: str) -> tuple[str, str]:
    """The playbook with the key, and without it."""
    around = AROUND[section]
    if (section, key) in ORIGINAL:
        before = around % ""
        return before.replace(f"{key}: {ORIGINAL[section, key]}", f"{key}: {value}", 1), before
    if section == "playbook":
        return around % f"{key}: {value}\n", around % ""
    base = {"config": "content: x", "secret": "environment: V"}.get(section, "")
    own = "" if key in ("external", "file", "environment", "content") else base
    more = f"{own}, {key}: {value}".lstrip(", ")
    return around % (f", {more}" if section in BEGUN else more), around % base


ORIGINAL: Final = {
    ("playbook", "services"): "{s0: {image: x, volumes: [v:/v]}}",
    ("service", "image"): "x",
    ("port", "target"): "80",
    ("mount", "type"): "volume",
    ("mount", "target"): "/x",
    ("healthcheck", "test"): "x",
    ("reference", "source"): "given",
}


def cases(*kinds: str) -> list[Any]:
    """Every key of the specification that is of one of these kinds."""
    return [
        pytest.param(section, key, value, id=f"{section}.{key}")
        for section, keys in SPECIFICATION.items()
        for key, value in keys.items()
        if (KEYS[section].get(key, HONOURED)).kind in kinds
    ]


def test_every_key_of_the_specification_is_of_one_class() -> None:
    """A field of a model, or in the table: no other key is left."""
    for section, keys in SPECIFICATION.items():
        model = SECTIONS[section][0]
        assert set(keys) <= {*model.model_fields, *KEYS[section]}, section


@pytest.mark.parametrize(("section", "key", "value"), cases("honoured", "translated"))
def test_an_honoured_key_reaches_the_plan(section: Section, key: str, value: str) -> None:
    """The plan with it differs from the plan without it."""
    if (section, key) in (("port", "host_ip"), ("network", "enable_ipv4")):
        with pytest.raises(DocumentError):
            planned(written(section, key, value)[0])
        return
    with_it, without = (planned(text) for text in written(section, key, value))

    said = {w for w in with_it[1] if f" {key} " in w}
    assert not said
    same = (section, key) in SAME
    assert (with_it[0] == without[0]) is same


@pytest.mark.parametrize(("section", "key", "value"), cases("harmless"))
def test_a_harmless_key_is_warned_of(section: Section, key: str, value: str) -> None:
    """Once; the plan is the same."""
    with_it, without = (planned(text) for text in written(section, key, value))

    assert len(with_it[1]) == 1
    assert f"{key} has no effect" in with_it[1][0]
    assert with_it[0].actions == without[0].actions


@pytest.mark.parametrize(("section", "key", "value"), cases("lost"))
def test_a_key_whose_meaning_would_be_lost_is_an_error(
    section: Section, key: str, value: str
) -> None:
    """That names it and says why."""
    with pytest.raises(DocumentError) as error:
        planned(written(section, key, value)[0])

    said = [error.value, *error.value.others]
    found = [one for one in said if one.what.startswith(f"{key} in ")]
    assert "would lose its meaning" in found[0].what
    assert found[0].why


def test_down_of_a_playbook_with_everything_is_planned() -> None:
    """Nothing of it is there: nothing to do."""
    inventory = three()
    tree = parse(AROUND["service"] % "", file="play.yml")
    desired = load_playbooks([tree], inventory, {"V": "v"}, salt="salt")

    assert plan_down(inventory, desired, swarm_world(inventory)).actions == ()
