"""The ports between hosts: what each host is asked, and who blocks what did not arrive.

Three places see a packet: the sender's network card behind its firewall (``left``), the receiver's
network card before its firewall (``nic``), and a raw socket behind that (``past``). The first place
that did not see it names who blocks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address

from provision.model.findings import State

LAYER = "underlay"
MANAGER_PORT = 2377
GOSSIP_PORT = 7946
ESP = "esp"
_FORBIDDEN = "not permitted"  # what send(2) says when OUTPUT drops


@dataclass(frozen=True, slots=True)
class UnderlayHost:
    """A host as its peers will see it; ``address`` is what it advertises ("" when not known)."""

    name: str
    is_manager: bool
    address: str


@dataclass(frozen=True, slots=True)
class Ports:
    """Which ports are asked for."""

    data_path: int = 4789
    encrypted: bool = False

    def to(self, host: UnderlayHost) -> tuple[str, ...]:
        """The probes towards *host*, in the order people name them."""
        manager = (f"tcp/{MANAGER_PORT}",) if host.is_manager else ()
        esp = (ESP,) if self.encrypted else ()
        return (*manager, f"tcp/{GOSSIP_PORT}", f"udp/{GOSSIP_PORT}", f"udp/{self.data_path}", *esp)


class Blocker(StrEnum):
    """Who keeps a packet from arriving."""

    NETWORK = "network"
    NETWORK_BACK = "network-back"
    RECEIVER = "receiver"
    RECEIVER_BACK = "receiver-back"
    SENDER = "sender"
    NO_ROUTE = "no-route"
    SENDER_BACK = "sender-back"
    REWRITTEN = "rewritten"
    NOT_LISTENING = "not-listening"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one host saw, by (event, probe, peer's index).

    Attributes:
        seen: ``left``, ``nic``, ``past`` (value: the source address), ``synack-left``,
            ``synack-nic``, ``open`` (value: ms), ``closed`` and ``unsent`` (value: why).
        failures: what the host could not watch or listen on (``packet``, ``tcp/7946``) → why.
    """

    seen: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    def has(self, event: str, probe: str, peer: int) -> bool:
        """Whether it was seen."""
        return (event, probe, peer) in self.seen


def opening(index: int, host: UnderlayHost, ports: Ports, nonce: int) -> tuple[str, ...]:
    """What makes a host a listener."""
    listen = (f"listen {_words(probe)}" for probe in ports.to(host))
    return (f"me {index} {host.address}", f"nonce {nonce}", *listen, "ready")


def questions(
    index: int, hosts: Sequence[UnderlayHost], alive: Iterable[str], ports: Ports, seconds: float
) -> tuple[str, ...]:
    """Whom a host shall probe, and for how long it waits for what does not come."""
    peers = [(i, h) for i, h in enumerate(hosts) if i != index and h.name in set(alive)]
    named = [f"peer {i} {h.address}" for i, h in peers]
    probes = [f"probe {i} {_words(probe)}" for i, h in peers for probe in ports.to(h)]
    return (*named, *probes, f"go {seconds}")


def _words(probe: str) -> str:
    protocol, _, port = probe.partition("/")
    return f"{protocol} {port or 0}"


def read(lines: Iterable[str]) -> Evidence:
    """What a host's program reported; a line it does not understand is left out."""
    seen: dict[tuple[str, str, int], str] = {}
    failures: dict[str, str] = {}
    for line in lines:
        event, _, rest = line.partition(" ")
        probe, _, rest = rest.partition(" ")
        peer, _, value = rest.partition(" ")
        if event == "failed":
            failures[probe] = rest
        elif peer.isdigit():
            seen[event, probe, int(peer)] = value
    return Evidence(seen, failures)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one probe from one host to another came out."""

    source: UnderlayHost
    target: UnderlayHost
    probe: str
    state: State
    blocker: Blocker | None = None
    detail: str = ""
    ms: float | None = None


def usable(host: UnderlayHost) -> str:
    """Why a host cannot be asked, or ""."""
    if not host.address:
        return "the address it will advertise is not known"
    try:
        IPv4Address(host.address)
    except ValueError:
        return f"{host.address} is not an IPv4 address; only those are probed"
    return ""


def judge(
    hosts: Sequence[UnderlayHost],
    evidence: Mapping[str, Evidence],
    lost: Mapping[str, str],
    ports: Ports,
) -> tuple[Verdict, ...]:
    """One verdict per ordered pair and probe."""
    return tuple(
        _verdict(((i, a), (j, b)), probe, evidence, lost, ports)
        for i, a in enumerate(hosts)
        for j, b in enumerate(hosts)
        if i != j
        for probe in ports.to(b)
    )


def _verdict(
    ends: tuple[tuple[int, UnderlayHost], tuple[int, UnderlayHost]],
    probe: str,
    evidence: Mapping[str, Evidence],
    lost: Mapping[str, str],
    ports: Ports,
) -> Verdict:
    (i, source), (j, target) = ends
    for host in (target, source):
        if host.name not in evidence:
            why = f"{host.name} could not be asked: {lost.get(host.name, 'no connection')}"
            return Verdict(source, target, probe, State.UNKNOWN, detail=why)
    pair = _Pair(evidence[source.name], i, evidence[target.name], j, probe)
    if probe.startswith("tcp/"):
        return _tcp(source, target, pair)
    return _datagram(source, target, pair, strict=probe == f"udp/{ports.data_path}")


@dataclass(frozen=True, slots=True)
class _Pair:
    """The evidence of both ends about one probe."""

    here: Evidence
    i: int
    there: Evidence
    j: int
    probe: str

    def sent(self, event: str) -> bool:
        """The sender saw it happen to the packets between it and the receiver."""
        return self.here.has(event, self.probe, self.j)

    def got(self, event: str) -> bool:
        """The receiver did."""
        return self.there.has(event, self.probe, self.i)

    def value(self, event: str) -> str:
        """What the sender said with it."""
        return self.here.seen.get((event, self.probe, self.j), "")

    def source(self) -> str:
        """The address the packet came from, as the receiver saw it."""
        return self.there.seen.get(("past", self.probe, self.i), "")

    def blocker(self) -> Blocker | None:
        """Who stopped it on the way there; None where a place could not be watched."""
        if "packet" in self.here.failures or "packet" in self.there.failures:
            return None
        if "address" in self.there.failures:
            return Blocker.NO_ROUTE
        if self.got("nic"):
            return Blocker.RECEIVER
        if self.sent("left"):
            return Blocker.NETWORK
        return Blocker.SENDER if self._sends_others() else Blocker.NO_ROUTE

    def _sends_others(self) -> bool:
        """The sender reaches for this receiver at all, or is forbidden to by its own firewall."""
        return any(
            peer == self.j and (event == "left" or (event == "unsent" and _FORBIDDEN in why))
            for (event, _, peer), why in self.here.seen.items()
        )


def _datagram(source: UnderlayHost, target: UnderlayHost, pair: _Pair, *, strict: bool) -> Verdict:
    if pair.got("past"):
        came_from = pair.source()
        if strict and came_from != source.address:
            return Verdict(
                source, target, pair.probe, State.FAILED, Blocker.REWRITTEN, detail=came_from
            )
        return Verdict(source, target, pair.probe, State.OK)
    blind = pair.there.failures.get(f"raw/{50 if pair.probe == ESP else 17}")
    if blind is not None:
        why = f"{target.name} could not watch: {blind}"
        return Verdict(source, target, pair.probe, State.UNKNOWN, detail=why)
    return Verdict(
        source, target, pair.probe, State.FAILED, pair.blocker(), detail=pair.value("unsent")
    )


def _tcp(source: UnderlayHost, target: UnderlayHost, pair: _Pair) -> Verdict:
    if pair.sent("open"):
        return Verdict(source, target, pair.probe, State.OK, ms=float(pair.value("open")))
    nobody = pair.there.failures.get(pair.probe)
    if nobody is not None:
        why = f"{target.name} could not listen: {nobody}"
        return Verdict(source, target, pair.probe, State.UNKNOWN, detail=why)
    blocker = _on_the_way_back(pair) if pair.got("past") else pair.blocker()
    why = pair.value("closed") or pair.value("unsent")
    return Verdict(source, target, pair.probe, State.FAILED, blocker, detail=why)


def _on_the_way_back(pair: _Pair) -> Blocker | None:
    """The request arrived: who stopped the answer?"""
    if "packet" in pair.here.failures or "packet" in pair.there.failures:
        return None
    if pair.sent("synack-nic"):
        return Blocker.SENDER_BACK
    if pair.got("synack-left"):
        return Blocker.NETWORK_BACK
    return Blocker.NOT_LISTENING if "refused" in pair.value("closed") else Blocker.RECEIVER_BACK


def suspects(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Hosts whose own firewall blocks something: their rules are worth reading."""
    at_source = {Blocker.SENDER, Blocker.SENDER_BACK}
    at_target = {Blocker.RECEIVER, Blocker.RECEIVER_BACK}
    named = [v.source.name for v in verdicts if v.blocker in at_source]
    named += [v.target.name for v in verdicts if v.blocker in at_target]
    return tuple(dict.fromkeys(named))
