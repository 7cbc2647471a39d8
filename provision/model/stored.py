"""Configs and secrets as objects of the cluster: real names, and the actions they lead to.

Neither can be changed. What a playbook calls ``page`` is ``page_<hash>`` on the cluster, by a hash
of what it holds: new content is a new object, services move over to it, and the old one goes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from provision.model.actions import Action, Blocked, Change, Docker, DockerOperation
from provision.model.context import Context, engine_id, member_id, service_id
from provision.model.labels import OBJECT, PLAYBOOK, ownership
from provision.model.observed import ServiceFact, StoredFact
from provision.model.storage import ConfigEntry, SecretEntry

Entry: TypeAlias = ConfigEntry | SecretEntry

_SHOWN: Final = 12
_ROUNDS: Final = 20_000
"""Of the hash of secrets: short ones must not be guessed from what a plan or a name shows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two kinds.

    Attributes:
        name: ``config`` or ``secret``. uses: the key of a task's references to it.
    """

    name: Literal["config", "secret"]
    uses: str
    create: DockerOperation
    remove: DockerOperation

    @property
    def resource(self) -> str:
        """The family member that makes them."""
        return f"{self.name}s"


CONFIG: Final = Kind("config", "Configs", "config.create", "config.remove")
SECRET: Final = Kind("secret", "Secrets", "secret.create", "secret.remove")


def entries(context: Context, kind: Kind) -> Mapping[str, Entry]:
    """What the playbooks want of the kind."""
    desired = context.desired
    return desired.configs if kind is CONFIG else desired.secrets


def observed(context: Context, kind: Kind) -> tuple[StoredFact, ...]:
    """What the cluster has of the kind."""
    cluster = context.cluster
    if cluster is None:
        return ()
    return cluster.configs if kind is CONFIG else cluster.secrets


def stored_id(context: Context, kind: Kind, real: str) -> str:
    """The id of the action on the object of that real name."""
    return f"{context.lead}:{kind.resource}:{real}"


SALT_ID: Final = "secrets:salt"
"""The id (without host) of the action that gives the cluster its salt."""


def salt(context: Context) -> str:
    """What hashes of secrets are keyed by: the cluster's, else the one it is about to get."""
    cluster = context.cluster
    own = cluster.salt if cluster else None
    return (own or context.desired.salt).reveal()


def real_name(context: Context, kind: Kind, name: str) -> str:
    """The name on the cluster of what the playbooks call *name*."""
    entry = entries(context, kind)[name]
    base = entry.name or name
    return base if entry.external else f"{base}_{_hash(context, kind, name, entry)}"


def _hash(context: Context, kind: Kind, name: str, entry: Entry) -> str:
    held = context.desired.contents[f"{kind.name}/{name}"].reveal()
    about = f"{sorted(entry.labels.items())}{entry.template_driver}"
    text = f"{context.cluster_name}\0{about}\0{held}".encode()
    if kind is CONFIG:
        return hashlib.sha256(text).hexdigest()[:_SHOWN]
    key = f"{salt(context)}\0{name}".encode()
    return hashlib.pbkdf2_hmac("sha256", text, key, _ROUNDS).hex()[:_SHOWN]


def refused(context: Context, kind: Kind) -> Iterator[Blocked]:
    """What others should have made and have not; what has our name and is not ours."""
    there = {found.name: found for found in observed(context, kind)}
    for name, entry in entries(context, kind).items():
        real = real_name(context, kind, name)
        found = there.get(real)
        if entry.external and found is None:
            hint = f"create it (docker {kind.name} create {real} FILE), or take `external` away"
            yield Blocked("", f"external {kind.name} {real} does not exist", hint, exit_code=4)
        elif not entry.external and found is not None and not context.owns(found.labels):
            reason = f"{kind.name} {real} exists and was not made by swarmlay for this cluster"
            yield Blocked("", reason, hint="give ours another name", exit_code=4)


def created(context: Context, kind: Kind) -> Iterator[Action]:
    """What is missing."""
    there = {found.name for found in observed(context, kind)}
    for name, entry in entries(context, kind).items():
        real = real_name(context, kind, name)
        if not entry.external and real not in there:
            yield _create(context, kind, name, real)


def _create(context: Context, kind: Kind, name: str, real: str) -> Action:
    lead, entry = str(context.lead), entries(context, kind)[name]
    origin = context.desired.origin.get(f"{kind.name}/{name}", "")
    labels = {**entry.labels, **ownership(context.cluster_name, origin), OBJECT: name}
    arguments: dict[str, Any] = {
        "name": real,
        "labels": labels,
        "data": context.desired.contents[f"{kind.name}/{name}"],
        "template": entry.template_driver,
    }
    template = f"--template-driver {entry.template_driver} " if entry.template_driver else ""
    older = any(_is_version(context, name, found) for found in observed(context, kind))
    return Action(
        id=stored_id(context, kind, real),
        host=lead,
        resource=kind.resource,
        subject=f"{kind.name} {name}",
        change=Change.CREATE,
        why="what it holds has changed" if older else "does not exist",
        steps=(Docker(kind.create, arguments),),
        after=frozenset({engine_id(lead), member_id(lead), f"{lead}:{SALT_ID}"}),
        after_={"name": real, "labels": labels},
        commands=(f"docker {kind.name} create {template}{real} {_source(entry)}",),
    )


def _source(entry: Entry) -> str:
    return entry.file or "-"


def _is_version(context: Context, name: str, found: StoredFact) -> bool:
    return context.owns(found.labels) and found.labels.get(OBJECT) == name


def outdated(context: Context, kind: Kind) -> Iterator[Action]:
    """Older versions go once services have moved over; with ``--prune`` what nobody wants, too."""
    wanted = {n: real_name(context, kind, n) for n, e in entries(context, kind).items()}
    for found in observed(context, kind):
        name = found.labels.get(OBJECT, "")
        if not context.owns(found.labels) or found.name in wanted.values():
            continue
        older = name in wanted
        if (older or context.options.prune) and _is_let_go(context, kind, found):
            why = "services have its new version" if older else "no playbook wants it any more"
            yield _remove(context, kind, found, why)


def _is_let_go(context: Context, kind: Kind, found: StoredFact) -> bool:
    """Whether every service that has it is about to be updated or removed."""
    users = [s for s in _services(context) if _uses(s, kind, found)]
    return all(context.owns(s.labels) and _changes(context, s) for s in users)


def _changes(context: Context, service: ServiceFact) -> bool:
    return service.name in context.desired.services or context.options.prune


def _services(context: Context) -> tuple[ServiceFact, ...]:
    cluster = context.cluster
    return cluster.services if cluster else ()


def _uses(service: ServiceFact, kind: Kind, found: StoredFact) -> bool:
    container = service.spec.get("TaskTemplate", {}).get("ContainerSpec", {})
    key = f"{kind.name.capitalize()}ID"
    return any(use.get(key) == found.id for use in container.get(kind.uses) or ())


def removed(context: Context, kind: Kind) -> Iterator[Action]:
    """`down`: ours go once no service is left that has them."""
    names = {n for n, entry in entries(context, kind).items() if not entry.external}
    for found in observed(context, kind):
        named = not context.desired.playbooks or found.labels.get(OBJECT) in names
        if context.lead is not None and context.owns(found.labels) and named:
            yield _remove(context, kind, found, "the cluster is taken down")


def _remove(context: Context, kind: Kind, found: StoredFact, why: str) -> Action:
    lead = str(context.lead)
    names = {s.name for s in _services(context)} | set(context.desired.services)
    return Action(
        id=stored_id(context, kind, found.name),
        host=lead,
        resource=kind.resource,
        subject=f"{kind.name} {found.name}",
        change=Change.DELETE,
        why=why,
        steps=(Docker(kind.remove, {"id": found.id}),),
        after=frozenset(f"{lead}:{service_id(name)}" for name in names),
        before={"playbook": found.labels.get(PLAYBOOK, "")},
        commands=(f"docker {kind.name} rm {found.name}",),
    )
