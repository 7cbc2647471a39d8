"""The `docker service` command that a person would type for the same service."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from provision.model.desired import Service
from provision.model.engine_api import shown
from provision.model.storage import DEFAULT_MODE
from provision.resources.services.spec import Objects


def create_command(name: str, service: Service, objects: Objects) -> str:
    """``docker service create …``."""
    words = ["docker", "service", "create", "--name", name]
    for flag, value in (*_flags(service, objects.networks), *_file_flags(service, objects)):
        words += [flag, str(value)]
    return shlex.join([*words, service.image, *(service.command or ())])


def _file_flags(service: Service, objects: Objects) -> Iterator[tuple[str, str]]:
    named = (("--config", service.configs, objects.configs),
             ("--secret", service.secrets, objects.secrets))  # fmt: skip
    for flag, references, names in named:
        for one in references:
            target = one.target or (one.source if flag == "--secret" else f"/{one.source}")
            mode = "" if one.mode == DEFAULT_MODE else f",mode={one.mode:04o}"
            yield flag, f"source={names[one.source]},target={target}{mode}"


def _flags(service: Service, networks: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    deploy = service.deploy
    if deploy.mode != "replicated":
        yield "--mode", deploy.mode
    if deploy.replicas is not None:
        yield "--replicas", deploy.replicas
    if deploy.endpoint_mode != "vip":
        yield "--endpoint-mode", deploy.endpoint_mode
    for network in service.networks:
        yield "--network", networks[network]
    for port in service.ports:
        published = f"published={port.published}," if port.published else ""
        mode = ",mode=host" if port.mode == "host" else ""
        protocol = f",protocol={port.protocol}" if port.protocol != "tcp" else ""
        yield "--publish", f"{published}target={port.target}{protocol}{mode}"
    yield from _container_flags(service)


def _container_flags(service: Service) -> Iterator[tuple[str, Any]]:
    for pair in shown(f"{key}={value}" for key, value in service.environment.items()):
        yield "--env", pair
    for mount in service.volumes:
        source = f"source={mount.source}," if mount.source else ""
        readonly = ",readonly" if mount.read_only else ""
        yield "--mount", f"type={mount.type},{source}target={mount.target}{readonly}"
    for constraint in service.deploy.placement.constraints:
        yield "--constraint", constraint
    if service.entrypoint:
        yield "--entrypoint", shlex.join(service.entrypoint)


def update_command(name: str, paths: list[str]) -> str:
    """``docker service update …`` with the flags that matter, as far as a path has one."""
    flags = {
        "Mode.Replicated.Replicas": "--replicas …",
        "TaskTemplate.ContainerSpec.Image": "--image …",
        "TaskTemplate.ContainerSpec.Env": "--env-add …",
        "TaskTemplate.ContainerSpec.Args": "--args …",
    }
    words = [flags[p] for p in paths if p in flags]
    return " ".join(["docker service update", *words, shlex.quote(name)])
