"""firewalld: rich rules for each peer, in the zones that peers may come in through.

Rich rules have no comments. Ours are known by their exact words, which are listed on the host in
``/etc/swarmlay/firewalld`` before they are added; they are added to what runs and to what is kept,
so nothing needs a reload. Their priority puts them before the zone's own refusals.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from provision.model.actions import Run, Step
from provision.model.facts import Fact, Known, Unknown
from provision.model.firewall import SWARM_PORTS, address, is_v6
from provision.model.manifest import Entry, record
from provision.model.netfilter import effective
from provision.model.observed import FirewallState, Protocol, Rule

LIST = "/etc/swarmlay/firewalld"
_TITLE = re.compile(r"^(\S+)(?: \(([a-z, ]+)\))?$")
_RICH = re.compile(
    r'rule(?: priority="(?P<priority>-?\d+)")?(?: family="ipv[46]")?'
    r'(?: source address="(?P<source>[0-9a-fA-F.:/]+)")?'
    r'(?: port port="(?P<port>\d+)(?:-(?P<last>\d+))?" protocol="(?P<protocol>tcp|udp)"'
    r'| protocol value="(?P<value>esp)")?'
    r"(?: log.*?)? (?P<verdict>accept|drop|reject)\b.*"
)
_SERVICE: tuple[tuple[int, Protocol], ...] = (
    (2377, "tcp"), (7946, "tcp"), (7946, "udp"), (4789, "udp"), (0, "esp"),
)  # fmt: skip
_EVERYBODY: Final = ("0.0.0.0/0", "::/0")
_LONG = 256
# $1 is "add" or "remove", $2 the cluster, $3 the zone, then its rules. The list comes first and
# goes last. firewalld copies a zone's file when something is kept in it for the first time; a copy
# that says what the original says is not left behind.
_CHANGE = rf"""
set -u
verb=$1; cluster=$2; zone=$3; shift 3
list={LIST}; file=/etc/firewalld/zones/$zone.xml; original=/usr/lib/firewalld/zones/$zone.xml
failed=0
if [ "$verb" = add ]; then
    mkdir -p /etc/swarmlay
    [ -e "$list" ] || echo "cluster $cluster" >"$list"
    [ -e "$file" ] || grep -qx "copied $zone" "$list" || echo "copied $zone" >>"$list"
    for rule; do
        grep -qxF -e "$zone $rule" "$list" || echo "$zone $rule" >>"$list"
    done
    sync "$list"
fi
for rule; do
    shift
    set -- "$@" "--$verb-rich-rule=$rule"
done
for kept in "" --permanent; do
    said=$(firewall-cmd -q $kept "--zone=$zone" "$@" 2>&1) && continue
    case $said in
    *ALREADY_ENABLED*|*NOT_ENABLED*) ;;
    *) echo "$zone: $said" >&2; failed=1 ;;
    esac
done
[ "$failed" = 0 ] || exit 1
[ "$verb" = remove ] && [ -e "$list" ] || exit 0
for option; do
    grep -vxF -e "$zone ${{option#*=}}" "$list" >"$list.new"
    mv -f "$list.new" "$list"
done
grep -q "^$zone rule " "$list" && exit 0
same() {{ tr -d ' \t\n' <"$1" | cksum; }}
if grep -qx "copied $zone" "$list" && [ -e "$file" ] && [ -e "$original" ] &&
    [ "$(same "$file")" = "$(same "$original")" ]; then rm -f "$file" "$file.old"; fi
grep -q ' rule ' "$list" && exit 0
rm -f "$list"
rmdir /etc/swarmlay 2>/dev/null
exit 0
"""


@dataclass(frozen=True, slots=True)
class _Zone:
    """A zone as ``--list-all-zones`` prints it."""

    name: str
    active: bool
    settings: Mapping[str, str]
    rich: tuple[str, ...]


class Firewalld:
    """firewalld while it runs."""

    name = "firewalld"
    script: ClassVar[str] = r"""
if command -v firewall-cmd >/dev/null; then
    echo '@@ firewalld'
    tries=20
    until state=$(firewall-cmd --state 2>&1) || [ "$((tries -= 1))" = 0 ]; do
        case $(systemctl is-active firewalld) in active|activating) ;; *) break ;; esac
        sleep 0.3
    done
    case $state in
    running) echo running ;;
    *) systemctl --quiet is-active firewalld && echo "active: $state" ;;
    esac
    if [ "$state" = running ]; then
        echo '@@ firewalld default'; firewall-cmd --get-default-zone 2>&1
        echo '@@ firewalld now'; firewall-cmd --list-all-zones 2>&1
        echo '@@ firewalld kept'; firewall-cmd --permanent --list-all-zones 2>&1
        if [ -r /etc/swarmlay/firewalld ]; then
            echo '@@ firewalld ours'; cat /etc/swarmlay/firewalld; fi
    fi
fi
"""

    def recognise(self, reading: Mapping[str, str]) -> Fact[FirewallState] | None:
        """In force as soon as its daemon says so."""
        said = reading.get("firewalld", "").strip()
        if said.startswith("active: "):
            return Unknown(f"firewalld is {said}")
        if said != "running":
            return None
        default = reading.get("firewalld default", "").strip()
        zones = {zone.name: zone for zone in _zones(reading.get("firewalld now", ""))}
        if default not in zones:
            return Unknown(f"firewalld runs, and its zones could not be read ({default!r})")
        return Known(_state(zones, default, reading))

    def open(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Now and for good, in every zone."""
        listed = record(cluster, Entry("file", LIST))
        return (listed, *_changes("add", cluster, state, rules))

    def close(self, state: FirewallState, cluster: str, rules: Sequence[Rule]) -> tuple[Step, ...]:
        """Exactly the rules that were added."""
        return _changes("remove", cluster, state, rules)

    def commands(
        self, state: FirewallState, cluster: str, rules: Sequence[Rule], *, close: bool = False
    ) -> tuple[str, ...]:
        """The same, to be typed without ``--permanent`` as well."""
        del cluster
        verb = "remove" if close else "add"
        return tuple(
            shlex.join(
                ("firewall-cmd", "--permanent", f"--zone={zone}", f"--{verb}-rich-rule={rich}")
            )
            for zone, rich in _pairs(state, rules)
        )


def _changes(
    verb: str, cluster: str, state: FirewallState, rules: Sequence[Rule]
) -> tuple[Step, ...]:
    """All rules of a zone at once: each call of firewall-cmd starts Python."""
    words = [_words(rule) for rule in rules]
    return tuple(
        Run(("sh", "-s", "--", verb, cluster, zone, *words), stdin=_CHANGE, timeout=300.0)
        for zone in state.variant.split("+")
    )


def _pairs(state: FirewallState, rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """Zone and words of each rule."""
    zones = state.variant.split("+")
    return [(zone, _words(rule)) for rule in rules for zone in zones]


def _words(rule: Rule) -> str:
    """As firewalld prints it, so that it is found again."""
    v6 = is_v6(rule.source)
    source = address(rule.source).removesuffix("/128" if v6 else "/32")
    port = f'port port="{rule.port}" protocol="{rule.protocol}"'
    service = 'protocol value="esp"' if rule.protocol == "esp" else port
    family = "ipv6" if v6 else "ipv4"
    return f'rule priority="-1" family="{family}" source address="{source}" {service} accept'


def _zones(text: str) -> Iterator[_Zone]:
    """Zones stand at the margin, their settings two spaces in, rich rules behind a tab."""
    name, active, settings, rich = "", False, dict[str, str](), list[str]()
    for line in [*text.splitlines(), "end"]:
        title = _TITLE.match(line)
        if title:
            if settings:
                yield _Zone(name, active, settings, tuple(rich))
            name, active = title[1], "active" in (title[2] or "")
            settings, rich = {}, []
        elif line.startswith("\t"):
            rich.append(line.strip())
        elif line.startswith("  "):
            key, _, value = line.strip().partition(":")
            settings[key] = value.strip()


def _state(zones: Mapping[str, _Zone], default: str, reading: Mapping[str, str]) -> FirewallState:
    """Peers come in through the default zone or any that has an interface or a source."""
    used = [zone for zone in zones.values() if zone.active or zone.name == default]
    doors = [zone for zone in used if zone.settings.get("target") != "ACCEPT"]
    cluster, listed = _listed(reading.get("firewalld ours", ""))
    accepted = [_accepted(zone, cluster, listed) for zone in doors]
    kept = {zone.name: zone for zone in _zones(reading.get("firewalld kept", ""))}
    rules = [rule for rule in (accepted[0] if accepted else ()) if all(rule in a for a in accepted)]
    ours = [pair for zone in doors for pair in _ours(zone, listed)]
    refused = [pair for zone in doors for pair in _refusals(zone)]
    return FirewallState(
        "firewalld",
        filtering=bool(doors),
        filtering_v6=bool(doors),
        rules=tuple(dict.fromkeys(rules)),
        drops=tuple(line for rule, line in refused if rule.port in SWARM_PORTS),
        dropped=tuple(rule for rule, _ in refused),
        persistent=all(name in kept and rich in kept[name].rich for name, rich in ours),
        variant="+".join(zone.name for zone in doors),
        detail=f"firewalld runs; zones {', '.join(zone.name for zone in doors)}",
    )


def _listed(text: str) -> tuple[str, frozenset[str]]:
    """The cluster and the lines (zone and rule) of our list on the host."""
    head, *lines = text.splitlines() or [""]
    return head.removeprefix("cluster ").strip(), frozenset(lines)


def _ours(zone: _Zone, listed: frozenset[str]) -> Iterator[tuple[str, str]]:
    return ((zone.name, rich) for rich in zone.rich if f"{zone.name} {rich}" in listed)


def _accepted(zone: _Zone, cluster: str, listed: frozenset[str]) -> set[Rule]:
    """What gets in: a zone refuses first, but for rules of ours, which come before."""
    mine = [rich for _, rich in _ours(zone, listed)]
    ours = {_as_ours(rule, cluster) for rich in mine for rule, _ in _read(rich)}
    others = [pair for rich in zone.rich if rich not in mine for pair in _read(rich)]
    theirs = [rule for rule, verdict in others if verdict == "accept"]
    everybody = [
        Rule(port, protocol, source, ours=False)
        for port, protocol in _open_to_all(zone)
        for source in _EVERYBODY
    ]
    refused = [rule for rule, _ in _refusals(zone)]
    return ours | set(effective([*theirs, *everybody], refused))


def _as_ours(rule: Rule, cluster: str) -> Rule:
    return Rule(rule.port, rule.protocol, rule.source, ours=True, cluster=cluster)


def _refusals(zone: _Zone) -> Iterator[tuple[Rule, str]]:
    return (
        (rule, f"{zone.name}: {rich}")
        for rich in zone.rich
        for rule, verdict in _read(rich)
        if verdict != "accept"
    )


def _open_to_all(zone: _Zone) -> Iterator[tuple[int, Protocol]]:
    for word in zone.settings.get("ports", "").split():
        ports, _, protocol = word.partition("/")
        if protocol in ("tcp", "udp"):
            yield from ((port, protocol) for port in _span(ports))  # type: ignore[misc]
    if "docker-swarm" in zone.settings.get("services", "").split():
        yield from _SERVICE
    if "esp" in zone.settings.get("protocols", "").split():
        yield 0, "esp"


def _span(ports: str) -> Iterable[int]:
    first, _, last = ports.partition("-")
    span = range(int(first), int(last or first) + 1)
    return span if len(span) <= _LONG else [port for port in SWARM_PORTS if port in span]


def _read(rich: str) -> Iterator[tuple[Rule, str]]:
    """A rich rule of a kind we know; one about a service or a mark is nobody's peer."""
    found = _RICH.fullmatch(rich)
    if found is None:
        return
    protocol: Protocol = found["protocol"] or found["value"] or "any"  # type: ignore[assignment]
    last = f"-{found['last']}" if found["last"] else ""
    ports = _span(f"{found['port']}{last}") if found["port"] else [0]
    families = ("::/0",) if 'family="ipv6"' in rich else ("0.0.0.0/0",)
    for source in [address(found["source"])] if found["source"] else families:
        yield from ((Rule(port, protocol, source, ours=False), found["verdict"]) for port in ports)
