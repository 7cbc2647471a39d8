"""Native nftables with filtering rules: recognised, so that it is never overlooked.

Tables that iptables-nft keeps (``table ip filter`` …) and Docker's own are not native ones.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from provision.model.actions import Step
from provision.model.facts import Fact, Known
from provision.model.firewall import SWARM_PORTS
from provision.model.observed import FirewallState, Rule

_TABLE = re.compile(r"^table (\S+) (\S+) \{")
_IPTABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_NOT_OURS_TO_JUDGE = frozenset({"docker-bridges", "firewalld"})
_INCOMING = re.compile(r"\bhook (?:input|prerouting|ingress)\b")
_REFUSES = re.compile(r"\b(?:drop|reject)\b")
_PORTS = re.compile(r"\bdport (\{[^}]*\}|[^\s{]\S*)")
# Broken packets, and sources on a list, say nothing about what peers may do.
_HARMLESS = re.compile(r"\binvalid\b|\bsaddr @|\btcp flags\b|\bicmp")


class Nftables:
    """A ruleset written for nft."""

    name = "nftables"
    script: ClassVar[str] = r"""
echo '@@ nft'; ! command -v nft >/dev/null || nft list ruleset 2>/dev/null
"""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """In force when a native table refuses what comes in."""
        compatible = "iptables-nft" in reading and "incompatible" not in reading["iptables-nft"]
        for family, table, lines in _tables(reading.get("nft", "").splitlines()):
            kept = compatible and family in ("ip", "ip6") and table in _IPTABLES
            if not kept and table not in _NOT_OURS_TO_JUDGE and _filters(lines):
                return Known(_state(f"{family} {table}"))
        return None

    def open(self, state: FirewallState, _cluster: str, _rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Not supported: its hosts are blocked before this is asked."""
        raise NotImplementedError(state.detail)

    def close(
        self, _state: FirewallState, _cluster: str, _rules: Sequence[Rule]
    ) -> tuple[Step, ...]:
        """Nothing of ours is in it."""
        return ()

    def commands(
        self, _state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """What would open it by hand, where the table and chain have their usual names."""
        if close:
            return ()
        found = [_words(rule) for rule in rules]
        return tuple(
            f"nft insert rule inet filter input {w} accept comment swarmlay:{cluster}"
            for w in found
        )


def _state(table: str) -> FirewallState:
    detail = (
        f"nftables (table {table}) filters what comes in; swarmlay cannot open it yet. "
        "Accept the peers in /etc/nftables.conf, or use ufw or iptables"
    )
    return FirewallState(
        "nftables", supported=False, filtering=True, filtering_v6=True, detail=detail
    )


def _tables(lines: Iterable[str]) -> Iterator[tuple[str, str, list[str]]]:
    family, table, body = "", "", list[str]()
    for line in lines:
        found = _TABLE.match(line)
        if found:
            (family, table), body = found.groups(), []
        elif line == "}" and table:
            yield family, table, body
            table = ""
        else:
            body.append(line.strip())


def _filters(lines: Sequence[str]) -> bool:
    hooks = [line for line in lines if _INCOMING.search(line)]
    if any("policy drop" in line for line in hooks):
        return True
    return bool(hooks) and any(_refuses(line) for line in lines if "hook " not in line)


def _refuses(line: str) -> bool:
    if not _REFUSES.search(line) or _HARMLESS.search(line):
        return False
    ports = _PORTS.search(line)
    return ports is None or any(_swarms(word) for word in re.findall(r"\d+(?:-\d+)?", ports[1]))


def _swarms(ports: str) -> bool:
    first, _, last = ports.partition("-")
    return any(int(first) <= port <= int(last or first) for port in SWARM_PORTS)


def _words(rule: Rule) -> str:
    family = "ip6" if ":" in rule.source else "ip"
    service = "meta l4proto esp" if rule.protocol == "esp" else f"{rule.protocol} dport {rule.port}"
    return f"{family} saddr {rule.source} {service}"
