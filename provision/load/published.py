"""Published ports, seen together: who else publishes the port, and on which address."""

from collections.abc import Iterator
from typing import Final

from provision.load.problems import Problems
from provision.model.tree import Node

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - what is asked for, not what we bind


def check_published(playbook: Node, problems: Problems) -> None:
    """On the ingress mesh a port belongs to one service, and to every address."""
    owners: dict[tuple[object, object], tuple[str, Node]] = {}
    for path, port in _ports(playbook, "services"):
        _check_address(path, port, problems)
        if _word(port, "mode") != "host":
            _check_owner(path, port, owners, problems)


def _ports(playbook: Node, section: str) -> Iterator[tuple[str, Node]]:
    for name, child in playbook.items.get(section, playbook.with_value({})).items.items():
        for port in child.items.get("ports", child.with_value(())).elements:
            yield f"{section}.{name}", port


def _word(port: Node, key: str, default: object = None) -> object:
    node = port.items.get(key)
    return default if node is None else node.value


def _check_owner(
    path: str,
    port: Node,
    owners: dict[tuple[object, object], tuple[str, Node]],
    problems: Problems,
) -> None:
    published, protocol = _word(port, "published"), _word(port, "protocol", "tcp")
    if published is None:
        return
    owner, first = owners.setdefault((published, protocol), (path, port))
    if first is not port:
        problems.error(
            port,
            f"{path} publishes {published}/{protocol}, which {owner} publishes already",
            why=f"at {first.where}",
            hint="publish another port",
        )


def _check_address(path: str, port: Node, problems: Problems) -> None:
    """Swarm would publish on every address what was meant for one."""
    node = port.items.get("host_ip")
    if node is not None and node.value not in (None, *_EVERYWHERE):
        problems.error(
            node,
            f"{path} publishes on one address only ({node.shown}): that would lose its meaning",
            why="Swarm publishes a service's ports on every address of its nodes",
            hint="remove the address; keep the port closed in the hosts' firewall",
        )
