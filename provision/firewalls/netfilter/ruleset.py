"""``nft list ruleset``, and what its incoming base chains do with a peer's packet.

Rules are put into the words of iptables-save, one line for each combination of their sets, so that
one judge (`provision.model.netfilter`) serves both languages. What has no such words is said to
narrow the rule to packets nobody knows: an accept then never counts, and of drops only those that
surely are about somebody else are passed over.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from provision.model.netfilter import Ruleset

_TABLE = re.compile(r"^table (\S+) (\S+) \{")
_CHAIN = re.compile(r"^\s*chain (\S+) \{")
_BASE = re.compile(r"type (?:filter|route) hook (?:input|prerouting|ingress)\b")
_POLICY = re.compile(r"policy (drop|accept)")
_TOKEN = re.compile(r'"[^"]*"|\{|\}|[^\s{}]+')
_MOST = 64  # combinations of one rule; beyond, its sets are not looked into
_UNKNOWN = "-m not-understood"
_IN_DOUBT = "-d anywhere"  # inexact, yet it may well be the peer's packet
_NEVER = "never"
# What matches, or says where its value begins: the value may be a set, a map or one word.
_KEYS: Final = {
    "ct state": 2, "ip saddr": 2, "ip6 saddr": 2, "ip protocol": 2, "ip6 nexthdr": 2,
    "meta l4proto": 2, "meta nfproto": 2, "tcp dport": 2, "udp dport": 2, "th dport": 2,
    "fib daddr": 3, "iif": 1, "iifname": 1,
}  # fmt: skip
# How many words of a statement that matches nothing belong to it, and what it does.
_STATEMENTS: Final = (
    (re.compile(r"counter packets \S+ bytes \S+"), ""),
    (re.compile(r"counter"), ""),
    (re.compile(r"log prefix (?:\"[^\"]*\"|\S+)"), ""),
    (re.compile(r"log"), ""),
    (re.compile(r"continue"), ""),
    (re.compile(r"comment (\"[^\"]*\")"), r"-m comment --comment \1"),
    (re.compile(r"(?:jump|goto) (\S+)"), r"-j \1"),
    (re.compile(r"accept"), "-j ACCEPT"),
    (re.compile(r"drop"), "-j DROP"),
    (re.compile(r"return"), "-j RETURN"),
    (re.compile(r"reject(?: with .*)?"), "-j REJECT"),
)
_ENDS: Final = frozenset(
    {"accept", "drop", "return", "continue", "reject", "jump", "goto", "counter", "comment"}
)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of a native table; *hooked*: a base chain that incoming packets pass."""

    hooked: bool = False
    drops: bool = False
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its chains."""

    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict)


def tables(text: str) -> Iterator[Table]:
    """The tables in force; dormant ones are not."""
    family, name, body = "", "", list[str]()
    for line in text.splitlines():
        found = _TABLE.match(line)
        if found:
            (family, name), body = found.groups(), []
        elif line == "}" and name:
            if not any(said.strip().startswith("flags dormant") for said in body):
                yield Table(family, name, _chains(body))
            name = ""
        else:
            body.append(line)


def _chains(body: Iterable[str]) -> dict[str, Chain]:
    chains: dict[str, list[str]] = {}
    name = ""
    for line in body:
        found = _CHAIN.match(line)
        if found:
            name = found[1]
            chains[name] = []
        elif name and line.strip() == "}":
            name = ""
        elif name:
            chains[name].append(line.strip())
    return {name: _chain(lines) for name, lines in chains.items()}


def _chain(lines: Sequence[str]) -> Chain:
    head = next((line for line in lines if line.startswith("type ")), "")
    policy = _POLICY.search(head)
    return Chain(
        hooked=_BASE.search(head) is not None,
        drops=policy is not None and policy[1] == "drop",
        rules=tuple(line for line in lines if not line.startswith(("type ", 'comment "'))),
    )


def as_saved(table: Table, base: str, *, v6: bool) -> Ruleset:
    """The table as iptables would save it, if *base* were INPUT."""
    names = {name: "INPUT" if name == base else name for name in table.chains}
    policies = dict.fromkeys(names.values(), "-")
    policies["INPUT"] = "DROP" if table.chains[base].drops else "ACCEPT"
    chains = {
        names[name]: tuple(
            line for rule in chain.rules for line in _lines(names[name], rule, v6=v6)
        )
        for name, chain in table.chains.items()
    }
    return Ruleset(policies, chains)


def verbatim(table: Table, base: str) -> dict[str, str]:
    """What each line of `as_saved` is in the words of nft."""
    return {
        line: f"{table.family} {table.name} {name}: {rule}"
        for name, chain in table.chains.items()
        for rule in chain.rules
        for v6 in (False, True)
        for line in _lines("INPUT" if name == base else name, rule, v6=v6)
    }


def _lines(chain: str, rule: str, *, v6: bool) -> Iterator[str]:
    """One line of iptables-save for each combination of the rule's sets."""
    parts = list(_statements(_TOKEN.findall(rule), v6=v6))
    for combination in itertools.islice(itertools.product(*parts), _MOST):
        said = [text for text in combination if text]
        if _NEVER not in said:
            yield " ".join(["-A", chain, *sorted(said, key=lambda text: text.startswith("-j "))])


def _statements(tokens: Sequence[str], *, v6: bool) -> Iterator[list[str]]:
    """Each match or verdict, as its alternatives in the words of iptables-save."""
    rest = list(tokens)
    while rest:
        length = _KEYS.get(" ".join(rest[:2])) or _KEYS.get(rest[0], 0)
        taken, said = _match(rest, length, v6=v6) if length else _statement(rest)
        yield said
        rest = rest[taken:]


def _match(tokens: Sequence[str], length: int, *, v6: bool) -> tuple[int, list[str]]:
    """What a match with its value says, and how many tokens it took."""
    key, after = " ".join(tokens[:length]), list(tokens[length:])
    sign = after.pop(0) if after[:1] in (["!="], ["=="]) else ""
    mapped = after.pop(0) if after[:1] == ["vmap"] else ""
    values, size = _values(after)
    taken = length + bool(sign) + bool(mapped) + size
    negation = "! " if sign == "!=" else ""
    if not mapped:
        return taken, [_condition(key, value, negation, v6=v6) for value in values]
    pairs = [value.partition(" : ") for value in values]
    return taken, [
        f"{_condition(key, value, '', v6=v6)} {_statement(verdict.split())[1][0]}"
        for value, _, verdict in pairs
        if _condition(key, value, "", v6=v6) != _NEVER
    ]


def _values(tokens: Sequence[str]) -> tuple[list[str], int]:
    """The elements of an anonymous set, or the one value; and how many tokens they took."""
    if tokens[:1] != ["{"]:
        return list(tokens[:1]), min(1, len(tokens))
    end = tokens.index("}") if "}" in tokens else len(tokens)
    elements = " ".join(tokens[1:end]).split(",")
    return [element.strip() for element in elements if element.strip()], end + 1


def _statement(tokens: Sequence[str]) -> tuple[int, list[str]]:
    """What is done; anything that is not known goes up to the next verdict."""
    text = " ".join(tokens)
    for pattern, said in _STATEMENTS:
        found = pattern.match(text)
        if found and text[found.end() : found.end() + 1] in ("", " "):
            return len(_TOKEN.findall(found[0])), [found.expand(said)]
    end = next((i for i, token in enumerate(tokens) if i and token in _ENDS), len(tokens))
    return end, [_UNKNOWN]


def _condition(key: str, value: str, negation: str, *, v6: bool) -> str:
    """A match in the words of iptables-save."""
    if key in ("ip saddr", "ip6 saddr"):
        return _source(value, negation, other=(key == "ip6 saddr") != v6)
    if key.endswith("dport"):
        protocol = "" if key == "th dport" else f"-p {key.removesuffix(' dport')} "
        return protocol + _port(value, negation)
    if key == "meta nfproto":
        return "" if (value == "ipv6") == v6 else _NEVER
    return negation + _OTHERWISE.get(key, _UNKNOWN).format(value.strip('"'), value.upper())


_OTHERWISE: Final = {
    "iif": "-i {0}",
    "iifname": "-i {0}",
    "ct state": "--ctstate {1}",
    "fib daddr type": "--dst-type {1}",
    "ip protocol": "-p {0}",
    "ip6 nexthdr": "-p {0}",
    "meta l4proto": "-p {0}",
}


def _source(value: str, negation: str, *, other: bool) -> str:
    if other:
        return _NEVER
    return _UNKNOWN if value.startswith("@") or "-" in value else f"{negation}-s {value}"


def _port(port: str, negation: str) -> str:
    """A named set of ports may hold ours."""
    first, dash, last = port.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        return _IN_DOUBT
    return f"{negation}--dport {first}:{last}" if dash else f"{negation}--dport {first}"
