"""A service of the playbook → the Engine API's ServiceSpec."""

from collections.abc import Mapping
from typing import Any

from provision.model.deploying import RestartPolicy, Shares, UpdateConfig
from provision.model.desired import Deploy, Port, Service
from provision.model.engine_api import NANO, healthcheck, mount, nanoseconds, without_empty


def service_spec(
    name: str, service: Service, networks: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """The spec that `docker service create` would send.

    Args:
        name: the service's name.
        service: what is wanted.
        networks: the playbook's network names → the names they have in Docker.
        labels: ownership labels of the service.
    """
    spec: dict[str, Any] = without_empty(
        {
            "Name": name,
            "Labels": {**service.deploy.labels, **labels},
            "TaskTemplate": _task_template(service, networks),
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


def _task_template(service: Service, networks: Mapping[str, str]) -> dict[str, Any]:
    return {
        "ContainerSpec": _container(service),
        "Networks": [
            {"Target": networks[n], "Aliases": list(a.aliases), "DriverOpts": dict(a.driver_opts)}
            for n, a in service.networks.items()
        ],
        "Placement": _placement(service.deploy),
        "Resources": _resources(service.deploy),
        "RestartPolicy": _restart(service.deploy.restart_policy),
        "LogDriver": _log_driver(service),
    }


def _log_driver(service: Service) -> dict[str, Any] | None:
    if service.logging is None:
        return None
    return {"Name": service.logging.driver, "Options": dict(service.logging.options)}


def _container(service: Service) -> dict[str, Any]:
    return {
        "Image": service.image,
        "Labels": dict(service.labels),
        "Command": list(service.entrypoint or ()),
        "Args": list(service.command or ()),
        "Env": [f"{k}={v}" for k, v in sorted(service.environment.items())],
        "Hostname": service.hostname,
        "Dir": service.working_dir,
        "User": service.user,
        "TTY": service.tty or None,
        "OpenStdin": service.stdin_open or None,
        "ReadOnly": service.read_only or None,
        "Init": service.init,
        "StopSignal": service.stop_signal,
        "StopGracePeriod": nanoseconds(service.stop_grace_period),
        "Mounts": [mount(m) for m in service.volumes],
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
    return {"Limits": limits, "Reservations": _limits(deploy.resources.reservations)}


def _limits(limits: Shares) -> dict[str, Any]:
    cpus = None if limits.cpus is None else round(limits.cpus * NANO)
    return {"NanoCPUs": cpus, "MemoryBytes": limits.memory}


def _restart(policy: RestartPolicy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "Condition": policy.condition,
        "Delay": nanoseconds(policy.delay),
        "MaxAttempts": policy.max_attempts,
        "Window": nanoseconds(policy.window),
    }
