"""Labels of whatever carries some; those that say what is ours are ours to set."""

from provision.load import naming
from provision.load.problems import Problems
from provision.load.shapes import text_map
from provision.model.tree import Node, quoted


def labels(node: Node, problems: Problems) -> Node:
    """A mapping of labels."""
    found = text_map(node, problems)
    for name in found.items:
        if name.startswith(naming.OWN_LABELS):
            problems.error(
                found.key(name),
                f"the label {quoted(name)} is swarmlay's own",
                why=f"labels that begin with {naming.OWN_LABELS} say what swarmlay made",
            )
    return found
