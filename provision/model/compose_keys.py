"""What becomes of every key of the Compose Specification: honoured, harmless, lost, or yet to come.

Nothing is dropped silently: a harmless key gives one warning, any other that is not honoured an
error which says why. The honoured keys are the fields of the models in `desired` (and the
translated ones named here); docs/playbook.md holds the table, a test compares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["honoured", "translated", "harmless", "lost", "later"]
Section: TypeAlias = Literal[
    "playbook",
    "service",
    "container",
    "deploy",
    "network",
    "attachment",
    "port",
    "mount",
    "healthcheck",
    "reservations",
    "bind",
    "volume mount",
    "config",
    "secret",
    "volume",
    "reference",
]


@dataclass(frozen=True, slots=True)
class ComposeKey:
    """A key that is not simply a field of a model.

    Attributes:
        why: for a translated key, into what; for a harmless one, why nothing is lost; else what
            would be lost.
        instead: what to write.
    """

    kind: Kind
    why: str
    instead: str = ""


def _harmless(why: str) -> ComposeKey:
    return ComposeKey("harmless", why)


def _lost(why: str, instead: str = "") -> ComposeKey:
    return ComposeKey("lost", why, instead)


def _later(why: str, instead: str = "") -> ComposeKey:
    return ComposeKey("later", why, instead)


def _translated(into: str) -> ComposeKey:
    return ComposeKey("translated", into)


_NO_DEVICES: Final = "Swarm has no devices for tasks"
_NO_NAMESPACES: Final = "Swarm gives every task namespaces of its own"
_NO_CGROUPS: Final = "Swarm knows limits of CPU, memory and processes only"
_LIMITS: Final = "use deploy.resources"
_STATIC: Final = (
    "Swarm chooses the addresses on an overlay network: a static one cannot be promised"
)
_ONLY_SERVICES: Final = "the engine gives them to tasks of services only"

_WORKLOAD: Final[Mapping[str, ComposeKey]] = {
    "annotations": _lost("Swarm passes no OCI annotations to tasks", "use labels"),
    "attach": _harmless("nothing is attached to a terminal"),
    "blkio_config": _lost(_NO_CGROUPS, _LIMITS),
    "build": _harmless("images are pulled, never built here"),
    "cgroup": _lost(_NO_NAMESPACES),
    "cgroup_parent": _lost(_NO_CGROUPS, _LIMITS),
    "container_name": _harmless("Swarm names the containers of a service, a playbook its own"),
    "cpu_count": _lost(_NO_CGROUPS, _LIMITS),
    "cpu_percent": _lost(_NO_CGROUPS, _LIMITS),
    "cpu_period": _lost(_NO_CGROUPS, _LIMITS),
    "cpu_quota": _lost(_NO_CGROUPS, _LIMITS),
    "cpu_rt_period": _lost(_NO_CGROUPS, _LIMITS),
    "cpu_rt_runtime": _lost(_NO_CGROUPS, _LIMITS),
    "cpu_shares": _lost(_NO_CGROUPS, _LIMITS),
    "cpuset": _lost(_NO_CGROUPS, _LIMITS),
    "credential_spec": _lost("it is for Windows hosts only"),
    "depends_on": _harmless("Swarm starts all services at once and restarts what fails"),
    "develop": _harmless("it is for work on a laptop"),
    "device_cgroup_rules": _lost(_NO_DEVICES),
    "devices": _lost(_NO_DEVICES),
    "domainname": _lost("Swarm sets no domain name in tasks", "write it into hostname"),
    "env_file": _translated("environment, which wins over it"),
    "expose": _harmless("on an overlay network every port is reachable"),
    "extends": _lost(
        "what a service has should be seen where it stands", "use YAML anchors and '<<'"
    ),
    "external_links": _lost("links belong to the old bridge network", "share a network"),
    "gpus": _lost(_NO_DEVICES),
    "ipc": _lost(_NO_NAMESPACES),
    "isolation": _lost("it is for Windows hosts only"),
    "label_file": _translated("labels, which win over it"),
    "links": _harmless("services on one network find one another by name"),
    "mac_address": _lost("Swarm chooses the addresses on an overlay network"),
    "mem_swappiness": _lost(_NO_CGROUPS, _LIMITS),
    "memswap_limit": _lost(_NO_CGROUPS, _LIMITS),
    "models": _lost("Swarm runs no models"),
    "network_mode": _lost(
        "Swarm attaches tasks to networks; it shares no host's or other container's", "use networks"
    ),
    "oom_kill_disable": _lost(_NO_CGROUPS),
    "oom_score_adj": _lost(_NO_CGROUPS),
    "pid": _lost(_NO_NAMESPACES),
    "platform": _lost(
        "a task would run on any node all the same", "use deploy.placement.constraints"
    ),
    "post_start": _lost("Swarm runs no hooks in tasks"),
    "pre_stop": _lost("Swarm runs no hooks in tasks"),
    "privileged": _lost("Swarm runs no privileged tasks", "use cap_add"),
    "profiles": _lost("the service would run although its profile is not chosen"),
    "provider": _lost("what is not a container cannot run in Swarm"),
    "pull_policy": _harmless("Swarm pins the digest of an image and pulls what a node lacks"),
    "runtime": _lost("Swarm chooses no runtime for a task", "set default-runtime in engine.daemon"),
    "security_opt": _lost("the container would run with other protection than is written"),
    "shm_size": _lost("Swarm sizes no /dev/shm", "mount a tmpfs of that size on /dev/shm"),
    "storage_opt": _lost("Swarm passes no storage options to tasks"),
    "use_api_socket": _lost("Swarm gives tasks no engine socket"),
    "userns_mode": _lost(_NO_NAMESPACES),
    "uts": _lost(_NO_NAMESPACES),
    "volumes_from": _lost("tasks share no other container's mounts", "use volumes"),
}

_SERVICE: Final[Mapping[str, ComposeKey]] = {
    "cpus": _translated("deploy.resources.limits.cpus"),
    "mem_limit": _translated("deploy.resources.limits.memory"),
    "mem_reservation": _translated("deploy.resources.reservations.memory"),
    "pids_limit": _translated("deploy.resources.limits.pids"),
    "restart": _translated("deploy.restart_policy"),
    "scale": _translated("deploy.replicas"),
    "tmpfs": _translated("volumes of type tmpfs"),
}

_CONTAINER: Final[Mapping[str, ComposeKey]] = {
    "configs": _lost(_ONLY_SERVICES, "make it a service, or bind a file of the host"),
    "deploy": _lost("only services are deployed", "make it a service, or name hosts with 'on'"),
    "scale": _lost("only services have replicas", "make it a service"),
    "secrets": _lost(_ONLY_SERVICES, "make it a service"),
    "tmpfs": _translated("volumes of type tmpfs"),
}

KEYS: Final[Mapping[Section, Mapping[str, ComposeKey]]] = {
    "playbook": {
        "include": _lost(
            "which playbooks are used together is said once", "name them on the command line"
        ),
        "models": _lost("Swarm runs no models"),
        "name": _harmless("the cluster's name stands in the inventory"),
        "needs": _later("stories come with a later version"),
        "stacks": _later("stacks come with a later version", "write services"),
        "steps": _later(
            "stories come with a later version", "write the state that should be reached"
        ),
        "title": _later("stories come with a later version"),
        "version": _harmless("the Compose Specification has no versions any more"),
    },
    "service": {**_WORKLOAD, **_SERVICE},
    "container": {**_WORKLOAD, **_CONTAINER},
    "deploy": {},
    "network": {
        "enable_ipv4": _lost("an overlay network always has IPv4"),
    },
    "attachment": {
        "gw_priority": _lost("Swarm chooses the default gateway"),
        "interface_name": _lost("Swarm names the interfaces"),
        "ipv4_address": _lost(_STATIC, "use the service's name"),
        "ipv6_address": _lost(_STATIC, "use the service's name"),
        "link_local_ips": _lost(_STATIC),
        "mac_address": _lost("Swarm chooses the addresses on an overlay network"),
        "priority": _lost("Swarm decides the order in which networks are joined"),
    },
    "port": {
        "app_protocol": _harmless("it only describes the port"),
        "name": _harmless("it only describes the port"),
    },
    "mount": {
        "consistency": _harmless("it means something on Docker Desktop only"),
        "image": _lost("Swarm mounts no images"),
        "cluster": _lost("this version knows no cluster volumes"),
    },
    "healthcheck": {
        "disable": _translated('test: ["NONE"]'),
        "start_interval": _lost("engines before 25 drop it in silence", "use start_period"),
    },
    "reservations": {"devices": _lost(_NO_DEVICES, "announce generic_resources")},
    "bind": {
        "recursive": _lost("engines before 25 drop it in silence"),
        "selinux": _harmless("swarmlay leaves the labels of SELinux alone"),
    },
    "volume mount": {
        "subpath": _lost("engines before 26 know no part of a volume", "mount the whole"),
    },
    "config": {},
    "secret": {
        "content": _lost("what stands in a playbook is no secret", "write file: or environment:"),
        "driver": _lost("this version asks no plugin for a secret", "write file: or environment:"),
        "driver_opts": _lost("this version asks no plugin for a secret"),
    },
    "volume": {},
    "reference": {},
}


HONOURED: Final = ComposeKey("honoured", "")
"""What the table of the docs says of a model's own fields."""


def table() -> Iterator[tuple[Section, str, ComposeKey]]:
    """Every key of the table, in the order of the docs."""
    for section, keys in KEYS.items():
        for name, key in sorted(keys.items()):
            yield section, name, key
