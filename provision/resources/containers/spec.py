"""A standalone container of the playbook → the Engine API's create body."""

from collections.abc import Mapping
from typing import Any

from provision.model.desired import Container, Port
from provision.model.engine_api import NANO, healthcheck, mount, nanoseconds, without_empty
from provision.model.storage import Volume


def container_body(
    container: Container, labels: Mapping[str, str], volumes: Mapping[str, Volume]
) -> dict[str, Any]:
    """The create body, without its networks.

    Args:
        container: what is wanted.
        labels: ownership labels, also of volumes that it brings into being.
        volumes: the volumes that the playbooks declare.
    """
    made: dict[str, Any] = {
        "Image": container.image,
        "Cmd": list(container.command or ()),
        "Entrypoint": list(container.entrypoint or ()),
        "Env": [f"{k}={v}" for k, v in sorted(container.environment.items())],
        "Labels": {**container.labels, **labels},
        "Hostname": container.hostname,
        "User": container.user,
        "WorkingDir": container.working_dir,
        "StopSignal": container.stop_signal,
        "StopTimeout": _seconds(container.stop_grace_period),
        "Tty": container.tty or None,
        "OpenStdin": container.stdin_open or None,
        "Healthcheck": healthcheck(container.healthcheck),
        "ExposedPorts": {_key(p): {"": ""} for p in container.ports},
        "HostConfig": {
            **_host_config(container),
            "Mounts": [mount(m, volumes, labels) for m in container.volumes],
        },
    }
    return _exposed(without_empty(made))


def _exposed(body: dict[str, Any]) -> dict[str, Any]:
    if "ExposedPorts" in body:
        body["ExposedPorts"] = {key: {} for key in body["ExposedPorts"]}
    return body


def _seconds(grace: float | None) -> int | None:
    duration = nanoseconds(grace)
    return None if duration is None else max(1, duration // 1_000_000_000)


def _key(port: Port) -> str:
    return f"{port.target}/{port.protocol}"


def _host_config(container: Container) -> dict[str, Any]:
    return {
        "GroupAdd": list(container.group_add),
        "NanoCpus": None if container.cpus is None else round(container.cpus * NANO),
        "Memory": container.mem_limit,
        "MemoryReservation": container.mem_reservation,
        "PidsLimit": container.pids_limit,
        "RestartPolicy": {"Name": container.restart} if container.restart != "no" else None,
        "PortBindings": _bindings(container.ports),
        "Init": container.init,
        "ReadonlyRootfs": container.read_only or None,
        "CapAdd": list(container.cap_add),
        "CapDrop": list(container.cap_drop),
        "Sysctls": dict(container.sysctls),
        "ExtraHosts": [f"{host}:{address}" for host, address in container.extra_hosts.items()],
        "Dns": list(container.dns),
        "DnsSearch": list(container.dns_search),
        "DnsOptions": list(container.dns_opt),
        "Ulimits": [
            {"Name": n, "Soft": u.soft, "Hard": u.hard} for n, u in container.ulimits.items()
        ],
        "LogConfig": _logging(container),
    }


def _logging(container: Container) -> dict[str, Any] | None:
    if container.logging is None:
        return None
    return {"Type": container.logging.driver, "Config": dict(container.logging.options)}


def _bindings(ports: list[Port]) -> dict[str, Any]:
    made: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        published = "" if port.published is None else str(port.published)
        made.setdefault(_key(port), []).append(
            {"HostPort": published, "HostIp": port.host_ip or "0.0.0.0"}  # noqa: S104 - Docker's own default
        )
    return made
