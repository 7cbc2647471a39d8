"""The lab's bridge and what the machine must let through for it."""

import json
import shlex
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provision.errors import ActionFailed
from provision.lab.commands import attempt, run, succeeds
from provision.lab.spec import rule_comment
from provision.lab.subnets import hardware_address

IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
NETNS = Path("/run/netns")
_TABLES = ("filter", "nat")


@dataclass(frozen=True, slots=True)
class Rule:
    """One iptables rule of a lab."""

    table: str
    chain: str
    words: tuple[str, ...]


def rules(lab: str, bridge: str, subnet: str, address: str, port: int) -> tuple[Rule, ...]:
    """What lets the lab's hosts reach each other, the world and the registry, and answers back.

    First in their chains, since a machine with Docker or a firewall drops what it does not know.
    """
    comment = ("-m", "comment", "--comment", rule_comment(lab))
    answers = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
    nat = ("-s", subnet, "!", "-d", subnet, *comment, "-j", "MASQUERADE")
    registry = ("-i", bridge, "-d", f"{address}/32", "-p", "tcp", "-m", "tcp", "--dport", str(port))
    names = ("-i", bridge, "-d", f"{address}/32", "-p", "udp", "-m", "udp", "--dport", "53")
    return (
        Rule("nat", "POSTROUTING", nat),
        Rule("filter", "FORWARD", ("-o", bridge, *answers, *comment, "-j", "ACCEPT")),
        Rule("filter", "FORWARD", ("-i", bridge, *comment, "-j", "ACCEPT")),
        Rule("filter", "INPUT", (*registry, *comment, "-j", "ACCEPT")),
        # Where no nameserver works, hosts ask the bridge and must hear "no" at once, not nothing.
        Rule("filter", "INPUT", (*names, *comment, "-j", "REJECT")),
    )


def add_rules(wanted: Iterable[Rule]) -> None:
    """Put in place what is not there yet."""
    for rule in wanted:
        where = ("-t", rule.table)
        if not succeeds(["iptables", "-w", *where, "-C", rule.chain, *rule.words]):
            run(["iptables", "-w", *where, "-I", rule.chain, "1", *rule.words])


def remove_rules(lab: str) -> None:
    """Remove every rule that carries the lab's comment."""
    for table in _TABLES:
        for words in deletions(run(["iptables-save", "-t", table]), rule_comment(lab)):
            attempt(["iptables", "-w", "-t", table, *words])


def deletions(saved: str, comment: str) -> tuple[tuple[str, ...], ...]:
    """From ``iptables-save``: the words that delete each rule whose comment is *comment*."""
    found = []
    for line in saved.splitlines():
        words = shlex.split(line)
        if words[:1] == ["-A"] and _comment(words) == comment:
            found.append(("-D", *words[1:]))
    return tuple(found)


def _comment(words: list[str]) -> str:
    with suppress(ValueError, IndexError):
        return words[words.index("--comment") + 1]
    return ""


def tables_in_use() -> tuple[str, ...]:
    """The iptables tables that exist: with nf_tables the first rule brings one into being."""
    saved = run(["iptables-save"])
    return tuple(table for table in _TABLES if f"*{table}\n" in saved)


def drop_empty_tables(keep: Iterable[str]) -> None:
    """Remove the tables that the labs brought and in which nobody else has put a rule since."""
    for table in set(_TABLES) - set(keep):
        saved = run(["iptables-save", "-t", table])
        if "\n-A " in saved or _odd_policy(saved):
            continue
        if succeeds(["iptables", "-w", "-t", table, "-X"]):
            with suppress(ActionFailed):
                attempt(["nft", "delete", "table", "ip", table])


def _odd_policy(saved: str) -> bool:
    """Whether the table has chains of somebody's, or a policy other than ACCEPT."""
    chains = [line.split() for line in saved.splitlines() if line.startswith(":")]
    return any(policy != "ACCEPT" for _, policy, *_ in chains)


def make_bridge(name: str, address: str, prefix: int, mtu: int) -> None:
    """The lab's bridge, up and with its address; one that is there is completed."""
    if not succeeds(["ip", "link", "show", "dev", name]):
        mac = hardware_address(address)  # a bridge without one of its own takes a port's
        run(["ip", "link", "add", name, "address", mac, "mtu", str(mtu), "type", "bridge"])
    run(["ip", "addr", "replace", f"{address}/{prefix}", "dev", name])
    run(["ip", "link", "set", name, "up"])


def links(bridge: str) -> tuple[str, ...]:
    """A lab's interfaces on the machine: the hosts' cables first, then the bridge."""
    found = json.loads(run(["ip", "-j", "link", "show"]) or "[]")
    names = sorted((link["ifname"] for link in found), reverse=True)
    return tuple(name for name in names if name == bridge or name.startswith(f"{bridge}_"))


def remove_links(names: Iterable[str]) -> None:
    """Remove interfaces; one whose other end has gone has gone, too."""
    for name in names:
        attempt(["ip", "link", "del", name])


def remove_namespaces(prefix: str) -> None:
    """Remove the network namespaces whose name starts with *prefix*."""
    for path in NETNS.glob(f"{prefix}*"):
        attempt(["ip", "netns", "del", path.name])


def netns_is_mounted() -> bool:
    """Whether ``ip netns`` was ever used here: it bind-mounts its folder and leaves that."""
    mounts = Path("/proc/self/mounts").read_text()
    return any(line.split()[1] == str(NETNS) for line in mounts.splitlines())


def make_netns_folder() -> None:
    """What the first ``ip netns add`` does to its folder; several at once would do it twice."""
    NETNS.mkdir(mode=0o755, exist_ok=True)
    if not netns_is_mounted():
        run(["mount", "--no-mtab", "--bind", str(NETNS), str(NETNS)])
        run(["mount", "--no-mtab", "--make-shared", str(NETNS)])


def forget_netns_folder(*, mounted: bool, present: bool) -> None:
    """Undo what the first ``ip netns add`` did to its folder, unless somebody uses it by now."""
    if any(NETNS.glob("*")):
        return
    while not mounted and netns_is_mounted() and succeeds(["umount", "--no-mtab", str(NETNS)]):
        pass  # once for each time it was mounted
    if not present:
        with suppress(OSError):
            NETNS.rmdir()


def routes() -> str:
    """All routes of the machine, of every table."""
    return run(["ip", "-4", "route", "show", "table", "all"])
