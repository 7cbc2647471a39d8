"""The machines: as the inventory names them, and as they were observed."""

from collections.abc import Callable, Sequence
from typing import Any

from provision.errors import HostError
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, Inventory
from provision.model.observed import HostFacts
from provision.model.probes import Answer
from provision.renderers.base import ExecReport, FactsReport, HostsReport, Screen
from provision.renderers.terminal.plan import heading
from provision.renderers.terminal.text import (
    Line,
    Span,
    bold,
    clean,
    dim,
    line,
    red,
    table,
    wrap,
    yellow,
)


def hosts_lines(report: HostsReport, screen: Screen) -> list[Line]:
    """The inventory's hosts, one a line."""
    inventory = report.inventory
    titles = ("host", "role", "address", "private", "labels", "groups")
    found = [_host(host, inventory) for host in inventory.hosts]
    columns = [at for at in range(len(titles)) if any(row[at] for row in found)]
    head = [dim(titles[at]) for at in columns]
    rows = [[row[at] for at in columns] for row in found]
    lines = [
        line(bold("Cluster"), f" {inventory.cluster}  ", dim(f"from {inventory.path}")),
        line(""),
    ]
    lines += table([head, *rows], indent=2, width=screen.width)
    for warning in inventory.warnings:
        lines += wrap((yellow("! "), Span(warning)), screen.width, hang=2)
    return lines


def _host(host: Host, inventory: Inventory) -> Sequence[str]:
    user = f"{host.ssh.user}@" if host.ssh.user else ""
    port = f":{host.ssh.port}" if host.ssh.port not in (None, 22) else ""
    groups = [name for name, members in inventory.groups.items() if host.name in members]
    return (
        host.name,
        host.role,
        f"{user}{host.ssh.address}{port}",
        host.private_address or host.private_interface or "",
        ", ".join(f"{k}={v}" for k, v in host.labels.items()),
        ", ".join(groups),
    )


def exec_lines(report: ExecReport, screen: Screen) -> list[Line]:
    """What each host said, verbatim but for terminal sequences, under the host's name."""
    alone = len(report.answers) == 1
    lines: list[Line] = []
    for host, answer in report.answers.items():
        lines += [] if alone else [line(bold(host), *_ending(answer))]
        lines += _said(answer, screen, indent=0 if alone else 2)
    return lines


def _ending(answer: Answer | HostError) -> Line:
    if isinstance(answer, HostError):
        return line(red("  not asked"))
    return line(red(f"  ended with {answer.exit_code}")) if answer.exit_code else ()


def _said(answer: Answer | HostError, screen: Screen, indent: int) -> list[Line]:
    if isinstance(answer, HostError):
        hint = f"\n→ {answer.hint}" if answer.hint else ""
        return wrap((red("✗ "), Span(f"{answer}{hint}")), screen.width, indent=indent)
    rows = clean(answer.stdout + answer.stderr).splitlines()
    return [line(" " * indent, row) for row in rows]


def facts_lines(report: FactsReport, screen: Screen) -> list[Line]:
    """Each host's facts, and the reason for each that is not known."""
    lines = [line(bold("Facts"), f" of cluster {report.cluster}")]
    for name, facts in report.observed.hosts.items():
        lines += [*heading(name), *_facts(facts, screen)]
    return lines


def _facts(facts: HostFacts, screen: Screen) -> list[Line]:
    if isinstance(facts.reachable, Unknown):
        hint = f"\n→ {facts.unreachable_hint}" if facts.unreachable_hint else ""
        return wrap(
            (red("✗ "), Span(f"{facts.reachable.reason}{hint}")), screen.width, indent=2, hang=4
        )
    rows = []
    for name, words in _WORDS.items():
        fact = getattr(facts, name)
        known = isinstance(fact, Known)
        rows.append(
            (
                dim(name.replace("_", " ")),
                words(fact.value) if known else yellow(f"? {fact.reason}"),
            )
        )
    return table(rows, indent=2, width=screen.width)


def _os(value: Any) -> str:
    return value.pretty or f"{value.id} {value.version_id}"


def _kernel(value: Any) -> str:
    able = [name for name, yes in value.able.items() if yes]
    lacks = [name for name, yes in value.able.items() if not yes]
    return f"{value.release}; has {', '.join(able) or 'nothing asked for'}" + (
        f"; lacks {', '.join(lacks)}" if lacks else ""
    )


def _interfaces(value: Any) -> str:
    rows = [f"{i.name} {' '.join(i.addresses)} mtu {i.mtu}" for i in value if i.up and i.addresses]
    return "\n".join(rows) or "none with an address"


def _routes(value: Any) -> str:
    return "\n".join(f"{r.destination} via {r.gateway or 'the link'} on {r.device}" for r in value)


def _clock(value: Any) -> str:
    return f"{value.offset:+.3f} s against this machine"


def _packages(value: Any) -> str:
    have = ", ".join(f"{name} {version}" for name, version in value.installed.items())
    parts = [have or "no engine package", f"cloud-init {value.cloud_init}"]
    parts += [f"locked by {value.locked_by}"] if value.locked_by else []
    parts += ["dpkg was interrupted"] if value.interrupted else []
    return "; ".join(parts)


def _firewall(value: Any) -> str:
    parts = [value.backend, "filtering" if value.filtering else "not filtering"]
    parts += [] if value.supported else [f"not supported ({value.detail})"]
    return "; ".join([*parts, *(f"drops: {rule}" for rule in value.drops)])


def _engine(value: Any) -> str:
    if value is None:
        return "none"
    state = "running" if value.running else f"stopped ({value.problem})"
    return f"{value.version} {value.package} {state}; {len(value.running_containers)} containers"


def _swarm(value: Any) -> str:
    if value is None:
        return "none (no engine)"
    role = ", manager" if value.manager else ""
    parts = [
        f"{value.state}{role}",
        value.error,
        value.node_id and f"node {value.node_id}",
        value.node_address,
    ]
    return "; ".join(filter(None, parts))


def _names(value: Any) -> str:
    return ", ".join(map(str, value)) or "none"


def _containers(value: Any) -> str:
    return ", ".join(f"{c.name} ({c.state})" for c in value) or "none"


def _listeners(value: Any) -> str:
    return ", ".join(f"{w.port}/{w.protocol} {w.process}".strip() for w in value) or "none"


def _manifest(value: Any) -> str:
    return "none" if value is None else f"{len(value.get('entries', ()))} things of swarmlay's"


_WORDS: dict[str, Callable[[Any], str]] = {
    "os": _os,
    "architecture": str,
    "hostname": str,
    "machine_id": str,
    "kernel": _kernel,
    "interfaces": _interfaces,
    "routes": _routes,
    "nameservers": _names,
    "clock": _clock,
    "packages": _packages,
    "firewall": _firewall,
    "engine": _engine,
    "conflicts": _names,
    "swarm": _swarm,
    "containers": _containers,
    "listeners": _listeners,
    "manifest": _manifest,
}
