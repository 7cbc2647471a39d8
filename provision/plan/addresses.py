"""Which address each node advertises, and why: decided before anything changes. Pure."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from provision.errors import HostUnreachable, UsageError
from provision.model.actions import AdvertisedAddress
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.observed import HostFacts, Interface

_VIRTUAL = (
    "lo",
    "docker",
    "br-",
    "veth",
    "virbr",
    "vxlan",
    "vx-",
    "cni",
    "flannel",
    "lxc",
    "dummy",
)

Candidates = Mapping[str, tuple[ipaddress.IPv4Interface, ...]]


def choose(
    hosts: Sequence[Host], facts: Mapping[str, HostFacts], wanted: str = "auto"
) -> tuple[AdvertisedAddress, ...]:
    """The advertised address of every host, in the given order.

    Explicit first; then what a node advertises already; then the interface or subnet named; then
    the one subnet that all hosts share and on which no two have the same address; then each host's
    only address.

    Args:
        hosts: hosts whose facts are known. facts: by host name.
        facts: by host name.
        wanted: ``auto``, an interface's name or a subnet (``swarm: {advertise: …}``).

    Raises:
        UsageError: with the table of candidates, when there is no single answer.
        HostUnreachable: a host did not say what its addresses are.
    """
    fixed = {h.name: a for h in hosts if (a := _fixed(h, facts[h.name], wanted))}
    open_hosts = [h for h in hosts if h.name not in fixed]
    _must_be_known(open_hosts, facts)
    candidates = {h.name: candidate_addresses(facts[h.name]) for h in hosts}
    chosen = dict(fixed)
    if open_hosts:
        chosen |= _automatic(open_hosts, candidates, hosts)
    return tuple(chosen[h.name] for h in hosts)


def _must_be_known(hosts: Sequence[Host], facts: Mapping[str, HostFacts]) -> None:
    """An address that could not be read is not an address that is not there."""
    for host in hosts:
        found = facts[host.name].interfaces
        if isinstance(found, Unknown):
            raise HostUnreachable(
                "the host's addresses could not be read",
                where=host.name,
                why=found.reason,
                hint="run it again, or give the host a `private_address:` in the inventory",
            )


def candidate_addresses(facts: HostFacts) -> tuple[ipaddress.IPv4Interface, ...]:
    """Addresses a peer could use: IPv4, up, of a real interface, not link-local."""
    interfaces = facts.interfaces.value if isinstance(facts.interfaces, Known) else ()
    return tuple(a for i in interfaces if i.up and _is_real(i) for a in _addresses(i))


def _is_real(interface: Interface) -> bool:
    return not interface.name.startswith(_VIRTUAL)


def _addresses(interface: Interface) -> Iterable[ipaddress.IPv4Interface]:
    for text in interface.addresses:
        parsed = ipaddress.ip_interface(text)
        if isinstance(parsed, ipaddress.IPv4Interface) and not parsed.ip.is_link_local:
            yield parsed


def _fixed(host: Host, facts: HostFacts, wanted: str) -> AdvertisedAddress | None:
    if host.private_address:
        return AdvertisedAddress(
            host.name, host.private_address, "private_address of the inventory"
        )
    swarm = facts.swarm.value if isinstance(facts.swarm, Known) else None
    if swarm is not None and swarm.state == "active" and _has(facts, swarm.node_address):
        return AdvertisedAddress(host.name, swarm.node_address, "advertised by the node already")
    if host.private_interface:
        return _of_interface(host, facts, host.private_interface, "private_interface")
    if wanted != "auto":
        return _of_wish(host, facts, wanted)
    return None


def _has(facts: HostFacts, address: str) -> bool:
    """Whether a node's address is still its host's; after a new lease it is not (FAULTS B5)."""
    interfaces = facts.interfaces.value if isinstance(facts.interfaces, Known) else None
    if not address or interfaces is None:
        return bool(address)
    return address in {a.partition("/")[0] for i in interfaces for a in i.addresses}


def _of_wish(host: Host, facts: HostFacts, wanted: str) -> AdvertisedAddress:
    try:
        subnet = ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return _of_interface(host, facts, wanted, "swarm.advertise")
    for address in candidate_addresses(facts):
        if address.ip in subnet:
            return AdvertisedAddress(host.name, str(address.ip), f"swarm.advertise: {wanted}")
    raise UsageError(
        f"no address in {wanted}",
        where=host.name,
        why="swarm.advertise",
        hint=table({host.name: candidate_addresses(facts)}),
    )


def _of_interface(host: Host, facts: HostFacts, name: str, why: str) -> AdvertisedAddress:
    interfaces = facts.interfaces.value if isinstance(facts.interfaces, Known) else ()
    for interface in interfaces:
        if interface.name == name:
            for address in _addresses(interface):
                return AdvertisedAddress(host.name, str(address.ip), f"{why}: {name}")
    names = ", ".join(i.name for i in interfaces if _is_real(i)) or "none"
    raise UsageError(
        f"interface {name} has no IPv4 address or does not exist",
        where=host.name,
        why=why,
        hint=f"interfaces there: {names}",
    )


def _automatic(
    hosts: Sequence[Host], candidates: Candidates, everyone: Sequence[Host]
) -> dict[str, AdvertisedAddress]:
    shared = _shared_subnets([h.name for h in everyone], candidates)
    subnet = _the_one(shared, hosts, candidates)
    if subnet is not None and len(everyone) > 1:
        why = f"{subnet} is the subnet that all hosts share"
        return {
            h.name: AdvertisedAddress(h.name, _within(candidates[h.name], subnet), why)
            for h in hosts
        }
    if all(len(candidates[h.name]) == 1 for h in hosts) and _distinct(everyone, candidates):
        why = "the host's only address"
        return {
            h.name: AdvertisedAddress(h.name, str(candidates[h.name][0].ip), why) for h in hosts
        }
    if len(everyone) == 1 and (dialled := _dialled(hosts[0], candidates)):
        return {hosts[0].name: AdvertisedAddress(hosts[0].name, dialled, "the address SSH uses")}
    raise UsageError(
        "which address should each node advertise? There is no single subnet that all hosts share",
        why=table(candidates),
        hint="give each host a `private_address:` or a `private_interface:` in the inventory",
    )


def _shared_subnets(names: Sequence[str], candidates: Candidates) -> list[ipaddress.IPv4Network]:
    """Subnets every host is on with an address of its own: Vagrant's 10.0.2.0/24 never is."""
    first = candidates[names[0]] if names else ()
    found = []
    for subnet in dict.fromkeys(a.network for a in first):
        there = [[a.ip for a in candidates[n] if a.network == subnet] for n in names]
        addresses = [ip for ips in there for ip in ips]
        if all(there) and len(set(addresses)) == len(addresses):
            found.append(subnet)
    return found


def _the_one(
    shared: list[ipaddress.IPv4Network], hosts: Sequence[Host], candidates: Candidates
) -> ipaddress.IPv4Network | None:
    if len(shared) <= 1:
        return shared[0] if shared else None
    # Several: the one over which SSH reaches every host is the one people mean.
    for subnet in shared:
        if all(_dialled(h, candidates) in _texts(candidates[h.name], subnet) for h in hosts):
            return subnet
    return None


def _texts(
    addresses: tuple[ipaddress.IPv4Interface, ...], subnet: ipaddress.IPv4Network
) -> set[str]:
    return {str(a.ip) for a in addresses if a.network == subnet}


def _dialled(host: Host, candidates: Candidates) -> str:
    return next((str(a.ip) for a in candidates[host.name] if str(a.ip) == host.ssh.address), "")


def _within(addresses: tuple[ipaddress.IPv4Interface, ...], subnet: ipaddress.IPv4Network) -> str:
    return next(str(a.ip) for a in addresses if a.network == subnet)


def _distinct(hosts: Sequence[Host], candidates: Candidates) -> bool:
    every = [a.ip for h in hosts for a in candidates[h.name]]
    return len(set(every)) == len(every)


def table(candidates: Candidates) -> str:
    """Host: its candidate addresses, one line each."""
    return "; ".join(
        f"{name}: {', '.join(str(a) for a in addresses) or 'none'}"
        for name, addresses in candidates.items()
    )
