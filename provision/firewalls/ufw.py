"""Uncomplicated Firewall (Debian, Ubuntu).

Its own files are read, not its command's table: they are exact, and the command starts Python.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeAlias

from provision.model.actions import Run, Step
from provision.model.facts import Fact, Known, Unknown
from provision.model.firewall import SWARM_PORTS, address, cluster_of, comment
from provision.model.netfilter import effective, parse_save, verdicts
from provision.model.observed import FirewallState, Protocol, Rule

Verdict: TypeAlias = tuple[str, Rule]
_REFUSALS = frozenset({"deny", "reject"})
_PROTOCOLS: Mapping[str, Protocol] = {"tcp": "tcp", "udp": "udp", "esp": "esp", "any": "any"}
_PLAIN, _WITH_APPLICATIONS = 7, 9
_LONG = 256


class Ufw:
    """ufw while it is enabled; installed but inactive, it is not in force."""

    name = "ufw"
    script: ClassVar[str] = r"""
if [ -r /etc/ufw/ufw.conf ] && command -v ufw >/dev/null; then
    echo '@@ ufw'; cat /etc/ufw/ufw.conf; echo; cat /etc/default/ufw; echo
    grep -h '^### tuple ###' /etc/ufw/user.rules /etc/ufw/user6.rules
fi
"""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """Its rules and default policy, as it will have them after a reboot, too."""
        lines = reading.get("ufw", "").splitlines()
        settings = dict(_setting(line) for line in lines if "=" in line and line[:1].isupper())
        if settings.get("ENABLED", "").lower() != "yes":
            return None
        policy = settings.get("DEFAULT_INPUT_POLICY", "")
        if not policy:
            return Unknown("ufw is enabled and /etc/default/ufw names no default policy")
        return Known(_state(lines, filtering=policy != "ACCEPT", others=_others(reading)))

    def open(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """One command a rule; ufw keeps it over reboots by itself."""
        return tuple(Run(_allow(state, cluster, rule)) for rule in rules)

    def close(self, _state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Deleting a rule that is gone already is no failure."""
        return tuple(Run(_delete(rule), accepts=frozenset({0, 1})) for rule in rules if cluster)

    def commands(
        self, state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """The same commands."""
        words = [_delete(rule) if close else _allow(state, cluster, rule) for rule in rules]
        return tuple(shlex.join(word) for word in words)


def _allow(state: FirewallState, cluster: str, rule: Rule) -> tuple[str, ...]:
    """Before the others where one of them refuses something, at the end otherwise."""
    place = ("prepend",) if state.dropped else ()
    return ("ufw", *place, "allow", *_words(rule), "comment", comment(cluster))


def _delete(rule: Rule) -> tuple[str, ...]:
    return ("ufw", "--force", "delete", "allow", *_words(rule))


def _words(rule: Rule) -> tuple[str, ...]:
    source = rule.source.removesuffix("/128" if ":" in rule.source else "/32")
    port = () if rule.protocol == "esp" else ("port", str(rule.port))
    return ("proto", rule.protocol, "from", source, "to", "any", *port)


def _setting(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip().strip("\"'")


def _others(reading: Mapping[str, str]) -> tuple[str, ...]:
    """Explicit drops of swarm's ports that are not ufw's: its rules cannot override them."""
    saves = [reading.get(name, "") for name in ("iptables-nft", "iptables-legacy")]
    drops = [drop for save in saves for drop in verdicts(parse_save(save)).drops]
    return tuple(line for rule, line in drops if rule.port in SWARM_PORTS and "-A ufw" not in line)


def _state(lines: Iterable[str], *, filtering: bool, others: tuple[str, ...]) -> FirewallState:
    accepts: list[Rule] = []
    drops: list[Rule] = []
    for action, rule in _tuples(lines):
        if action == "allow":
            accepts += effective([rule], drops)
        elif action in _REFUSALS:
            drops.append(rule)
    mine = tuple(f"ufw: {d.port}/{d.protocol}" for d in drops if d.port in SWARM_PORTS)
    return FirewallState(
        "ufw",
        filtering=filtering,
        filtering_v6=filtering,
        rules=tuple(dict.fromkeys(accepts)),
        drops=(*others, *mine),
        dropped=tuple(drops),
        detail="ufw is enabled",
    )


def _tuples(lines: Iterable[str]) -> Iterator[Verdict]:
    """``### tuple ### allow tcp 7946 0.0.0.0/0 any 10.0.0.11 in comment=7377…``."""
    for line in lines:
        head, _, rest = line.partition("### tuple ### ")
        if not head and rest:
            yield from _rules(rest.split())


def _rules(words: Sequence[str]) -> Iterator[Verdict]:
    said = next((w.removeprefix("comment=") for w in words if w.startswith("comment=")), "")
    plain = [word for word in words if not word.startswith("comment=")]
    if len(plain) not in (_PLAIN, _WITH_APPLICATIONS):
        return
    action, protocol, ports, destination, sport, source, *_, direction = plain
    verdict = action.partition("_")[0]
    partial = direction != "in" or sport != "any" or not destination.endswith("/0")
    understood = protocol in _PROTOCOLS and direction.startswith("in") and ":" not in verdict
    if not understood or (partial and verdict not in _REFUSALS):
        return
    cluster = cluster_of(bytes.fromhex(said).decode(errors="replace"))
    for port in _ports(ports):
        yield verdict, Rule(port, _PROTOCOLS[protocol], address(source), bool(cluster), cluster)


def _ports(text: str) -> Iterator[int]:
    for part in text.split(",") if text != "any" else ():
        first, _, last = part.partition(":")
        span = range(int(first), int(last or first) + 1)
        yield from span if len(span) <= _LONG else [p for p in SWARM_PORTS if p in span]
    if text == "any":
        yield 0
