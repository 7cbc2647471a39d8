"""Services: created, updated where they differ, waited for until every task runs."""

from collections.abc import Iterable, Iterator
from typing import Any

from provision.model.actions import Action, Blocked, Change, Docker, Ref, Wait
from provision.model.context import Context, member_id, network_id, service_id
from provision.model.desired import Service
from provision.model.engine_api import shown
from provision.model.labels import PLAYBOOK, SPEC, digest, ownership
from provision.model.observed import ServiceFact
from provision.model.stored import CONFIG, SECRET, real_name, stored_id
from provision.resources.services.commands import create_command, update_command
from provision.resources.services.compare import differences
from provision.resources.services.spec import Objects, service_spec

CONVERGENCE = 300.0
"""Seconds a service gets until all of its tasks run (images are pulled meanwhile)."""
COMPLETION = 3600.0
"""Seconds a job gets until all of its tasks have come to a good end."""


class Services:
    """Services of the playbooks run as described."""

    name = "services"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """A service of the same name that is not ours is never touched."""
        for name in context.desired.services:
            found = _find(context, name)
            if found is not None and not context.owns(found.labels):
                yield Blocked(
                    "",
                    f"service {name} exists and was not made by swarmlay for this cluster",
                    hint="give ours another name",
                    exit_code=4,
                )

    def wanted(self, context: Context) -> Iterable[Action]:
        """Create, update, or wait for what an interrupted run left unfinished."""
        if context.lead is None:
            return
        for name, service in context.desired.services.items():
            spec = desired_spec(context, name, service)
            found = _find(context, name)
            if found is None:
                yield _create(context, name, service, spec)
            elif changed := differences(spec, found.spec, _network_names(context)):
                yield _update(context, name, found, spec, changed)
            elif missing := _unfinished(context, found):
                yield _await(context, name, found, missing)
        if context.options.prune:
            yield from _pruned(context)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Ours are removed first of all, and their tasks waited for."""
        cluster = context.cluster
        for found in cluster.services if cluster else ():
            if context.owns(found.labels) and _named(context, found.name):
                yield _remove(context, found, "the cluster is taken down")


def desired_spec(context: Context, name: str, service: Service) -> dict[str, Any]:
    """The spec with ownership labels and the fingerprint of what was asked for."""
    origin = context.desired.origin.get(f"service/{name}", "")
    labels = ownership(context.cluster_name, origin)
    spec = service_spec(name, service, _objects(context, service), labels)
    spec["Labels"][SPEC] = digest(spec)
    return spec


def _real_names(context: Context) -> dict[str, str]:
    return {n: w.name or n for n, w in context.desired.networks.items()}


def _objects(context: Context, service: Service) -> Objects:
    return Objects(
        networks=_real_names(context),
        configs={c.source: real_name(context, CONFIG, c.source) for c in service.configs},
        secrets={s.source: real_name(context, SECRET, s.source) for s in service.secrets},
        volumes=context.desired.volumes,
    )


def _network_names(context: Context) -> dict[str, str]:
    cluster = context.cluster
    return {n.id: n.name for n in cluster.networks} if cluster else {}


def _find(context: Context, name: str) -> ServiceFact | None:
    cluster = context.cluster
    return next((s for s in cluster.services if s.name == name), None) if cluster else None


def _named(context: Context, name: str) -> bool:
    return not context.desired.playbooks or name in context.desired.services


def _needs(context: Context, service: Service) -> frozenset[str]:
    lead, objects = str(context.lead), _objects(context, service)
    named = {f"{lead}:{network_id(objects.networks[n])}" for n in service.networks}
    named |= {stored_id(context, CONFIG, real) for real in objects.configs.values()}
    named |= {stored_id(context, SECRET, real) for real in objects.secrets.values()}
    # A task may be placed on any node: all of them join first, or the spread is uneven.
    return frozenset(named | {member_id(h.name) for h in context.hosts} | _labelled(context))


def _labelled(context: Context) -> set[str]:
    return {f"{context.lead}:nodes:{h.name}" for h in context.hosts}


def _converged(service: str | Ref, *, job: bool) -> Wait:
    predicate = Docker("service.is_converged", {"id": service})
    if job:
        return Wait(predicate, timeout=COMPLETION, why="every task to be completed")
    return Wait(predicate, timeout=CONVERGENCE, why="every task to run")


def _create(context: Context, name: str, service: Service, spec: dict[str, Any]) -> Action:
    lead, ref = str(context.lead), Ref(f"id of service {name}")
    return Action(
        id=f"{lead}:{service_id(name)}",
        host=lead,
        resource="services",
        subject=f"service {name}",
        change=Change.CREATE,
        why="does not exist",
        steps=(
            Docker("service.create", {"spec": spec}, captures=ref, timeout=90),
            _converged(ref, job=service.deploy.is_job),
        ),
        after=_needs(context, service),
        after_=_shown(spec),
        commands=(create_command(name, service, _objects(context, service)),),
    )


def _shown(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec as a plan may show it."""
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    if "Env" not in container:
        return spec
    container = {**container, "Env": shown(container["Env"])}
    return {**spec, "TaskTemplate": {**template, "ContainerSpec": container}}


def _shown_at(path: str, value: Any) -> Any:
    """A difference; where it is a list of variables, or one of them, without secrets."""
    if ".Env" not in path:
        return value
    return shown(value) if isinstance(value, list) else next(iter(shown([str(value)])))


def _update(
    context: Context,
    name: str,
    found: ServiceFact,
    spec: dict[str, Any],
    changed: dict[str, tuple[Any, Any]],
) -> Action:
    lead = str(context.lead)
    return Action(
        id=f"{lead}:{service_id(name)}",
        host=lead,
        resource="services",
        subject=f"service {name}",
        change=Change.UPDATE,
        why="differs in " + ", ".join(sorted(changed)),
        steps=(
            Docker("service.update", {"id": found.id, "spec": spec}, timeout=90),
            _converged(found.id, job=context.desired.services[name].deploy.is_job),
        ),
        after=_needs(context, context.desired.services[name]),
        before={path: _shown_at(path, have) for path, (have, _) in changed.items()},
        after_={path: _shown_at(path, want) for path, (_, want) in changed.items()},
        commands=(update_command(name, sorted(changed)),),
    )


def _unfinished(context: Context, found: ServiceFact) -> str:
    """What is still missing of a replicated service, in words; "" when it runs."""
    cluster = context.cluster
    wanted = found.spec.get("Mode", {}).get("Replicated", {}).get("Replicas")
    if cluster is None or wanted is None:
        return _uncompleted(context, found)
    tasks = [t for t in cluster.tasks if t.service_id == found.id and t.desired_state == "running"]
    running = sum(t.state == "running" for t in tasks)
    return f"{running}/{wanted} tasks run" if running < wanted else ""


_ENDED = frozenset({"complete", "failed", "rejected", "shutdown", "orphaned", "remove"})


def _uncompleted(context: Context, found: ServiceFact) -> str:
    """What a job is still at, in words; "" when all of its tasks came to an end."""
    tasks = context.cluster.tasks if context.cluster else ()
    left = [t for t in tasks if t.service_id == found.id and t.desired_state == "complete"]
    count = sum(t.state not in _ENDED for t in left)
    return f"{count} tasks are not completed" if count else ""


def _await(context: Context, name: str, found: ServiceFact, missing: str) -> Action:
    lead = str(context.lead)
    return Action(
        id=f"{lead}:{service_id(name)}",
        host=lead,
        resource="services",
        subject=f"service {name}",
        change=Change.CHECK,
        why=f"{missing}: waits until all do, or says why not",
        steps=(_converged(found.id, job=context.desired.services[name].deploy.is_job),),
        after=_needs(context, context.desired.services[name]),
        commands=(f"docker service ps {name}",),
    )


def _pruned(context: Context) -> Iterator[Action]:
    cluster = context.cluster
    for found in cluster.services if cluster else ():
        if context.owns(found.labels) and found.name not in context.desired.services:
            yield _remove(context, found, "no playbook wants it any more")


def _remove(context: Context, found: ServiceFact, why: str) -> Action:
    lead = str(context.lead)
    return Action(
        id=f"{lead}:{service_id(found.name)}",
        host=lead,
        resource="services",
        subject=f"service {found.name}",
        change=Change.DELETE,
        why=why,
        steps=(
            Docker("service.remove", {"id": found.id}),
            Wait(
                Docker("service.is_gone", {"id": found.id}),
                timeout=120,
                why="its tasks to stop (a process that ignores SIGTERM gets 10 s)",
            ),
        ),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker service rm {found.name}",),
    )
