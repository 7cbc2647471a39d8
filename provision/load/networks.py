"""Networks: keys, drivers, address pools - and the swarm's and firewall's CIDRs beside them."""

import ipaddress
from collections.abc import Iterator
from typing import Final, TypeAlias

from provision.load import compose, naming
from provision.load.problems import Problems
from provision.load.shapes import entry, fields, nested, text_map
from provision.load.workloads import labels
from provision.model.tree import Node, quoted

Range: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOCAL: Final = ("bridge", "host", "none", "null", "macvlan", "ipvlan")
_DOCKERS: Final = ("ingress", "bridge", "host", "none", "docker_gwbridge")


def network(node: Node, problems: Problems) -> Node:
    """One network in long form."""
    clean = compose.known(entry(node, problems), "network", problems)
    ipam = nested({"options": text_map})
    table = {"driver_opts": text_map, "labels": labels, "ipam": ipam}
    return fields(_external(clean), problems, table)


def _external(node: Node) -> Node:
    """``external: {name: x}``, as old Compose files write it."""
    external = node.items.get("external")
    if external is None or not external.is_mapping:
        return node
    entries: dict[str, Node] = {**external.items, **node.items}
    return node.with_value({**entries, "external": external.with_value(value=True)})


def check_networks(playbook: Node, problems: Problems) -> None:
    """What no model sees: drivers, names and addresses of all networks together."""
    networks = playbook.items.get("networks", playbook.with_value({}))
    subnets: list[tuple[str, Range, Node]] = []
    _check_distinct(networks, problems)
    for name, child in networks.items.items():
        _check_driver(name, networks.key(name), child, problems)
        for subnet, node in _subnets(child, problems):
            _check_overlap(name, subnet, node, subnets, problems)
            subnets.append((name, subnet, node))
    _check_pools(playbook, problems)
    _check_firewall(playbook, problems)


def _check_distinct(networks: Node, problems: Problems) -> None:
    """Two entries do not mean one network."""
    seen: dict[object, str] = {}
    for name, child in networks.items.items():
        real = child.items.get("name", networks.key(name).with_value(name))
        first = seen.setdefault(real.value, name)
        if first != name:
            what = f"networks.{name} and networks.{first} are the same network {real.part}"
            problems.error(real, what, hint="keep one of the two")


def _check_driver(name: str, place: Node, node: Node, problems: Problems) -> None:
    external = node.items.get("external")
    if external is not None and external.value is True:
        return
    driver = node.items.get("driver")
    if driver is not None and driver.value in _LOCAL:
        problems.error(
            driver,
            f"a network with the driver {driver.shown} ends at one host",
            hint="use driver: overlay",
        )
    real = node.items.get("name", place.with_value(name))
    if real.value in _DOCKERS:
        problems.error(
            real,
            f"the network {quoted(str(real.value))} is Docker's own",
            hint="choose another name",
        )
    elif isinstance(real.value, str) and not naming.NAME.fullmatch(real.value):
        problems.error(real, f"{quoted(real.value)} is no network name", hint=naming.NAME_RULE)


def _subnets(network: Node, problems: Problems) -> Iterator[tuple[Range, Node]]:
    ipam = network.items.get("ipam", network.with_value({}))
    for pool in ipam.items.get("config", ipam.with_value(())).elements:
        written = pool.items.get("subnet")
        subnet = cidr(written, problems) if written is not None else None
        _check_pool(pool, subnet, problems)
        if written is not None and subnet is not None:
            yield subnet, written


def _check_pool(pool: Node, subnet: Range | None, problems: Problems) -> None:
    auxiliary = pool.items.get("aux_addresses", pool.with_value({}))
    addresses = [pool.items.get("gateway"), *auxiliary.items.values()]
    for node in addresses:
        if node is None or not isinstance(node.value, str):
            continue
        if not naming.is_ip(node.value):
            problems.error(node, f"{node.shown} is no IP address")
        elif subnet is not None and ipaddress.ip_address(node.value) not in subnet:
            problems.error(node, f"{node.shown} is not in the subnet {subnet}")
    within = pool.items.get("ip_range")
    inner = cidr(within, problems) if within is not None else None
    if within and inner and subnet and not _contains(subnet, inner):
        problems.error(within, f"{within.shown} is not in the subnet {subnet}")


def _contains(outer: Range, inner: Range) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def cidr(node: Node, problems: Problems) -> Range | None:
    """An address range; None, and the problem noted, where it is none."""
    if not isinstance(node.value, str):
        return None  # the model says what it wants
    try:
        return ipaddress.ip_network(node.value if "/" in node.value else "")
    except ValueError as error:
        problems.error(
            node,
            f"{node.shown} is no CIDR",
            why=_why(node.value, error),
            hint="such as 10.20.0.0/24",
        )
        return None


def _why(text: str, error: ValueError) -> str:
    if "/" not in text:
        return "it has no prefix length"
    if "has host bits set" in str(error):
        network = ipaddress.ip_network(text, strict=False)
        return f"it has host bits set; the range is {network}"
    return "" if len(text) > len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128") else str(error)


def _check_overlap(
    name: str,
    subnet: Range,
    node: Node,
    others: list[tuple[str, Range, Node]],
    problems: Problems,
) -> None:
    for other, there, place in others:
        if subnet.version == there.version and subnet.overlaps(there):
            problems.error(
                node,
                f"the subnet {subnet} of {name} overlaps {there} of {other}",
                why=f"which stands at {place.where}",
                hint="give each network a range of its own",
            )


def _check_pools(playbook: Node, problems: Problems) -> None:
    """The swarm's default pools are CIDRs, and apart from one another."""
    swarm = playbook.items.get("swarm", playbook.with_value({}))
    pools = swarm.items.get("default_addr_pool", swarm.with_value(()))
    seen: list[tuple[str, Range, Node]] = []
    for node in pools.elements:
        pool = cidr(node, problems)
        if pool is not None:
            _check_overlap("swarm.default_addr_pool", pool, node, seen, problems)
            seen.append(("swarm.default_addr_pool", pool, node))


def _check_firewall(playbook: Node, problems: Problems) -> None:
    """``open_to``: ranges, never the world: 4789/udp asks nobody for a password."""
    firewall = playbook.items.get("firewall", playbook.with_value({}))
    for node in firewall.items.get("open_to", firewall.with_value(())).elements:
        found = cidr(node, problems)
        if found is not None and found.prefixlen == 0:
            problems.error(
                node,
                f"firewall.open_to must not be the world ({found})",
                why="the swarm's data path accepts packets from anybody who can send them",
                hint="write 'peers', or the ranges your hosts are in",
            )
