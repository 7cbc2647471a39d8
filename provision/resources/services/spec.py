"""A service of the playbook → the Engine API's ServiceSpec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.model.deploying import RestartPolicy, Shares, UpdateConfig
from provision.model.desired import Deploy, Port, Service
from provision.model.engine_api import NANO, healthcheck, mount, nanoseconds, without_empty
from provision.model.storage import FileReference, Volume


@dataclass(frozen=True, slots=True)
class Objects:
    """What services name → what it is called in Docker.

    Attributes:
        volumes: the volumes that the playbooks declare.
    """

    networks: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)


def service_spec(
    name: str, service: Service, objects: Objects, labels: Mapping[str, str]
) -> dict[str, Any]:
    """The spec that `docker service create` would send, but for ids of configs and secrets.

    Args:
        name: the service's name.
        service: what is wanted.
        objects: what it names.
        labels: ownership labels of the service, and of volumes that its tasks bring into being.
    """
    spec: dict[str, Any] = without_empty(
        {
            "Name": name,
            "Labels": {**service.deploy.labels, **labels},
            "TaskTemplate": _task_template(service, objects, labels),
            "Mode": _mode(service.deploy),
            "UpdateConfig": _update(service.deploy.update_config),
            "RollbackConfig": _update(service.deploy.rollback_config),
            "EndpointSpec": {
                "Mode": service.deploy.endpoint_mode,
                "Ports": [_port(p) for p in service.ports],
            },
        }
    )
    return spec


def _task_template(service: Service, objects: Objects, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "ContainerSpec": {
            **_container(service),
            **_files(service, objects, labels),
            "Labels": {**service.labels, **(labels if service.deploy.is_job else {})},
        },
        "Networks": [
            {
                "Target": objects.networks[n],
                "Aliases": list(a.aliases),
                "DriverOpts": dict(a.driver_opts),
            }
            for n, a in service.networks.items()
        ],
        "Placement": _placement(service.deploy),
        "Resources": _resources(service.deploy),
        "RestartPolicy": _restart(service.deploy),
        "LogDriver": _log_driver(service),
    }


def _log_driver(service: Service) -> dict[str, Any] | None:
    if service.logging is None:
        return None
    return {"Name": service.logging.driver, "Options": dict(service.logging.options)}


def _container(service: Service) -> dict[str, Any]:
    return {
        "Image": service.image,
        "Command": list(service.entrypoint or ()),
        "Args": list(service.command or ()),
        "Env": [f"{k}={v}" for k, v in sorted(service.environment.items())],
        "Hostname": service.hostname,
        "Dir": service.working_dir,
        "User": service.user,
        "Groups": list(service.group_add),
        "TTY": service.tty or None,
        "OpenStdin": service.stdin_open or None,
        "ReadOnly": service.read_only or None,
        "Init": service.init,
        "StopSignal": service.stop_signal,
        "StopGracePeriod": nanoseconds(service.stop_grace_period),
        "Healthcheck": healthcheck(service.healthcheck),
        "Hosts": [f"{address} {host}" for host, address in service.extra_hosts.items()],
        "DNSConfig": _dns(service),
        "Sysctls": dict(service.sysctls),
        "CapabilityAdd": list(service.cap_add),
        "CapabilityDrop": list(service.cap_drop),
        "Ulimits": [
            {"Name": n, "Soft": u.soft, "Hard": u.hard} for n, u in service.ulimits.items()
        ],
    }


def _files(service: Service, objects: Objects, labels: Mapping[str, str]) -> dict[str, Any]:
    """What tasks find in their file system besides the image."""
    return {
        "Mounts": [mount(m, objects.volumes, labels) for m in service.volumes],
        "Configs": [
            {"File": _file(f, f.target or f"/{f.source}"), "ConfigName": objects.configs[f.source]}
            for f in service.configs
        ],
        "Secrets": [
            {"File": _file(f, f.target or f.source), "SecretName": objects.secrets[f.source]}
            for f in service.secrets
        ],
    }


def _file(reference: FileReference, target: str) -> dict[str, Any]:
    return {
        "Name": target,
        "UID": reference.uid,
        "GID": reference.gid,
        "Mode": reference.mode,
    }


def _dns(service: Service) -> dict[str, Any]:
    return {
        "Nameservers": list(service.dns),
        "Search": list(service.dns_search),
        "Options": list(service.dns_opt),
    }


def _port(port: Port) -> dict[str, Any]:
    return {
        "Protocol": port.protocol,
        "TargetPort": port.target,
        "PublishedPort": port.published,
        "PublishMode": port.mode,
    }


def _mode(deploy: Deploy) -> dict[str, Any]:
    replicas = 1 if deploy.replicas is None else deploy.replicas
    modes: dict[str, dict[str, Any]] = {
        "replicated": {"Replicated": {"Replicas": replicas}},
        "global": {"Global": {}},
        "replicated-job": {
            "ReplicatedJob": {"MaxConcurrent": replicas, "TotalCompletions": replicas}
        },
        "global-job": {"GlobalJob": {}},
    }
    return modes[deploy.mode]


def _update(config: UpdateConfig | None) -> dict[str, Any] | None:
    if config is None:
        return None
    return {
        "Parallelism": 1 if config.parallelism is None else config.parallelism,
        "Delay": nanoseconds(config.delay),
        "FailureAction": config.failure_action,
        "Monitor": nanoseconds(config.monitor),
        "MaxFailureRatio": config.max_failure_ratio,
        "Order": config.order,
    }


def _placement(deploy: Deploy) -> dict[str, Any]:
    return {
        "Constraints": list(deploy.placement.constraints),
        "Preferences": [
            {"Spread": {"SpreadDescriptor": p["spread"]}} for p in deploy.placement.preferences
        ],
        "MaxReplicas": deploy.placement.max_replicas_per_node,
    }


def _resources(deploy: Deploy) -> dict[str, Any]:
    limits = _limits(deploy.resources.limits)
    if deploy.resources.limits.pids is not None:
        limits["Pids"] = deploy.resources.limits.pids
    reserved = deploy.resources.reservations
    generic = [
        {"DiscreteResourceSpec": {"Kind": r.kind, "Value": r.value}}
        for r in (g.discrete_resource_spec for g in reserved.generic_resources)
    ]
    reservations = {**_limits(reserved), "GenericResources": generic}
    return {"Limits": limits, "Reservations": reservations}


def _limits(limits: Shares) -> dict[str, Any]:
    cpus = None if limits.cpus is None else round(limits.cpus * NANO)
    return {"NanoCPUs": cpus, "MemoryBytes": limits.memory}


def _restart(deploy: Deploy) -> dict[str, Any] | None:
    """A job that came to a good end is not started again, whatever the engine's default is."""
    policy = deploy.restart_policy
    if policy is None and not deploy.is_job:
        return None
    policy = policy or RestartPolicy()
    return {
        "Condition": policy.condition or ("on-failure" if deploy.is_job else None),
        "Delay": nanoseconds(policy.delay),
        "MaxAttempts": policy.max_attempts,
        "Window": nanoseconds(policy.window),
    }
