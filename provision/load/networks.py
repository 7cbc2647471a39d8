"""Networks: keys, drivers, address pools - and the swarm's and firewall's CIDRs beside them."""

import ipaddress
from collections.abc import Iterator
from typing import Final, TypeAlias

from provision.load import compose, naming
from provision.load.labels import labels
from provision.load.problems import Problems
from provision.load.shapes import Normaliser, each, entry, fields, nested, text_map
from provision.load.stored import external
from provision.model.tree import Node, quoted

Range: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_SINGLE: Final = ("host", "none", "null")
_SWARMWIDE: Final = ("macvlan", "ipvlan", "bridge")
_DOCKERS: Final = ("ingress", "bridge", "host", "none", "docker_gwbridge")


def network(node: Node, problems: Problems) -> Node:
    """One network in long form."""
    clean = compose.known(entry(node, problems), "network", problems)
    here: dict[str, Normaliser] = {
        "driver_opts": text_map,
        "ipam": nested({"options": text_map}),
    }
    table = {**here, "labels": labels, "per_host": each(nested(here))}
    return fields(external(clean), problems, table)


def check_networks(playbook: Node, problems: Problems) -> None:
    """What no model sees: drivers, names and addresses of all networks together."""
    networks = playbook.items.get("networks", playbook.with_value({}))
    subnets: list[tuple[str, Range, Node]] = []
    _check_distinct(networks, problems)
    for name, child in networks.items.items():
        _check_driver(name, networks.key(name), child, problems)
        _check_settings(name, child, networks, problems)
        for subnet, node in _subnets(child, problems):
            _check_overlap(name, subnet, node, subnets, problems)
            subnets.append((name, subnet, node))
        for host in child.items.get("per_host", child.with_value({})).items.values():
            for _ in _subnets(host, problems):
                pass  # a host's own pools replace the network's: they are only read
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
    if _is_true(node, "external"):
        return
    driver = node.items.get("driver")
    if driver is not None and driver.value in _SINGLE:
        problems.error(
            driver,
            f"Docker has one network of the driver {driver.shown} a host, and makes no other",
            hint="use driver: overlay, bridge, macvlan or ipvlan",
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


def _is_true(node: Node, name: str) -> bool:
    child = node.items.get(name)
    return child is not None and child.value in (True, "true")


def _check_settings(name: str, node: Node, networks: Node, problems: Problems) -> None:
    """``config_only`` holds settings and nothing else, ``config_from`` everything but settings."""
    if _is_true(node, "config_only"):
        for key in ("attachable", "internal", "config_from"):
            if key in node.items and node.items[key].value:
                what = f"networks.{name} only holds settings (config_only) and cannot have {key}"
                problems.error(node.key(key), what, hint="write it where config_from stands")
    named = node.items.get("config_from")
    if named is not None and isinstance(named.value, str):
        _check_config_from(name, node, named, networks, problems)


def _check_config_from(
    name: str, node: Node, named: Node, networks: Node, problems: Problems
) -> None:
    source, what = str(named.value), f"networks.{name} has the settings of {named.shown} and"
    for key in ("ipam", "driver_opts", "enable_ipv6", "per_host", "internal", "labels"):
        if key in node.items and node.items[key].value:
            hint = f"write {key} under networks.{source}"
            problems.error(node.key(key), f"{what} cannot have {key}", hint=hint)
    other = networks.items.get(source)
    if other is None or not (_is_true(other, "config_only") or _is_true(other, "external")):
        what = f"networks.{name} takes its settings from {named.shown}, which holds none"
        problems.error(named, what, hint=f"declare networks.{source} with config_only: true")
    driver = node.items.get("driver")
    if driver is None or driver.value not in _SWARMWIDE:
        what = f"networks.{name} has config_from and needs a driver"
        problems.error(driver or node, what, hint=f"write driver: {' or '.join(_SWARMWIDE)}")


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
