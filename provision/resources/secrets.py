"""Secrets: made before the services that have them; what they hold is never shown.

The hash in a secret's real name is keyed by a salt that stands on the swarm itself, so that a short
secret cannot be guessed from a plan, a report or a name.
"""

from collections.abc import Iterable, Iterator

from provision.model.actions import Action, Blocked, Change, Docker
from provision.model.context import Context, engine_id, member_id
from provision.model.labels import SALT
from provision.model.stored import SALT_ID, SECRET, created, entries, outdated, refused, removed


class Secrets:
    """Secrets of the playbooks exist with the content they should have."""

    name = "secrets"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Others' are neither made nor changed."""
        return refused(context, SECRET)

    def wanted(self, context: Context) -> Iterable[Action]:
        """What is missing is made; what services no longer have goes."""
        if context.lead is None:
            return
        yield from _salted(context)
        yield from created(context, SECRET)
        yield from outdated(context, SECRET)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Ours go after the services."""
        return removed(context, SECRET)


def _salted(context: Context) -> Iterator[Action]:
    """Before the first secret the cluster gets its salt, once and for all."""
    needed = any(not entry.external for entry in entries(context, SECRET).values())
    cluster = context.cluster
    if not needed or (cluster is not None and cluster.salt):
        return
    lead = str(context.lead)
    yield Action(
        id=f"{lead}:{SALT_ID}",
        host=lead,
        resource="secrets",
        subject="salt of the secrets' names",
        change=Change.CREATE,
        why="hashes of secrets are keyed by it; it stands on the swarm and is not shown",
        steps=(Docker("swarm.update", {"labels": {SALT: context.desired.salt}}),),
        after=frozenset({engine_id(lead), member_id(lead)}),
    )
