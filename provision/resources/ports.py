"""Swarm's ports, open in the host's own firewall for its peers only."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provision.firewalls import firewall_for, missing, surplus
from provision.model.actions import Action, Blocked, Change
from provision.model.context import Context, engine_id, member_id, ports_id
from provision.model.departure import asked, removed_id
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host
from provision.model.observed import FirewallState, Rule

MANAGER_PORT, GOSSIP_PORT = 2377, 7946


class Ports:
    """2377/tcp on managers, 7946/tcp+udp and the data-path port, from the peers' addresses."""

    name = "ports"

    def blocked(self, context: Context) -> Iterable[Blocked]:
        """A firewall that is not supported blocks its host: it is never taken for none."""
        for host in context.hosts:
            fact = context.facts(host.name).firewall
            if isinstance(fact, Unknown):
                yield Blocked(host.name, f"its firewall is unknown: {fact.reason}")
            elif firewall_for(fact.value) is None:
                yield Blocked(
                    host.name,
                    f"its firewall {fact.value.backend} is not supported: {fact.value.detail}",
                    hint="use ufw or iptables there, or switch it off and open the ports elsewhere",
                    exit_code=4,
                )

    def wanted(self, context: Context) -> Iterable[Action]:
        """Open what the peers need and is not open; close ours that no peer needs any more."""
        for host in context.hosts:
            state = _state(context, host)
            rules = wanted_rules(context, host)
            to_open, to_close = missing(state, rules), _closable(context, state, rules)
            if to_open or to_close:
                yield _change(context, host, state, to_open, to_close)
            if context.options.prune:
                yield from _after_departures(context, host, state)

    def unwanted(self, context: Context) -> Iterable[Action]:
        """Ours are closed after the host left the swarm; they stay where the swarm stays."""
        if context.swarm_stays:
            return
        for host in context.hosts:
            state = _state(context, host)
            if ours := surplus(state, (), context.cluster_name):
                yield _close(context, host, state, ours)


def _closable(context: Context, state: FirewallState, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Ours for nobody: known only when every host's address is (a peer may just be asleep)."""
    if len(context.addresses) < len(context.inventory.hosts):
        return ()
    departed = {f"{n.address}/32" for n in context.departed().values()}  # they are nodes still
    return tuple(r for r in surplus(state, rules, context.cluster_name) if r.source not in departed)


def _after_departures(context: Context, host: Host, state: FirewallState) -> Iterator[Action]:
    """What was open for a node is closed once it is removed, not while its tasks still move."""
    rules = wanted_rules(context, host)
    for name, node in context.departed().items():
        theirs = surplus(state, rules, context.cluster_name)
        if closed := tuple(r for r in theirs if r.source == f"{node.address}/32"):
            action = _close(context, host, state, closed)
            yield replace(
                action,
                id=f"{host.name}:ports:{name}",
                why=f"{name} is no peer any more",
                after=frozenset({f"{asked(context, name)}:{removed_id(name)}"}),
            )


def wanted_rules(context: Context, host: Host) -> tuple[Rule, ...]:
    """What must be let in on *host*, in a stable order.

    `--limit` does not limit this: a limited host's peers must still be let in.
    """
    swarm = [("tcp", MANAGER_PORT)] if host.is_manager else []
    ports = [*swarm, ("tcp", GOSSIP_PORT), ("udp", GOSSIP_PORT)]
    ports += [("udp", context.desired.swarm.data_path_port)]
    ports += [("esp", 0)] if any(n.encrypted for n in context.desired.networks.values()) else []
    sources = _sources(context, host)
    return tuple(Rule(port, protocol, source) for source in sources for protocol, port in ports)  # type: ignore[arg-type]


def _sources(context: Context, host: Host) -> list[str]:
    peers = [f"{a}/32" for name, a in context.addresses.items() if name != host.name]
    open_to = context.desired.firewall.open_to
    return [*peers, *(open_to if isinstance(open_to, list) else ())]


def _state(context: Context, host: Host) -> FirewallState:
    fact = context.facts(host.name).firewall
    return fact.value if isinstance(fact, Known) else FirewallState("none")


def _change(
    context: Context,
    host: Host,
    state: FirewallState,
    to_open: tuple[Rule, ...],
    to_close: tuple[Rule, ...],
) -> Action:
    backend, cluster = firewall_for(state), context.cluster_name
    if backend is None:
        raise AssertionError(f"{host.name} is blocked: {state.backend} is not supported")
    opening = backend.open(state, cluster, to_open) if to_open else ()
    closing = backend.close(state, cluster, to_close) if to_close else ()
    closes = backend.commands(state, cluster, to_close, close=True) if to_close else ()
    return Action(
        id=ports_id(host.name),
        host=host.name,
        resource="ports",
        subject=f"firewall ({state.backend})",
        change=Change.CREATE if to_open else Change.UPDATE,
        why=_why(to_open, to_close),
        steps=(*opening, *closing),
        after=frozenset({engine_id(host.name)}),
        before=[_text(r) for r in to_close],
        after_=[_text(r) for r in to_open],
        commands=(*(backend.commands(state, cluster, to_open) if to_open else ()), *closes),
    )


def _why(to_open: tuple[Rule, ...], to_close: tuple[Rule, ...]) -> str:
    parts = []
    if to_open:
        ports = sorted({f"{r.port}/{r.protocol}" if r.port else r.protocol for r in to_open})
        sources = sorted({r.source.removesuffix("/32") for r in to_open})
        parts.append(f"{', '.join(ports)} closed to {', '.join(sources)}")
    if to_close:
        parts.append(f"{len(to_close)} of our rules are for nobody any more")
    return "; ".join(parts)


def _text(rule: Rule) -> str:
    return f"{rule.port}/{rule.protocol} from {rule.source}"


def _close(context: Context, host: Host, state: FirewallState, ours: tuple[Rule, ...]) -> Action:
    backend, cluster = firewall_for(state), context.cluster_name
    steps = backend.close(state, cluster, ours) if backend else ()
    commands = backend.commands(state, cluster, ours, close=True) if backend else ()
    return Action(
        id=ports_id(host.name),
        host=host.name,
        resource="ports",
        subject=f"firewall ({state.backend})",
        change=Change.DELETE,
        why="the cluster is taken down",
        steps=steps,
        after=frozenset({member_id(host.name)}),
        before=[_text(r) for r in ours],
        commands=commands,
    )
