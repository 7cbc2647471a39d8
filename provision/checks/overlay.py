"""Node to node over each overlay network: name, ping, TCP and a payload that fills its MTU."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provision.model.facts import Known
from provision.model.findings import Cell, State
from provision.model.observed import Cluster, HostFacts, NetworkFact
from provision.model.questions import Endpoint, Question

LAYER = "overlay"
PROBES = ("name", "ping", "tcp", "mtu")
_PAIR = 2
PROBE_LABEL = "io.swarmlay.probe"


def overlays(cluster: Cluster, names: Iterable[str] = ()) -> tuple[NetworkFact, ...]:
    """The overlay networks that containers are on, or those of them that are named."""
    chosen = frozenset(names)
    found = (n for n in cluster.networks if n.driver == "overlay" and n.scope == "swarm")
    mine = (n for n in found if not n.raw.get("Ingress") and (not chosen or n.name in chosen))
    return tuple(sorted(mine, key=lambda n: n.name))


def encrypted(network: NetworkFact) -> bool:
    """Whether its traffic between nodes is ESP."""
    return "encrypted" in network.options


def without_esp(network: NetworkFact, hosts: Mapping[str, HostFacts]) -> tuple[str, ...]:
    """Hosts whose kernel cannot carry this network."""
    if not encrypted(network):
        return ()
    kernels = {name: facts.kernel for name, facts in hosts.items()}
    return tuple(
        name
        for name, kernel in kernels.items()
        if isinstance(kernel, Known) and kernel.value.able.get("esp") is False
    )


def no_esp(network: NetworkFact, hosts: Sequence[str]) -> Cell:
    """Said once for a network that no kernel here can encrypt."""
    reason = f"it is encrypted, and the kernel of {', '.join(hosts)} has no ESP (module esp4)"
    return _about(network.name, State.UNAVAILABLE, reason)


def endpoints(
    host: str, networks: Sequence[NetworkFact], containers: Iterable[Mapping[str, Any]]
) -> tuple[Endpoint, ...]:
    """One running container of *host* on each network that has any there."""
    ordered = sorted(containers, key=_name)
    found = (_endpoint(host, number, n, ordered) for number, n in enumerate(networks))
    return tuple(e for e in found if e is not None)


def _endpoint(
    host: str, number: int, network: NetworkFact, containers: Iterable[Mapping[str, Any]]
) -> Endpoint | None:
    for container in containers:
        if container.get("State") != "running" or PROBE_LABEL in (container.get("Labels") or {}):
            continue
        address = address_on(network.id, container)
        if address:
            return _from(host, network.name, number, container, address)
    return None


def _from(
    host: str, network: str, number: int, container: Mapping[str, Any], address: str
) -> Endpoint:
    also = tuple(a for a in _addresses(container).values() if a != address)
    return Endpoint(
        host, network, f"n{number}", container["Id"], _name(container), address, also=also
    )


def _addresses(container: Mapping[str, Any]) -> Mapping[str, str]:
    """Network id → IPv4 address."""
    settings = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        str(s["NetworkID"]): str(s["IPAddress"])
        for s in settings.values()
        if s and s.get("IPAddress")
    }


def address_on(network_id: str, container: Mapping[str, Any]) -> str:
    """The container's IPv4 address on the network, or ""."""
    return _addresses(container).get(network_id, "")


def _name(container: Mapping[str, Any]) -> str:
    names = container.get("Names") or [container.get("Name") or ""]
    return str(names[0]).removeprefix("/")


def probed(host: str, number: int, network: NetworkFact, container: Mapping[str, Any]) -> Endpoint:
    """The endpoint that our own container gives."""
    return _from(host, network.name, number, container, address_on(network.id, container))


def absent(host: str, network: str, problem: str) -> Endpoint:
    """A place that should be there and could not be made or found."""
    return Endpoint(host, network, "", "", "", "", problem=problem)


def missing(
    networks: Sequence[NetworkFact], hosts: Sequence[str], found: Sequence[Endpoint]
) -> Mapping[str, tuple[str, ...]]:
    """Attachable networks on which a host has nothing to ask from yet."""
    there = {(e.host, e.network) for e in found}
    lacking = {
        h: tuple(n.name for n in networks if n.attachable and (h, n.name) not in there)
        for h in hosts
    }
    return {h: names for h, names in lacking.items() if names}


def questions(found: Sequence[Endpoint]) -> tuple[Question, ...]:
    """Every endpoint asks about every other one on its network."""
    return tuple(
        _question(a, b, probe)
        for a in found
        for b in found
        if a.network == b.network and a.host != b.host and not a.problem and not b.problem
        for probe in PROBES
    )


def _question(a: Endpoint, b: Endpoint, probe: str) -> Question:
    words = {
        "name": ("name", b.name, ",".join((b.address, *b.also))),
        "ping": ("ping", b.address),
        "tcp": ("echo", b.address, str(b.port)),
        "mtu": ("mtu", b.address),
    }
    commands = {
        "name": f"docker exec {a.name} nslookup {b.name}",
        "ping": f"docker exec {a.name} ping -c 1 {b.name}",
        "tcp": f"docker exec {a.name} nc -vz {b.address} PORT",
        "mtu": f"docker exec {a.name} ping -c 1 -s 1422 {b.name}",
    }
    return Question(a.key, words[probe], _cell(a, b, probe, State.UNKNOWN, command=commands[probe]))


def _cell(
    a: Endpoint, b: Endpoint, probe: str, state: State, *, reason: str = "", command: str = ""
) -> Cell:
    expected = {
        "name": f"{b.name} is {b.address}",
        "ping": f"{b.address} answers",
        "tcp": f"{b.address} echoes",
        "mtu": "a payload that fills the MTU comes back whole",
    }
    return Cell(
        LAYER,
        a.network,
        probe,
        a.host,
        b.host,
        state,
        expected=expected[probe],
        reason=reason,
        command=command,
    )


def failure(question: Question, why: str, found: Sequence[Endpoint]) -> str:
    """Why a cell failed, naming both containers."""
    cell = question.cell
    ends = {e.host: e for e in found if e.network == cell.subject}
    a, b = ends[cell.source], ends[cell.target]
    what = {
        "name": f"{a.name} on {a.host} cannot look up {b.name} of {b.host}",
        "ping": f"{a.name} on {a.host} pings {b.name} ({b.address}) on {b.host} in vain",
        "tcp": f"{a.name} on {a.host} gets no TCP echo from {b.name} ({b.address}) on {b.host}",
        "mtu": f"a full-size packet from {a.name} on {a.host} to {b.name} on {b.host} is lost",
    }
    return f"{what[cell.probe]}: {why}"


def explained(cell: Cell, underlay: Sequence[Cell]) -> Cell:
    """A failed cell with what the underlay already knows about its pair of hosts."""
    if cell.layer != LAYER or cell.state is not State.FAILED:
        return cell
    pair = {cell.source, cell.target}
    causes = [c for c in underlay if c.state is State.FAILED and {c.source, c.target} == pair]
    if not causes:
        return cell
    blocked = ", ".join(f"{c.probe} from {c.source} to {c.target}" for c in causes)
    return replace(
        cell, reason=f"{cell.reason}; the underlay blocks {blocked}", hint=causes[0].hint
    )


def unasked(
    networks: Sequence[NetworkFact],
    hosts: Sequence[str],
    found: Sequence[Endpoint],
    lost: Mapping[str, str],
) -> tuple[Cell, ...]:
    """Cells for what cannot be asked: lost hosts, closed places, networks on one node."""
    return tuple(cell for n in networks for cell in _unasked(n, hosts, found, lost))


def _unasked(
    network: NetworkFact, hosts: Sequence[str], found: Sequence[Endpoint], lost: Mapping[str, str]
) -> tuple[Cell, ...]:
    there = {e.host: e for e in found if e.network == network.name}
    silent = {h: e.problem for h, e in there.items() if e.problem}
    if network.attachable:
        silent |= {h: lost[h] for h in hosts if h in lost and h not in there}
        there |= {h: absent(h, network.name, silent[h]) for h in silent if h not in there}
    if len(there) < _PAIR <= len(hosts):
        empty = ", ".join(h for h in hosts if h not in there)
        return (_about(network.name, State.UNAVAILABLE, f"no container of it on {empty}"),)
    return tuple(
        _unknown(there[a], there[b], probe, silent)
        for a in there
        for b in there
        if a != b and (a in silent or b in silent)
        for probe in PROBES
    )


def _unknown(a: Endpoint, b: Endpoint, probe: str, silent: Mapping[str, str]) -> Cell:
    host = b.host if b.host in silent else a.host
    reason = f"{host} could not be asked: {silent[host]}"
    return Cell(LAYER, a.network, probe, a.host, b.host, State.UNKNOWN, reason=reason)


def _about(network: str, state: State, reason: str) -> Cell:
    return Cell(LAYER, network, "network", "", "", state, reason=reason)
