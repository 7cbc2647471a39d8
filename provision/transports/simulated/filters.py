"""A simulated packet filter: none, iptables or ufw, read and changed as the real ones are."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Literal, TypeAlias

from provision.model.probes import Answer

Kind: TypeAlias = Literal["none", "iptables", "ufw"]
_SCRIPT = "/etc/swarmlay/firewall"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One rule that lets something in; port 0 is every port."""

    source: str
    protocol: str
    port: int
    comment: str = ""


@dataclass(slots=True)
class Filter:
    """What is let in; a filter that is in force refuses everything else.

    Attributes:
        rules: in order, ours and others'.
        walled: something before the host lets nothing through.
    """

    kind: Kind = "none"
    rules: list[Accepted] = field(default_factory=list)
    walled: bool = False

    def admits(self, protocol: str, port: int, source: str) -> bool:
        """Whether the first packet of a connection gets in."""
        if self.walled:
            return False
        return self.kind == "none" or any(
            rule.protocol in ("all", protocol)
            and rule.port in (0, port)
            and ip_address(source) in ip_network(rule.source, strict=False)
            for rule in self.rules
        )

    def sections(self) -> Iterator[str]:
        """What the firewalls' probe prints of it."""
        if self.kind == "ufw":
            yield '@@ ufw\nENABLED=yes\n\nDEFAULT_INPUT_POLICY="DROP"\n'
            yield from (_tuple(rule) for rule in self.rules)
        if self.kind == "iptables":
            yield "@@ iptables-nft\n*filter\n:INPUT DROP [0:0]"
            yield from (f"-A INPUT {_line(rule)}" for rule in self.rules)
            yield "COMMIT"

    def let_in(self, rule: Accepted) -> None:
        """Add a rule, unless it is there."""
        if rule not in self.rules:
            self.rules.insert(0, rule)

    def run_script(self, text: str) -> Answer:
        """Our script that puts rules back."""
        said = next((li for li in text.splitlines() if li.startswith("comment=")), "")
        comment = "".join(shlex.split(said.partition("=")[2]))
        for line in text.splitlines():
            if line.startswith("accept ip"):
                self.let_in(_rule(shlex.split(line)[2:], comment))
        return Answer(0)

    def iptables(self, words: Sequence[str]) -> Answer:
        """``iptables-nft -w -D INPUT …``."""
        if words[2] != "-D" or self.kind != "iptables":
            return Answer(2, "", f"{words[0]}: not simulated")
        return self._taken_away(_rule(words[4:]))

    def ufw(self, words: Sequence[str]) -> Answer:
        """``ufw [prepend] allow proto P from S to any [port N] [comment C]``, or its deletion."""
        said = [word for word in words[1:] if word not in ("prepend", "--force", "allow")]
        deletes = said[0] == "delete"
        pairs = said[1:] if deletes else said
        options = dict(zip(pairs[::2], pairs[1::2], strict=True))
        rule = Accepted(
            str(ip_network(options["from"])),
            options["proto"],
            int(options.get("port", 0)),
            options.get("comment", ""),
        )
        if deletes:
            return self._taken_away(rule)
        self.let_in(rule)
        return Answer(0, "Rule added")

    def _taken_away(self, rule: Accepted) -> Answer:
        alike = [
            r
            for r in self.rules
            if (r.source, r.protocol, r.port) == (rule.source, rule.protocol, rule.port)
            and rule.comment in ("", r.comment)
        ]
        for one in alike[:1]:
            self.rules.remove(one)
        return Answer(0 if alike else 1, "", "" if alike else "no such rule")


def _rule(words: Sequence[str], comment: str = "") -> Accepted:
    options: Mapping[str, str] = dict(zip(words[::2], words[1::2], strict=False))
    return Accepted(
        str(ip_network(options["-s"])),
        options["-p"],
        int(options.get("--dport", 0)),
        comment or options.get("--comment", ""),
    )


def _line(rule: Accepted) -> str:
    port = f" -m {rule.protocol} --dport {rule.port}" if rule.port else ""
    said = f' -m comment --comment "{rule.comment}"' if rule.comment else ""
    source = "" if rule.source == "0.0.0.0/0" else f"-s {rule.source} "
    return f"{source}-p {rule.protocol}{port}{said} -j ACCEPT"


def _tuple(rule: Accepted) -> str:
    said = f" comment={rule.comment.encode().hex()}" if rule.comment else ""
    port, source = rule.port or "any", rule.source.removesuffix("/32")
    return f"### tuple ### allow {rule.protocol} {port} 0.0.0.0/0 any {source} in{said}"


__all__ = ["Accepted", "Filter", "Kind"]
