"""``source:`` - where an inventory's hosts come from when it does not list them itself."""

from collections.abc import Mapping
from typing import Final

from provision.load import naming
from provision.load.interpolation import Variables, interpolated
from provision.load.problems import Problems
from provision.load.validation import validated
from provision.model.document import Document
from provision.model.inventory import LabSource, Source, SshConfigSource, VagrantSource
from provision.model.tree import Node, quoted

_KINDS: Final[Mapping[str, type[VagrantSource | LabSource | SshConfigSource]]] = {
    "vagrant": VagrantSource,
    "lab": LabSource,
    "ssh_config": SshConfigSource,
}
_LATER: Final = ("ec2", "ansible")


def source(node: Node, problems: Problems) -> Source | None:
    """The source an inventory names."""
    kinds = [name for name in node.items if name in _KINDS]
    if len(kinds) != 1:
        _say(node, problems)
        return None
    model: type[Document] = _KINDS[kinds[0]]
    found = validated(model, node, problems)
    return found if isinstance(found, (VagrantSource, LabSource, SshConfigSource)) else None


def _say(node: Node, problems: Problems) -> None:
    later = next((name for name in node.items if name in _LATER), None)
    if later:
        problems.error(
            node.key(later), f"the source {later} is not handled by this version of swarmlay"
        )
        return
    name = next(iter(node.items), "")
    problems.error(
        node.key(name),
        f"unknown source {quoted(name)}" if name else f"a source cannot be {node.shown}",
        hint=naming.nearest(name, _KINDS),
    )


def source_of(tree: Node, environment: Mapping[str, str]) -> Source | None:
    """The source of an inventory's tree, None where it lists its hosts itself.

    Raises:
        DocumentError: ``source:`` is wrong; all else is looked at by `load_inventory`.
    """
    node = tree.items.get("source")
    if node is None or node.value is None:
        return None
    problems = Problems()
    found = source(interpolated(node, Variables({}, environment), problems), problems)
    problems.stop_if_any()
    return found
