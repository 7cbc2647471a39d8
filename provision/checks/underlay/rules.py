"""The firewall rule that blocks a probe, found in the rules as the host prints them."""

from collections.abc import Sequence

# Reading iptables-legacy creates its empty tables where there were none: only if they are used.
SCRIPT = """\
iptables-save 2>/dev/null
[ -s /proc/net/ip_tables_names ] && iptables-legacy-save 2>/dev/null
nft list ruleset 2>/dev/null
exit 0
"""


def blocking_rule(ruleset: str, probe: str, chain: str) -> str:
    """The rule (or policy) of iptables-save or nft output that most likely blocks *probe*."""
    lines = [line.strip() for line in ruleset.splitlines()]
    return _naming(lines, probe, chain) or _policy(lines, chain)


def _naming(lines: Sequence[str], probe: str, chain: str) -> str:
    protocol, _, port = probe.partition("/")
    for line in lines:
        words = line.replace(",", " ").replace("{", " ").replace("}", " ").lower().split()
        blocks = {"drop", "reject"} & set(words)
        elsewhere = line.startswith("-A ") and f"-A {_other(chain)} " in line
        if not blocks or elsewhere or (protocol not in words and "50" not in words):
            continue
        if not port or any(_covers(word, int(port)) for word in words):
            return line
    return ""


def _other(chain: str) -> str:
    return "OUTPUT" if chain == "INPUT" else "INPUT"


def _covers(word: str, port: int) -> bool:
    low, _, high = word.replace("-", ":").partition(":")
    if not low.isdigit() or (high and not high.isdigit()):
        return False
    return int(low) <= port <= int(high or low)


def _policy(lines: Sequence[str], chain: str) -> str:
    for line in lines:
        if line.startswith(f":{chain} DROP"):
            return f"policy of the chain {chain} is DROP and no rule accepts it"
        if f"hook {chain.lower()}" in line and "policy drop" in line:
            return f"{line} (no rule accepts it)"
    for line in lines:
        if line.startswith(f"-A {chain} -j ") and line.split()[-1] in ("DROP", "REJECT"):
            return line
    return ""
