"""iptables, in whichever of its backends the filtering rules are.

Our rules are inserted before all others, so no drop comes first, and are put back at boot by a
small unit of ours: saving the whole ruleset would save other people's rules as well.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from provision.model.actions import Run, Step, WriteFile
from provision.model.facts import Fact, Known
from provision.model.firewall import SWARM_PORTS, address, comment, is_v6
from provision.model.manifest import Entry, file_entry, record
from provision.model.netfilter import Ruleset, Verdicts, parse_save, verdicts
from provision.model.observed import FirewallState, Protocol, Rule

SCRIPT = "/etc/swarmlay/firewall"
UNIT_NAME = "swarmlay-firewall.service"
UNIT = f"/etc/systemd/system/{UNIT_NAME}"
_UNIT_TEXT = f"""# Written by swarmlay: lets the swarm's peers in again after a boot.
[Unit]
Description=Firewall rules for the peers of the swarm (swarmlay)
After=network-pre.target netfilter-persistent.service iptables.service ip6tables.service
After=nftables.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {SCRIPT}

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
grep -q '^accept i' "$script" && exit 0
systemctl disable --now --quiet {UNIT_NAME}
rm -f "$script" {UNIT}
rmdir /etc/swarmlay 2>/dev/null
systemctl daemon-reload
"""
_PROTOCOLS: Mapping[str, Protocol] = {"tcp": "tcp", "udp": "udp", "esp": "esp"}


class Iptables:
    """iptables while it filters what comes in, or holds rules of ours."""

    name = "iptables"
    # iptables-legacy makes the tables it is asked for: the kernel is asked first which there are.
    script: ClassVar[str] = r"""
if command -v iptables-nft-save >/dev/null; then
    echo '@@ iptables-nft'; iptables-nft-save -t filter 2>&1
    echo '@@ ip6tables-nft'; ip6tables-nft-save -t filter 2>&1
fi
for family in ip ip6; do
    echo "@@ $family tables"; cat /proc/net/${family}_tables_names 2>/dev/null
    if grep -qx filter /proc/net/${family}_tables_names 2>/dev/null; then
        save=$(command -v ${family}tables-legacy-save || command -v ${family}tables-save) &&
            echo "@@ ${family}tables-legacy" && $save -t filter 2>&1
    fi
done
if [ -r /etc/swarmlay/firewall ]; then echo '@@ ours'; cat /etc/swarmlay/firewall; fi
if [ -L /etc/systemd/system/multi-user.target.wants/swarmlay-firewall.service ]; then
    echo '@@ ours at boot'; fi
"""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """In force when something is refused, or when rules of ours are in it."""
        unread = _unread(reading)
        if unread:
            return Known(FirewallState(self.name, supported=False, filtering=True, detail=unread))
        found = {
            variant: state
            for variant in ("nft", "legacy")
            if (state := _variant(reading, variant)) is not None
        }
        return Known(_joined(found, reading)) if found else None

    def open(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """List, write, run: the script that opens now is the one that opens at boot."""
        kept = {_key(rule): rule for rule in (*_mine(state, cluster), *rules)}
        text = _script(cluster, _tools(state), kept.values())
        return (
            record(
                cluster,
                Entry("file", SCRIPT),
                file_entry(UNIT, _UNIT_TEXT),
                Entry("unit", UNIT_NAME),
            ),
            WriteFile(SCRIPT, text, mode=0o755),
            WriteFile(UNIT, _UNIT_TEXT),
            Run(("sh", SCRIPT)),
            Run(("systemctl", "daemon-reload")),
            Run(("systemctl", "enable", "--quiet", UNIT_NAME)),
        )

    def close(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Delete what is ours, here and in the script; with its last rule that goes as well."""
        deletions = tuple(
            Run(_delete(tool, cluster, rule), accepts=frozenset({0, 1}))
            for rule in rules
            for tool in _tools(state)
        )
        return (*deletions, Run(("sh", "-s", "--", *_lines(_tools(state), rules)), stdin=_FORGET))

    def commands(
        self, state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """The same rules by hand, for this boot."""
        make = _delete if close else _insert
        return tuple(
            shlex.join(make(tool, cluster, rule)) for rule in rules for tool in _tools(state)
        )


def _unread(reading: Mapping[str, str]) -> str:
    """Why a table in force cannot be read, or nothing."""
    for family in ("ip", "ip6"):
        held = "filter" in reading.get(f"{family} tables", "").split()
        if held and f"{family}tables-legacy" not in reading:
            return f"the kernel holds a legacy {family}tables filter and no tool here can read it"
    if "incompatible" in reading.get("iptables-nft", ""):
        return "table ip filter was made by nft and iptables cannot read it"
    return ""


def _variant(reading: Mapping[str, str], variant: str) -> FirewallState | None:
    """One backend, both families; None when nothing in it matters."""
    four = verdicts(_ruleset(reading, f"iptables-{variant}"))
    six = verdicts(_ruleset(reading, f"ip6tables-{variant}"), v6=True)
    ours = any(rule.ours for rule in (*four.accepts, *six.accepts))
    if not (four.filtering or six.filtering or four.drops or six.drops or ours):
        return None
    return FirewallState(
        "iptables",
        filtering=four.filtering,
        filtering_v6=six.filtering,
        rules=tuple(dict.fromkeys((*four.accepts, *six.accepts))),
        drops=tuple(dict.fromkeys((*_on_swarm(four), *_on_swarm(six)))),
        dropped=tuple(rule for rule, _ in (*four.drops, *six.drops)),
        variant=variant,
    )


def _ruleset(reading: Mapping[str, str], name: str) -> Ruleset:
    return parse_save(reading.get(name, ""))


def _on_swarm(found: Verdicts) -> Iterator[str]:
    return (line for rule, line in found.drops if rule.port in SWARM_PORTS)


def _joined(found: Mapping[str, FirewallState], reading: Mapping[str, str]) -> FirewallState:
    """A packet must pass every backend: only what all of them accept is open."""
    states = list(found.values())
    open_in_all = [r for r in states[0].rules if all(r in s.rules for s in states[1:])]
    return FirewallState(
        "iptables",
        filtering=any(s.filtering for s in states),
        filtering_v6=any(s.filtering_v6 for s in states),
        rules=tuple(open_in_all),
        drops=tuple(line for s in states for line in s.drops),
        dropped=tuple(rule for s in states for rule in s.dropped),
        variant="+".join(found),
        persistent=_persistent(open_in_all, reading),
        detail=f"iptables ({' and '.join(found)}) holds rules on INPUT",
    )


def _persistent(rules: Iterable[Rule], reading: Mapping[str, str]) -> bool:
    """Whether what is ours comes back at boot."""
    ours = {_key(rule) for rule in rules if rule.ours}
    kept = {_key(rule) for rule in _kept(reading.get("ours", ""))}
    return not ours or ("ours at boot" in reading and ours <= kept)


def _kept(text: str) -> Iterator[Rule]:
    """The rules in a script of ours."""
    for line in text.splitlines():
        words = shlex.split(line) if line.startswith("accept ") else []
        options = dict(zip(words[2::2], words[3::2], strict=False))
        if options.get("-p") in _PROTOCOLS and "-s" in options:
            port = int(options.get("--dport", "0"))
            yield Rule(port, _PROTOCOLS[options["-p"]], options["-s"])


def _key(rule: Rule) -> tuple[int, str, str]:
    return rule.port, rule.protocol, address(rule.source)


def _mine(state: FirewallState, cluster: str) -> list[Rule]:
    return [rule for rule in state.rules if rule.ours and rule.cluster == cluster]


def _tools(state: FirewallState) -> tuple[str, ...]:
    return tuple(f"iptables-{variant}" for variant in (state.variant or "nft").split("+"))


def _match(rule: Rule) -> tuple[str, ...]:
    source = ("-s", _key(rule)[2], "-p", rule.protocol)
    return source if rule.protocol == "esp" else (*source, "--dport", str(rule.port))


def _tool(name: str, rule: Rule) -> str:
    return name.replace("iptables", "ip6tables") if is_v6(rule.source) else name


def _lines(tools: Sequence[str], rules: Iterable[Rule]) -> list[str]:
    """A line of the script for each rule and tool."""
    return [
        shlex.join(("accept", _tool(tool, rule), *_match(rule)))
        for rule in sorted(rules, key=_key)
        for tool in tools
    ]


def _script(cluster: str, tools: Sequence[str], rules: Iterable[Rule]) -> str:
    said = f"comment={shlex.quote(comment(cluster))}\n"
    return "\n".join([_HEAD + said, *_lines(tools, rules), "exit $failed", ""])


def _insert(tool: str, cluster: str, rule: Rule) -> tuple[str, ...]:
    return (_tool(tool, rule), "-w", "-I", "INPUT", "1", *_spec(cluster, rule))


def _delete(tool: str, cluster: str, rule: Rule) -> tuple[str, ...]:
    return (_tool(tool, rule), "-w", "-D", "INPUT", *_spec(cluster, rule))


def _spec(cluster: str, rule: Rule) -> tuple[str, ...]:
    return (*_match(rule), "-m", "comment", "--comment", comment(cluster), "-j", "ACCEPT")
