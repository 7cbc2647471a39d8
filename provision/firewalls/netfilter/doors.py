"""Doors: where a rule of ours must stand to let a peer in, now and after a boot.

A rule goes to the head of the chain, so no drop comes first; an accept in a table of our own would
not override a drop in another one. After a boot a small unit of ours puts the rules back: saving
the whole ruleset would save other people's rules as well.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from provision.model.actions import Run, Step, WriteFile
from provision.model.firewall import address, comment, is_v6
from provision.model.manifest import Entry, file_entry, record
from provision.model.observed import FirewallState, Protocol, Rule

Door: TypeAlias = str
"""``iptables-nft``, ``iptables-legacy``, or family, table and chain with spaces between."""

SCRIPT = "/etc/swarmlay/firewall"
UNIT_NAME = "swarmlay-firewall.service"
UNIT = f"/etc/systemd/system/{UNIT_NAME}"
_UNIT_TEXT = f"""# Written by swarmlay: lets the swarm's peers in again after a boot.
[Unit]
Description=Firewall rules for the peers of the swarm (swarmlay)
After=network-pre.target netfilter-persistent.service iptables.service ip6tables.service
After=nftables.service
Before=docker.service
# Whoever loads a ruleset anew takes ours away: they are put back at once.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service netfilter-persistent.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {SCRIPT}
ExecReload=/bin/sh {SCRIPT}

[Install]
WantedBy=multi-user.target
"""
_HEAD = """#!/bin/sh
# Written by swarmlay: the peers' ways in, put back at boot. Changes here are overwritten.
accept() {
    tool=$1; shift
    "$tool" -w -C INPUT "$@" -m comment --comment "$comment" -j ACCEPT 2>/dev/null ||
        "$tool" -w -I INPUT 1 "$@" -m comment --comment "$comment" -j ACCEPT || failed=1
}
admit() {
    chain="$1 $2 $3"; shift 3
    nft --numeric-protocol list chain $chain 2>/dev/null |
        grep -qF -- "$* accept comment \\"$comment\\"" ||
        nft insert rule $chain "$@" accept comment "\\"$comment\\"" || failed=1
}
failed=0
"""
# The arguments are lines that go. The script is edited where it lies: an action may open rules just
# before it closes others.
_FORGET = f"""set -u
script={SCRIPT}
[ -e "$script" ] || exit 0
for line; do
    grep -vxF -e "$line" "$script" >"$script.new"
    chmod 755 "$script.new"
    mv -f "$script.new" "$script"
done
grep -qE '^(accept i|admit )' "$script" && exit 0
systemctl disable --now --quiet {UNIT_NAME}
rm -f "$script" {UNIT}
rmdir /etc/swarmlay 2>/dev/null
systemctl daemon-reload
"""
# nft deletes by handle only. $1 to $3 are the chain, $4 is the rule as nft prints it.
_DELETE = r"""
chain="$1 $2 $3"
nft --numeric-protocol -a list chain $chain 2>/dev/null | while read -r line; do
    [ "${line% # handle *}" != "$4" ] || nft delete rule $chain handle "${line##* }"
done
"""
_PROTOCOLS: Mapping[str, Protocol] = {"tcp": "tcp", "udp": "udp", "esp": "esp"}
_ESP_NUMBER = "50"  # a minimal system has no /etc/protocols to look the name up in
BOOT_SCRIPT = """
if [ -r /etc/swarmlay/firewall ]; then echo '@@ ours'; cat /etc/swarmlay/firewall; fi
if [ -L /etc/systemd/system/multi-user.target.wants/swarmlay-firewall.service ]; then
    echo '@@ ours at boot'; fi
"""
"""Prints what `persistent` reads."""


def doors(state: FirewallState) -> tuple[Door, ...]:
    """The doors that *state* names in its variant."""
    names = (state.variant or "nft").split("+")
    return tuple(name if " " in name else f"iptables-{name}" for name in names)


def opened(state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
    """List, write, run: the script that opens now is the one that opens at boot."""
    kept = {key(rule): rule for rule in (*_mine(state, cluster), *rules)}
    said = f"comment={shlex.quote(comment(cluster))}\n"
    lines = script_lines(doors(state), kept.values())
    return (
        record(
            cluster,
            Entry("file", SCRIPT),
            file_entry(UNIT, _UNIT_TEXT),
            Entry("unit", UNIT_NAME),
        ),
        WriteFile(SCRIPT, "\n".join([_HEAD + said, *lines, "exit $failed", ""]), mode=0o755),
        WriteFile(UNIT, _UNIT_TEXT),
        Run(("sh", SCRIPT)),
        Run(("systemctl", "daemon-reload")),
        # It must be active, or the reload of nftables is not passed on to it.
        Run(("systemctl", "enable", "--quiet", "--now", UNIT_NAME)),
    )


def closed(state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
    """Delete what is ours, here and in the script; with its last rule that goes as well."""
    at = doors(state)
    deletions = tuple(_deletion(door, cluster, rule) for rule in rules for door in _for(at, rule))
    return (*deletions, Run(("sh", "-s", "--", *script_lines(at, rules)), stdin=_FORGET))


def typed(
    state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool
) -> tuple[str, ...]:
    """The same rules by hand, for this boot."""
    make = _typed_deletion if close else _typed_insertion
    at = doors(state)
    return tuple(make(door, cluster, rule) for rule in rules for door in _for(at, rule))


def script_lines(at: Sequence[Door], rules: Iterable[Rule]) -> list[str]:
    """A line of the script for each rule and door."""
    return [_line(door, rule) for rule in sorted(rules, key=key) for door in _for(at, rule)]


def persistent(rules: Iterable[Rule], reading: Mapping[str, str]) -> bool:
    """Whether what is ours comes back at boot."""
    ours = {key(rule) for rule in rules if rule.ours}
    kept = {key(rule) for rule in _kept(reading.get("ours", ""))}
    return not ours or ("ours at boot" in reading and ours <= kept)


def key(rule: Rule) -> tuple[int, str, str]:
    """What makes two rules of ours the same."""
    return rule.port, rule.protocol, address(rule.source)


def _kept(text: str) -> Iterator[Rule]:
    """The rules in a script of ours."""
    for line in text.splitlines():
        words = shlex.split(line) if line.startswith(("accept ", "admit ")) else []
        found = _admitted(words[4:]) if words[:1] == ["admit"] else _accepted(words[2:])
        yield from found


def _accepted(words: Sequence[str]) -> Iterator[Rule]:
    options = dict(zip(words[::2], words[1::2], strict=False))
    if options.get("-p") in _PROTOCOLS and "-s" in options:
        yield Rule(int(options.get("--dport", "0")), _PROTOCOLS[options["-p"]], options["-s"])


def _admitted(words: Sequence[str]) -> Iterator[Rule]:
    """``ip saddr 10.0.0.11 tcp dport 7946`` or ``… meta l4proto 50``."""
    match words:
        case [_, "saddr", source, "meta", "l4proto", _]:
            yield Rule(0, "esp", source)
        case [_, "saddr", source, "tcp" | "udp" as protocol, "dport", port]:
            yield Rule(int(port), _PROTOCOLS[protocol], source)
        case _:
            return


def _mine(state: FirewallState, cluster: str) -> list[Rule]:
    return [rule for rule in state.rules if rule.ours and rule.cluster == cluster]


def _for(at: Sequence[Door], rule: Rule) -> list[Door]:
    """The doors that packets of the rule's address family pass."""
    other = "ip " if is_v6(rule.source) else "ip6 "
    return [door for door in at if not door.startswith(other)]


def _line(door: Door, rule: Rule) -> str:
    if " " in door:
        return f"admit {door} {_expression(rule)}"
    return shlex.join(("accept", _tool(door, rule), *_match(rule)))


def _match(rule: Rule) -> tuple[str, ...]:
    source = ("-s", key(rule)[2], "-p", rule.protocol)
    return source if rule.protocol == "esp" else (*source, "--dport", str(rule.port))


def _expression(rule: Rule) -> str:
    """As nft prints it, so that a rule is found again."""
    family = "ip6" if is_v6(rule.source) else "ip"
    source = address(rule.source).removesuffix("/128" if is_v6(rule.source) else "/32")
    esp = rule.protocol == "esp"
    service = f"meta l4proto {_ESP_NUMBER}" if esp else f"{rule.protocol} dport {rule.port}"
    return f"{family} saddr {source} {service}"


def _tool(door: Door, rule: Rule) -> str:
    return door.replace("iptables", "ip6tables") if is_v6(rule.source) else door


def _spec(cluster: str, rule: Rule) -> tuple[str, ...]:
    return (*_match(rule), "-m", "comment", "--comment", comment(cluster), "-j", "ACCEPT")


def _delete(door: Door, cluster: str, rule: Rule) -> tuple[str, ...]:
    return (_tool(door, rule), "-w", "-D", "INPUT", *_spec(cluster, rule))


def _deletion(door: Door, cluster: str, rule: Rule) -> Step:
    """Deleting what is gone already is no failure."""
    if " " not in door:
        return Run(_delete(door, cluster, rule), accepts=frozenset({0, 1}))
    printed = f'{_expression(rule)} accept comment "{comment(cluster)}"'
    return Run(("sh", "-s", "--", *door.split(), printed), stdin=_DELETE)


def _typed_insertion(door: Door, cluster: str, rule: Rule) -> str:
    if " " not in door:
        words = (_tool(door, rule), "-w", "-I", "INPUT", "1", *_spec(cluster, rule))
        return shlex.join(words)
    said = shlex.quote(f'"{comment(cluster)}"')
    return f"nft insert rule {door} {_expression(rule)} accept comment {said}"


def _typed_deletion(door: Door, cluster: str, rule: Rule) -> str:
    if " " not in door:
        return shlex.join(_delete(door, cluster, rule))
    found = f"nft -a list chain {door}: {_expression(rule)} accept"
    return f"nft delete rule {door} handle N  # {found}, {comment(cluster)}"
