"""Names that point at something: networks of services, hosts of containers, who is to ask."""

from collections.abc import Iterator, Sequence
from typing import Final

from provision.load import naming
from provision.load.problems import Problems
from provision.model.desired import LOCAL_DRIVERS, Expectation
from provision.model.inventory import Inventory
from provision.model.tree import Node, quoted

_SELECTORS: Final = ("all", "managers", "workers")


def check_references(
    playbook: Node, inventory: Inventory, expect: Sequence[Expectation], problems: Problems
) -> None:
    """Every reference leads somewhere."""
    networks = playbook.items.get("networks", playbook.with_value({}))
    for section in ("services", "containers"):
        for name, child in _entries(playbook, section):
            _check_attachments(f"{section}.{name}", child, networks, problems)
    for name, child in _entries(playbook, "services"):
        _check_spans(name, child, networks, problems)
    for name, child in _entries(playbook, "networks"):
        _check_per_host(name, child, inventory, problems)
    for name, child in _entries(playbook, "containers"):
        _check_selector(f"containers.{name}.on", child.items.get("on"), inventory, problems)
        _check_attachable(name, child, networks, problems)
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


def _check_spans(name: str, node: Node, networks: Node, problems: Problems) -> None:
    """A service's tasks may be anywhere, so its networks are not made on single hosts."""
    attachments = node.items.get("networks", node.with_value({}))
    for used in attachments.items:
        wanted = networks.items.get(used)
        if wanted is not None and not _is_true(wanted, "external") and _is_local(wanted):
            problems.error(
                attachments.key(used),
                f"services.{name} cannot join the network {quoted(used)}: it ends at one host",
                why="the tasks of a service may run on any host",
                hint="use driver: overlay, or a network with config_from",
            )


def _is_local(network: Node) -> bool:
    if "config_from" in network.items:
        return False
    driver = network.items.get("driver")
    return _is_true(network, "config_only") or (
        driver is not None and driver.value in LOCAL_DRIVERS
    )


def _check_per_host(name: str, node: Node, inventory: Inventory, problems: Problems) -> None:
    hosts = node.items.get("per_host", node.with_value({}))
    known = {host.name for host in inventory.hosts}
    for host in hosts.items:
        if host not in known:
            what = f"networks.{name}.per_host names {quoted(host)}: no host of {inventory.path}"
            problems.error(hosts.key(host), what, hint=naming.nearest(host, known))
    if hosts.items and not _is_local(node):
        what = f"networks.{name} is one for all hosts and cannot have per_host"
        problems.error(node.key("per_host"), what, hint="write it under the config_only network")


def _check_attachable(name: str, node: Node, networks: Node, problems: Problems) -> None:
    """A standalone container joins an overlay only where the network lets it."""
    attachments = node.items.get("networks", node.with_value({}))
    for used in attachments.items:
        wanted = networks.items.get(used)
        if wanted is None or not wanted.is_mapping or _is_true(wanted, "external"):
            continue
        if _is_true(wanted, "config_only"):
            what = f"containers.{name} cannot join {quoted(used)}: it only holds settings"
            problems.error(attachments.key(used), what, hint="join the one with config_from")
        elif _is_local(wanted):
            continue
        elif not _is_true(wanted, "attachable"):
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


def _check_askers(
    playbook: Node, inventory: Inventory, expect: Sequence[Expectation], problems: Problems
) -> None:
    """Who an expectation asks is somebody we know; whom it asks may be anybody."""
    known = {name for s in ("services", "containers") for name, _ in _entries(playbook, s)}
    known |= {host.name for host in inventory.hosts} | set(inventory.groups)
    known |= {*_SELECTORS, "laptop"}
    askers = {child.key(kind).where: child.items[kind] for child, kind in _expected(playbook)}
    for one in expect:
        asker = one.arguments.get("from", "laptop")
        if asker not in known and not inventory.select(str(asker)):
            place = askers[one.where].items["from"]
            problems.error(
                place,
                f"{one.kind}.from names {place.shown}: no container, service or host",
                hint=naming.nearest(str(asker), known),
            )


def _expected(playbook: Node) -> Iterator[tuple[Node, str]]:
    """Each entry of ``expect`` with its kind."""
    for child in playbook.items.get("expect", playbook.with_value(())).elements:
        yield from ((child, kind) for kind in child.items if kind != "within")
