"""Names that point at something: networks of services, hosts of containers, who an expectation asks."""

from collections.abc import Sequence
from typing import Final

from provision.load import naming
from provision.load.problems import Problems
from provision.model.desired import Expectation
from provision.model.inventory import Inventory
from provision.model.tree import Node, quoted

_SELECTORS: Final = ("all", "managers", "workers")
_ASKERS: Final = ("from",)


def check_references(
    playbook: Node, inventory: Inventory, expect: Sequence[Expectation], problems: Problems
) -> None:
    """Every reference leads somewhere."""
    networks = playbook.items.get("networks", playbook.with_value({}))
    for section in ("services", "containers"):
        for name, child in _entries(playbook, section):
            _check_attachments(f"{section}.{name}", child, networks, problems)
            _check_published(f"{section}.{name}", child, problems)
    for name, child in _entries(playbook, "containers"):
        _check_selector(f"containers.{name}.on", child.items.get("on"), inventory, problems)
        _check_attachable(name, child, networks, problems)
    _check_one_publisher(playbook, problems)
    _check_askers(playbook, inventory, expect, problems)


def _entries(playbook: Node, section: str) -> Sequence[tuple[str, Node]]:
    return tuple(playbook.items.get(section, playbook.with_value({})).items.items())


def _check_attachments(path: str, node: Node, networks: Node, problems: Problems) -> None:
    attachments = node.items.get("networks", node.with_value({}))
    for name in attachments.items:
        if name not in networks.items:
            problems.error(
                attachments.key(name),
                f"{path} names the network {quoted(name)}, which is not declared",
                hint=naming.nearest(name, networks.items) or "declare it under networks",
            )


def _check_attachable(name: str, node: Node, networks: Node, problems: Problems) -> None:
    """A standalone container joins an overlay only where the network lets it."""
    attachments = node.items.get("networks", node.with_value({}))
    for used in attachments.items:
        wanted = networks.items.get(used)
        if wanted is None or not wanted.is_mapping or _is_true(wanted, "external"):
            continue
        if not _is_true(wanted, "attachable"):
            problems.error(
                attachments.key(used),
                f"containers.{name} cannot join the network {quoted(used)}: it is not attachable",
                hint=f"write 'attachable: true' under networks.{used}",
            )


def _is_true(node: Node, name: str) -> bool:
    child = node.items.get(name)
    return child is not None and child.value in (True, "true")


def _check_selector(path: str, node: Node | None, inventory: Inventory, problems: Problems) -> None:
    if node is None or not isinstance(node.value, str) or inventory.select(node.value):
        return
    names = {host.name for host in inventory.hosts} | set(inventory.groups) | set(_SELECTORS)
    problems.error(
        node,
        f"{path}: {node.shown} selects no host of {inventory.path}",
        hint=naming.nearest(node.value, names),
    )


def _check_published(path: str, node: Node, problems: Problems) -> None:
    """One workload does not publish the same port twice."""
    seen: dict[tuple[object, object], Node] = {}
    for port in node.items.get("ports", node.with_value(())).elements:
        key = _published(port)
        first = seen.setdefault(key, port) if key else port
        if first is not port:
            problems.error(
                port, f"{path} publishes {key[0]}/{key[1]} twice", why=f"first at {first.where}"
            )


def _published(port: Node) -> tuple[object, object]:
    published, protocol = port.items.get("published"), port.items.get("protocol")
    if published is None or published.value is None:
        return ()  # type: ignore[return-value]
    return published.value, protocol.value if protocol is not None else "tcp"


def _check_one_publisher(playbook: Node, problems: Problems) -> None:
    """On the ingress mesh a port belongs to one service."""
    owners: dict[tuple[object, object], tuple[str, Node]] = {}
    for name, child in _entries(playbook, "services"):
        for port in child.items.get("ports", child.with_value(())).elements:
            key = _published(port)
            if not key or "host" in (getattr(port.items.get("mode"), "value", None),):
                continue
            owner, first = owners.setdefault(key, (name, port))
            if owner != name:
                problems.error(
                    port,
                    f"services.{name} publishes {key[0]}/{key[1]}, which services.{owner} has",
                    why=f"at {first.where}",
                    hint="publish another port",
                )


def _check_askers(
    playbook: Node, inventory: Inventory, expect: Sequence[Expectation], problems: Problems
) -> None:
    """Who an expectation asks is somebody we know; whom it asks may be anybody."""
    known = {name for s in ("services", "containers") for name, _ in _entries(playbook, s)}
    known |= {host.name for host in inventory.hosts} | set(inventory.groups)
    known |= {*_SELECTORS, "laptop"}
    nodes = {child.key(kind).where: child for child in _expected(playbook) for kind in child.items}
    for one in expect:
        for argument in _ASKERS:
            asker = str(one.arguments.get(argument, "laptop"))
            if asker not in known and not inventory.select(asker):
                place = nodes[one.where].items[one.kind].items[argument]
                problems.error(
                    place,
                    f"{one.kind}.{argument} names {place.shown}: no container, service or host",
                    hint=naming.nearest(asker, known),
                )


def _expected(playbook: Node) -> Sequence[Node]:
    return playbook.items.get("expect", playbook.with_value(())).elements
