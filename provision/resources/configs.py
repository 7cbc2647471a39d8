"""Configs: files that tasks see, made before the services that have them."""

from collections.abc import Iterable

from provision.model.actions import Action, Blocked
from provision.model.context import Context
from provision.model.stored import CONFIG, created, outdated, refused, removed


class Configs:
    """Configs of the playbooks exist with the content they should have."""

    name = "configs"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """Others' are neither made nor changed."""
        return refused(context, CONFIG)

    def wanted(self, context: Context) -> Iterable[Action]:
        """What is missing is made; what services no longer have goes."""
        if context.lead is None:
            return
        yield from created(context, CONFIG)
        yield from outdated(context, CONFIG)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Ours go after the services."""
        return removed(context, CONFIG)
