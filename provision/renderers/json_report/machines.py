"""Hosts, facts and status as JSON data."""

from dataclasses import fields
from typing import Any

from provision.errors import HostError
from provision.model.facts import Known, Unknown
from provision.model.inventory import Host, Inventory
from provision.model.observed import HostFacts, ObservedState
from provision.model.probes import Answer
from provision.model.report import StatusReport
from provision.renderers.base import ExecReport, FactsReport, HostsReport
from provision.renderers.json_report.plain import plain
from provision.renderers.json_report.shapes import (
    SCHEMA,
    AnswerShape,
    ExecShape,
    FactsShape,
    HostShape,
    HostsShape,
    KnownShape,
    StatusShape,
    UnknownShape,
)


def hosts_data(report: HostsReport) -> HostsShape:
    """The inventory's hosts."""
    inventory = report.inventory
    return {
        "schema": SCHEMA,
        "cluster": inventory.cluster,
        "inventory": inventory.path,
        "hosts": [_host(host, inventory) for host in inventory.hosts],
        "warnings": list(inventory.warnings),
    }


def _host(host: Host, inventory: Inventory) -> HostShape:
    return {
        "name": host.name,
        "role": host.role,
        "address": host.ssh.address,
        "port": host.ssh.port,
        "user": host.ssh.user,
        "private_address": host.private_address,
        "private_interface": host.private_interface,
        "labels": dict(host.labels),
        "groups": [name for name, members in inventory.groups.items() if host.name in members],
    }


def facts_data(report: FactsReport) -> FactsShape:
    """Each host's facts."""
    return {"schema": SCHEMA, "cluster": report.cluster, "hosts": _all_facts(report.observed)}


def status_data(report: StatusReport) -> StatusShape:
    """Each host's facts, and the cluster's."""
    return {
        "schema": SCHEMA,
        "cluster": report.inventory.cluster,
        "hosts": _all_facts(report.observed),
        "swarm": _fact(report.observed.cluster),
    }


def _all_facts(observed: ObservedState) -> dict[str, dict[str, KnownShape | UnknownShape]]:
    return {host: _facts(facts) for host, facts in observed.hosts.items()}


def _facts(facts: HostFacts) -> dict[str, KnownShape | UnknownShape]:
    values = {f.name: getattr(facts, f.name) for f in fields(facts) if f.name != "files"}
    return {
        name: _fact(value) for name, value in values.items() if isinstance(value, Known | Unknown)
    }


def _fact(fact: Known[Any] | Unknown) -> KnownShape | UnknownShape:
    if isinstance(fact, Unknown):
        return {"unknown": fact.reason}
    return {"known": plain(fact.value)}


def exec_data(report: ExecReport) -> ExecShape:
    """Each host's answer."""
    answers = {host: _answer(answer) for host, answer in report.answers.items()}
    return {"schema": SCHEMA, "cluster": report.cluster, "hosts": answers}


def _answer(answer: Answer | HostError) -> AnswerShape:
    if isinstance(answer, HostError):
        return {"exit_code": -1, "stdout": "", "stderr": "", "error": str(answer)}
    return {
        "exit_code": answer.exit_code,
        "stdout": answer.stdout,
        "stderr": answer.stderr,
        "error": "",
    }
