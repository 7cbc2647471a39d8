"""Standalone containers on named hosts, attached to overlays."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from provision.model.actions import Action, Blocked, Change, Docker, Ref, Step, Wait
from provision.model.context import Context, container_id, engine_id, member_id, network_id
from provision.model.desired import Container
from provision.model.engine_api import shown
from provision.model.facts import Known
from provision.model.inventory import Host
from provision.model.labels import PLAYBOOK, SPEC, digest, ownership
from provision.model.observed import ContainerFact
from provision.resources.containers import ended
from provision.resources.containers.spec import container_body


class Containers:
    """Containers of the playbooks run on their hosts."""

    name = "containers"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """A container of the same name that is not ours is never touched."""
        for name, host in _placed(context):
            found = _find(context, host, name)
            if found is not None and not context.owns(found.labels):
                yield Blocked(
                    host.name,
                    f"container {name} exists there and was not made by swarmlay for this cluster",
                    hint="give ours another name",
                    exit_code=4,
                )

    def wanted(self, context: Context) -> Iterable[Action]:
        """Create what is missing, replace what differs, start what stands still."""
        if context.lead is None:
            return
        for name, host in _placed(context):
            wanted = context.desired.containers[name]
            found = _find(context, host, name)
            body = _labelled(context, name, wanted)
            if found is None or _outdated(found, body):
                yield _create(context, host, name, body, found)
            elif found.state != "running":
                yield _start(context, host, name, found)
        if context.options.prune:
            yield from _pruned(context)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Ours are removed on every host."""
        for host in context.hosts:
            for found in _ours(context, host):
                if not context.desired.playbooks or found.name in context.desired.containers:
                    yield _remove(host, found, "the cluster is taken down")
        yield from ended.unwanted(context)


_BROKEN = frozenset({"dead", "removing", "exited", "created"})
"""States after which starting is not sure to work: such a container is made anew.

An overlay attachment of a container that was created but never started, or whose daemon was killed,
can be gone (FAULTS D3), so that `start` fails for ever.
"""


def _outdated(found: ContainerFact, body: dict[str, Any]) -> bool:
    return found.labels.get(SPEC) != body["Labels"][SPEC] or found.state in _BROKEN


def _placed(context: Context) -> Iterator[tuple[str, Host]]:
    planned = {h.name for h in context.hosts}
    for name, container in context.desired.containers.items():
        for host in context.inventory.select(container.on):
            if host.name in planned:
                yield name, host


def _find(context: Context, host: Host, name: str) -> ContainerFact | None:
    fact = context.facts(host.name).containers
    found = fact.value if isinstance(fact, Known) else ()
    return next((c for c in found if c.name == name), None)


def _ours(context: Context, host: Host) -> tuple[ContainerFact, ...]:
    fact = context.facts(host.name).containers
    found = fact.value if isinstance(fact, Known) else ()
    return tuple(c for c in found if context.owns(c.labels) and not ended.of_task(c))


def _labelled(context: Context, name: str, wanted: Container) -> dict[str, Any]:
    origin = context.desired.origin.get(f"container/{name}", "")
    labels = ownership(context.cluster_name, origin)
    body = container_body(wanted, labels, context.desired.volumes)
    body["Networks"] = _networks(context, wanted)
    body["Labels"][SPEC] = digest(body)
    return body


def _networks(context: Context, wanted: Container) -> dict[str, Any]:
    names = {n: w.name or n for n, w in context.desired.networks.items()}
    return {names[n]: {"Aliases": list(a.aliases)} for n, a in wanted.networks.items()}


def _create(
    context: Context, host: Host, name: str, body: dict[str, Any], found: ContainerFact | None
) -> Action:
    ref = Ref(f"id of container {name} on {host.name}")
    create = {k: v for k, v in body.items() if k != "Networks"}
    old: tuple[Step, ...] = ()
    if found is not None:
        old = (Docker("container.remove", {"id": found.id, "force": True}),)
    arguments = {"name": name, "body": create, "networks": body["Networks"]}
    return Action(
        id=container_id(host.name, name),
        host=host.name,
        resource="containers",
        subject=f"container {name}",
        change=Change.UPDATE if found else Change.CREATE,
        why=f"is {found.state} or differs from the playbook: it is made anew"
        if found
        else "does not exist",
        steps=(
            *old,
            Docker("container.create", arguments, captures=ref, timeout=300),
            Docker("container.start", {"id": ref}, timeout=150),
            Wait(
                Docker("container.is_running", {"id": ref}), timeout=30, why="the container to run"
            ),
        ),
        after=_needs(context, host, body["Networks"]),
        after_={**body, "Env": shown(body["Env"])} if "Env" in body else body,
        commands=(_command(name, body),),
    )


def _why(found: ContainerFact | None, body: dict[str, Any]) -> str:
    if found is None:
        return "does not exist"
    differs = found.labels.get(SPEC) != body["Labels"][SPEC]
    return f"{'differs from the playbook' if differs else f'is {found.state}'}: it is made anew"


def _needs(context: Context, host: Host, networks: Iterable[str]) -> frozenset[str]:
    makers = (str(context.lead), host.name)  # of the swarm's networks, and of the host's own
    made = {f"{maker}:{network_id(n)}" for n in networks for maker in makers}
    return frozenset(made | {engine_id(host.name), member_id(host.name)})


def _command(name: str, body: dict[str, Any]) -> str:
    words = ["docker", "run", "--detach", "--name", name]
    for network in body["Networks"]:
        words += ["--network", network]
    for variable in shown(body.get("Env", ())):
        words += ["--env", variable]
    return shlex.join([*words, body["Image"], *body.get("Cmd", ())])


def _start(context: Context, host: Host, name: str, found: ContainerFact) -> Action:
    return Action(
        id=container_id(host.name, name),
        host=host.name,
        resource="containers",
        subject=f"container {name}",
        change=Change.UPDATE,
        why=f"is {found.state}",
        steps=(
            Docker("container.start", {"id": found.id}, timeout=150),
            Wait(Docker("container.is_running", {"id": found.id}), timeout=30, why="it to run"),
        ),
        after=_needs(context, host, ()),
        before=found.state,
        after_="running",
        commands=(f"docker start {name}",),
    )


def _pruned(context: Context) -> Iterator[Action]:
    wanted = {(host.name, name) for name, host in _placed(context)}
    for host in context.hosts:
        for found in _ours(context, host):
            if (host.name, found.name) not in wanted:
                yield _remove(host, found, "no playbook wants it any more")


def _remove(host: Host, found: ContainerFact, why: str) -> Action:
    return Action(
        id=container_id(host.name, found.name),
        host=host.name,
        resource="containers",
        subject=f"container {found.name}",
        change=Change.DELETE,
        why=why,
        steps=(Docker("container.remove", {"id": found.id, "force": True}, timeout=60),),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker rm --force {found.name}",),
    )
