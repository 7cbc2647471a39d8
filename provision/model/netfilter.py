"""The output of iptables-save, and what it lets in.

Rules are read from the point of view of one question: what happens to the first packet of a
connection from a peer? An accept counts only when it is understood completely; a drop counts
already when it might match. So in doubt a rule of ours is added, which is harmless, and never left
out.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provision.model.firewall import SWARM_PORTS, address, cluster_of, contains, overlaps
from provision.model.observed import Protocol, Rule

_DEPTH = 16
_MOST = 20_000
_REFUSALS = frozenset({"DROP", "REJECT"})
_LONG = 256
# Matches that say nothing about which packet it is.
_PLAIN = frozenset({"tcp", "udp", "comment", "state", "conntrack", "multiport", "esp", "addrtype"})
_PROTOCOLS: Mapping[str, Protocol] = {
    "tcp": "tcp",
    "6": "tcp",
    "udp": "udp",
    "17": "udp",
    "esp": "esp",
    "50": "esp",
    "all": "any",
}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The filter table: the policy of each chain and its rules as words."""

    policies: Mapping[str, str] = field(default_factory=dict)
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    incompatible: bool = False


@dataclass(frozen=True, slots=True)
class Meant:
    """Which packets a rule is about.

    Attributes:
        ports: first and last of each range; empty: every port.
        exact: nothing else restricts the rule.
        narrow: it is restricted to some sources or by something not understood.
        new: the first packet of a connection can match.
        ours: the cluster that the rule's comment names.
    """

    protocol: Protocol | None = "any"
    ports: tuple[tuple[int, int], ...] = ()
    source: str = ""
    exact: bool = True
    narrow: bool = False
    new: bool = True
    ours: str = ""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the INPUT chain of one family does: accepts that work, drops, and the rest's fate."""

    accepts: tuple[Rule, ...] = ()
    drops: tuple[tuple[Rule, str], ...] = ()
    filtering: bool = False


def parse_save(text: str) -> Ruleset:
    """Read the filter table of iptables-save."""
    table, policies, chains = "", dict[str, str](), dict[str, list[str]]()
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table == "filter" and line.startswith(":"):
            name, policy, *_ = line[1:].split()
            policies[name] = policy
        elif table == "filter" and line.startswith("-A "):
            chains.setdefault(line.split()[1], []).append(line)
    incompatible = "`filter' is incompatible" in text
    return Ruleset(policies, {name: tuple(rules) for name, rules in chains.items()}, incompatible)


def verdicts(rules: Ruleset, *, v6: bool = False) -> Verdicts:
    """Follow the INPUT chain from its first rule to its policy."""
    anywhere = "::/0" if v6 else "0.0.0.0/0"
    accepts: list[Rule] = []
    drops: list[tuple[Rule, str]] = []
    met = enumerate(_walk(rules, ("INPUT",), Meant(source=anywhere)))
    for number, (meant, verdict, line) in met:
        if number > _MOST:
            raise ValueError(f"a new connection may meet more than {_MOST} rules")
        if verdict == "ACCEPT" and meant.exact:
            accepts += effective(_rules(meant, wide=False), [rule for rule, _ in drops])
            if _everything(meant) and meant.source == anywhere:
                return Verdicts(tuple(accepts), tuple(drops))
        elif verdict in _REFUSALS and not meant.narrow and _everything(meant):
            return Verdicts(tuple(accepts), tuple(drops), filtering=True)
        elif verdict in _REFUSALS and (meant.exact or not meant.narrow):
            drops += [(rule, line) for rule in _rules(meant, wide=True)]
    refused = rules.policies.get("INPUT", "ACCEPT") in _REFUSALS
    return Verdicts(tuple(accepts), tuple(drops), filtering=refused)


def effective(accepts: Iterable[Rule], drops: Sequence[Rule]) -> Iterator[Rule]:
    """Those of *accepts* that none of the *drops* before them takes a packet from."""
    return (rule for rule in accepts if not any(overlaps(drop, rule) for drop in drops))


def _everything(meant: Meant) -> bool:
    return meant.protocol == "any" and not meant.ports


def _rules(meant: Meant, *, wide: bool) -> list[Rule]:
    """One rule per port. Of a long range only swarm's ports count, or with *wide* all ports."""
    if meant.protocol is None:
        return []
    ports = {port for first, last in meant.ports for port in _spread(first, last, wide=wide)}
    several = sorted(ports) if meant.ports else [0]
    return [
        Rule(port, meant.protocol, meant.source, bool(meant.ours), meant.ours) for port in several
    ]


def _spread(first: int, last: int, *, wide: bool) -> Iterable[int]:
    if last - first < _LONG:
        return range(first, last + 1)
    return (0,) if wide else (port for port in SWARM_PORTS if first <= port <= last)


def _walk(rules: Ruleset, path: tuple[str, ...], outer: Meant) -> Iterator[tuple[Meant, str, str]]:
    """Every rule that a new packet may meet, with the conditions of the jumps on its *path*."""
    for line in rules.chains.get(path[-1], ()):
        meant, target = _meant(shlex.split(line)[2:], outer)
        if not meant.new or meant.protocol is None:
            continue
        if target in rules.policies and target not in path and len(path) < _DEPTH:
            yield from _walk(rules, (*path, target), meant)
        elif target == "RETURN" and meant == outer:
            return
        else:
            yield meant, target, line


def _meant(words: Sequence[str], outer: Meant) -> tuple[Meant, str]:
    """What the rule with these *words* is about, within what *outer* lets through; its target."""
    meant = outer
    for option, value, negated in _options(words):
        if option in ("-j", "-g"):
            return meant, value.partition(" ")[0]
        meant = _narrowed(meant, option, value, negated)
    return meant, ""


def _options(words: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Option, its values joined by spaces, and whether ``!`` stands before it."""
    option, values, negated, bang = "", list[str](), False, False
    for word in words:
        if option == "--comment" and not values:
            values = [word]
        elif word == "!":
            bang = True
        elif word.startswith("-"):
            yield from [(option, " ".join(values), negated)] if option else []
            option, values, negated, bang = word, [], bang, False
        else:
            values.append(word)
    yield from [(option, " ".join(values), negated)] if option else []


def _narrowed(meant: Meant, option: str, value: str, negated: bool) -> Meant:
    narrow = _NARROWING.get(option)
    if narrow is not None:
        return narrow(meant, value, negated)
    return replace(meant, exact=False, narrow=True)


def _match(meant: Meant, name: str, _negated: bool) -> Meant:
    return meant if name in _PLAIN else replace(meant, exact=False, narrow=True)


def _comment(meant: Meant, text: str, _negated: bool) -> Meant:
    return replace(meant, ours=cluster_of(text))


def _state(meant: Meant, states: str, negated: bool) -> Meant:
    return replace(meant, new=meant.new and ("NEW" in states.split(",")) != negated)


def _flags(meant: Meant, flags: str, negated: bool) -> Meant:
    """Only "is it the first packet" is understood; others look for broken packets."""
    if flags == "FIN,SYN,RST,ACK SYN":
        return replace(meant, new=meant.new and not negated)
    return replace(meant, exact=False, narrow=True)


def _interface(meant: Meant, name: str, negated: bool) -> Meant:
    """Peers never come over loopback; which other interface they use is not known here."""
    if name == "lo":
        return meant if negated else replace(meant, new=False)
    return replace(meant, exact=False)


def _destination(meant: Meant, _value: str, _negated: bool) -> Meant:
    return replace(meant, exact=False)


def _destination_type(meant: Meant, kind: str, negated: bool) -> Meant:
    """What peers send is for the host itself, never multicast or broadcast."""
    return replace(meant, new=meant.new and (kind == "LOCAL") != negated)


def _protocol(meant: Meant, name: str, negated: bool) -> Meant:
    if negated:
        return replace(meant, exact=False)
    return replace(meant, protocol=_both(meant.protocol, _PROTOCOLS.get(name)))


def _both(outer: Protocol | None, inner: Protocol | None) -> Protocol | None:
    """The protocol that satisfies both, or None when none does."""
    if outer == "any" or inner is None:
        return inner
    return outer if inner in ("any", outer) else None


def _ports(meant: Meant, text: str, negated: bool) -> Meant:
    if negated:
        return replace(meant, exact=False)
    ranges = tuple(_range(part) for part in text.split(","))
    if not meant.ports:
        return replace(meant, ports=ranges)
    common = [(max(a, c), min(b, d)) for a, b in meant.ports for c, d in ranges]
    kept = tuple((first, last) for first, last in common if first <= last)
    return replace(meant, ports=kept, protocol=meant.protocol if kept else None)


def _range(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    return (int(first or 0), int(last or 65535)) if colon else (int(first), int(first))


def _source(meant: Meant, source: str, negated: bool) -> Meant:
    """Narrowed to *source*, or to nothing when an outer rule asked for something else."""
    if negated:
        return replace(meant, exact=False)
    if contains(meant.source, source):
        inner = address(source)
        return replace(meant, source=inner, narrow=meant.narrow or inner != meant.source)
    if contains(source, meant.source):
        return meant
    return replace(meant, protocol=None)


_NARROWING: Mapping[str, Callable[[Meant, str, bool], Meant]] = {
    "-m": _match,
    "--comment": _comment,
    "--ctstate": _state,
    "--state": _state,
    "--tcp-flags": _flags,
    "-i": _interface,
    "-d": _destination,
    "--dst-type": _destination_type,
    "-p": _protocol,
    "--dport": _ports,
    "--dports": _ports,
    "-s": _source,
}
