"""Asks between the nodes: each overlay network, each service, each published port."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provision.checks import overlay, services
from provision.model.findings import Cell
from provision.model.observed import Cluster, HostFacts, NetworkFact
from provision.model.questions import Endpoint, Question
from provision.model.session import Session
from provision.verify import prober
from provision.verify.crew import Crew

_PATIENCE = 5.0  # a name, and the first packet to a new peer, may take the gossip a while
_CLEANING = 90.0  # the program outlives its leader's patience, then cleans up by itself


@dataclass(frozen=True, slots=True)
class Scene:
    """What is asked about.

    Attributes:
        nodes: hosts that should be asked, in the inventory's order.
        silent: those of them that could not even be observed → why.
        addresses: host → the address of its node. hosts_of: node id → host.
    """

    cluster: Cluster
    networks: tuple[NetworkFact, ...]
    nodes: tuple[str, ...]
    silent: Mapping[str, str]
    addresses: Mapping[str, str]
    hosts_of: Mapping[str, str]
    facts: Mapping[str, HostFacts]


def between(scene: Scene, sessions: Mapping[str, Session], timeout: float) -> tuple[Cell, ...]:
    """Ask on all nodes at once; each costs one exec."""
    mute = {h: "no connection" for h in scene.nodes if h not in sessions} | dict(scene.silent)
    with Crew(mute) as crew:
        asked = {h: sessions[h] for h in scene.nodes if h not in mute}
        crew.start(asked, "prober", deadline=timeout + _CLEANING)
        return _Asking(crew, scene, timeout).cells()


@dataclass(frozen=True, slots=True)
class _Asking:
    """One conversation with all nodes."""

    crew: Crew
    scene: Scene
    timeout: float

    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the layers overlay, service and ingress."""
        scene = self.scene
        barred = {
            n.name: hosts for n in scene.networks if (hosts := overlay.without_esp(n, scene.facts))
        }
        networks = [n for n in scene.networks if n.name not in barred]
        told = [overlay.no_esp(n, barred[n.name]) for n in scene.networks if n.name in barred]
        found = self._endpoints(networks)
        unasked = overlay.unasked(networks, scene.nodes, found, self.crew.lost)
        asked = [*overlay.questions(found), *self._service_questions(networks, found)]
        answers = prober.ask(self.crew, asked, patience=_PATIENCE)
        cells = [self._cell(q, heard, found) for q, heard in answers]
        flat = services.without_ipvs(scene.facts)
        self.crew.step(dict.fromkeys(scene.nodes, ("end",)), "BYE", timeout=self.timeout)
        return (*told, *_ordered(cells, unasked), *(services.unavailable(flat) if flat else ()))

    def _endpoints(self, networks: Sequence[NetworkFact]) -> tuple[Endpoint, ...]:
        nodes = [h for h in self.scene.nodes if h not in self.crew.lost]
        paths = {h: {"containers": "/containers/json"} for h in nodes}
        replies = prober.read(self.crew, paths, self.timeout)
        found: list[Endpoint] = []
        for host, said in replies.items():
            found += self._on_host(host, said["containers"], networks)
        found += self._probes(networks, found)
        return prober.enter(self.crew, found, self.timeout)

    def _on_host(
        self, host: str, containers: prober.Reply, networks: Sequence[NetworkFact]
    ) -> tuple[Endpoint, ...]:
        why = containers.problem
        if why:
            return tuple(overlay.absent(host, n.name, why) for n in networks if n.attachable)
        return overlay.endpoints(host, networks, containers.data)

    def _probes(
        self, networks: Sequence[NetworkFact], found: Sequence[Endpoint]
    ) -> tuple[Endpoint, ...]:
        """Containers of ours, where an attachable network has none on a node."""
        nodes = [h for h in self.scene.nodes if h not in self.crew.lost]
        missing = overlay.missing(networks, nodes, found) if len(nodes) > 1 else {}
        ids = {n.name: n.id for n in networks}
        wanted = {host: [ids[name] for name in names] for host, names in missing.items()}
        made = prober.make_probes(self.crew, wanted, secrets.token_hex(3)) if wanted else {}
        return tuple(
            _made(host, number, network, replies.get(network.id))
            for host, replies in made.items()
            for number, network in enumerate(networks)
            if network.name in missing[host]
        )

    def _service_questions(
        self, networks: Sequence[NetworkFact], found: Sequence[Endpoint]
    ) -> tuple[Question, ...]:
        scene = self.scene
        mesh = not services.without_ipvs(scene.facts)
        addresses = {h: a for h, a in scene.addresses.items() if h not in self.crew.lost}
        named = services.questions(scene.cluster, networks, found) if mesh else ()
        return (*named, *services.published(scene.cluster, addresses, scene.hosts_of, mesh=mesh))

    def _cell(
        self, question: Question, heard: prober.Heard | None, found: Sequence[Endpoint]
    ) -> Cell:
        if heard is None:
            return prober.unknown(question, self.crew.lost)
        if heard.ms is not None:
            return question.answered(heard.ms, heard.text)
        if question.cell.layer != overlay.LAYER:
            return question.refused(heard.text)
        return question.refused(heard.text, overlay.failure(question, heard.text, found))


def _made(host: str, number: int, network: NetworkFact, reply: prober.Reply | None) -> Endpoint:
    if reply is None or reply.problem:
        why = "no answer" if reply is None else reply.problem
        return overlay.absent(host, network.name, f"no probe container: {why}")
    return overlay.probed(host, number, network, reply.data)


def _ordered(asked: Sequence[Cell], unasked: Sequence[Cell]) -> tuple[Cell, ...]:
    """Layer by layer; within one, network by network."""
    layers = (overlay.LAYER, services.SERVICE, services.INGRESS)
    cells = [*asked, *unasked]
    return tuple(sorted(cells, key=lambda c: (layers.index(c.layer), c.subject)))
