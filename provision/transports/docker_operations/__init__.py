"""The verbs of `provision.model.actions.DockerOperation`: the closed list, and what each takes.

Reads answer in the Engine API's own shape; a change answers its scalar result (an id, a token), or
whether anything was changed; a predicate answers ``{"done", "text", "failed"}``. ``?`` marks an
argument that may be left out. Ids may be names wherever the Engine API takes a name.

| operation | arguments | answers |
| --- | --- | --- |
| info | | ``/info`` |
| swarm.init | advertise_addr, listen_addr? (0.0.0.0:2377), data_path_addr?, data_path_port?, default_addr_pool? [cidr], subnet_size?, autolock?, labels? {} | node id |
| swarm.join | remote_addrs [], token, advertise_addr, listen_addr?, data_path_addr? | node id |
| swarm.leave | force? | whether it was in a swarm |
| swarm.update | labels? {}: added to those there are, None takes one away; autolock? | whether it changed |
| swarm.token | role: worker or manager | the token (capture it under a secret ref) |
| swarm.inspect | | ``/swarm`` without the tokens |
| swarm.rotate | what: worker, manager, unlock_key or ca | whether it was written |
| swarm.unlock_key | | the key, "" without autolock (capture it under a secret ref) |
| swarm.unlock | key | whether it was locked |
| swarm.restore | advertise_addr, data_path_port?, labels? {}, autolock? | node id; the state on disk becomes a swarm of one manager |
| node.list | filters? | nodes |
| node.update | id, labels? (the whole set), availability?, role? | whether it changed |
| node.remove | id, force? | whether it was there |
| node.expel | address, known [ids] | ids of half-joined records there that were demoted and removed |
| node.check_quorum | id | None; refused where the managers that are left have no quorum |
| node.mark | id, labels {}: added, None takes one away; availability? | whether it changed |
| node.check_restart | id | None; refused where the managers that are left meanwhile have no quorum |
| node.forget_others | keep: id, hosts? [whose records stay] | ids that were removed |
| network.list | filters? | networks |
| network.inspect | id, verbose? | network |
| network.create | body: the Engine API's | id |
| network.remove | id | whether it was there |
| service.list | filters?, status? | services |
| service.inspect | id | service |
| service.logs | id, tail? (20) | text |
| service.create | spec: the Engine API's ServiceSpec, auth? {username, password, serveraddress} | id |
| service.update | id, spec (the whole), auth? | whether it was written |
| service.remove | id | whether it was there |
| task.list | filters? | tasks |
| container.list | all?, filters? | containers |
| container.inspect | id | container |
| container.create | name, body: the Engine API's, networks? {name: EndpointSettings}, auth? | id; the image is pulled if absent |
| container.start | id | None; one that runs is fine |
| container.remove | id, force?, volumes? | whether it was there |
| image.pull | image, auth? | None |
| volume.list | filters? | volumes |
| volume.remove | name, force? | whether it was there |
| config.list, secret.list | | configs and secrets, without what they hold |
| config.create, secret.create | name, data (Base64), labels?, template? golang | id |
| config.remove, secret.remove | id | whether it was there |
| node.is_ready | id or hostname | verdict |
| node.is_down | id or hostname | verdict; a node that is gone is down |
| node.is_drained | id, services? [ids of replicated services whose tasks must run elsewhere] | verdict |
| node.has_role | id, role | verdict; a manager must be reachable, too |
| swarm.is_active | role? manager | verdict |
| swarm.is_ca_rotated | | verdict |
| swarm.is_recovered | | verdict; every replicated service has its tasks |
| network.is_allocated | id | verdict; failed names the overlap |
| network.is_gone | id | verdict |
| service.is_converged | id, replicas?, patience? (seconds that "no suitable node" may last) | verdict |
| service.is_gone | id (not the name: tasks know the id only) | verdict |
| container.is_running | id | verdict |
| volume.is_unused | name | verdict: no container of this host has it mounted |

``service.create`` and ``service.update`` pin the image's digest as the docker command does, and add
the image's platforms, and look up the ids of configs and secrets by their names: compare images without ``@sha256:…``, and leave ``Placement.Platforms`` out.
"""  # noqa: E501 - a table

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from provision.errors import UsageError
from provision.model.actions import DockerOperation
from provision.transports.docker_api import EngineApi
from provision.transports.docker_operations import (
    changing,
    containers,
    convergence,
    images,
    keeping,
    networks,
    nodes,
    services,
    stored,
    swarm,
)
from provision.transports.docker_operations.asking import Request

Operation: TypeAlias = Callable[[Request], Any]

OPERATIONS: Mapping[DockerOperation, Operation] = MappingProxyType(
    {
        "info": swarm.info,
        "swarm.inspect": swarm.inspect,
        "swarm.unlock_key": keeping.unlock_key,
        "node.list": nodes.list_nodes,
        "network.list": networks.list_networks,
        "network.inspect": networks.inspect,
        "service.list": services.list_services,
        "service.inspect": services.inspect,
        "service.logs": services.logs,
        "task.list": services.list_tasks,
        "container.list": containers.list_containers,
        "container.inspect": containers.inspect,
        "volume.list": containers.list_volumes,
        "config.list": stored.list_configs,
        "secret.list": stored.list_secrets,
        "swarm.init": swarm.init,
        "swarm.join": swarm.join,
        "swarm.leave": swarm.leave,
        "swarm.update": swarm.update_swarm,
        "swarm.token": swarm.token,
        "swarm.rotate": keeping.rotate,
        "swarm.unlock": keeping.unlock,
        "swarm.restore": keeping.restore,
        "node.update": nodes.update_node,
        "node.mark": keeping.mark,
        "node.check_restart": keeping.check_restart,
        "node.forget_others": keeping.forget_others,
        "node.remove": nodes.remove_node,
        "node.expel": changing.expel,
        "node.check_quorum": changing.check_quorum,
        "network.create": networks.create,
        "network.remove": networks.remove,
        "service.create": services.create,
        "service.update": services.update_service,
        "service.remove": services.remove,
        "container.create": containers.create,
        "container.start": containers.start,
        "container.remove": containers.remove,
        "image.pull": images.pull,
        "volume.remove": containers.remove_volume,
        "config.create": stored.create_config,
        "config.remove": stored.remove_config,
        "secret.create": stored.create_secret,
        "secret.remove": stored.remove_secret,
        "node.is_ready": nodes.is_ready,
        "node.is_down": nodes.is_down,
        "node.is_drained": changing.is_drained,
        "node.has_role": changing.has_role,
        "swarm.is_active": swarm.is_active,
        "swarm.is_ca_rotated": keeping.is_ca_rotated,
        "swarm.is_recovered": keeping.is_recovered,
        "network.is_allocated": networks.is_allocated,
        "network.is_gone": networks.is_gone,
        "service.is_converged": convergence.is_converged,
        "service.is_gone": convergence.is_gone,
        "container.is_running": containers.is_running,
        "volume.is_unused": containers.is_volume_unused,
    }
)


CHANGES: frozenset[DockerOperation] = frozenset(
    {
        "swarm.init",
        "swarm.join",
        "swarm.leave",
        "swarm.update",
        "swarm.rotate",
        "swarm.unlock",
        "swarm.restore",
        "node.mark",
        "node.forget_others",
        "node.update",
        "node.remove",
        "node.expel",
        "network.create",
        "network.remove",
        "service.create",
        "service.update",
        "service.remove",
        "container.create",
        "container.start",
        "container.remove",
        "image.pull",
        "volume.remove",
        "config.create",
        "config.remove",
        "secret.create",
        "secret.remove",
    }
)
"""What is not asked again after a lost connection: it may have been done."""


def operate(
    engine: EngineApi,
    operation: DockerOperation,
    arguments: Mapping[str, Any],
    timeout: float,
    progress: Callable[[str], None] | None = None,
) -> Any:
    """Carry out one operation; `provision.errors.ActionFailed` where the engine refuses."""
    verb = OPERATIONS.get(operation)
    if verb is None:
        raise UsageError(f"There is no docker operation {operation}")
    return verb(Request(engine, operation, arguments, timeout, progress))
