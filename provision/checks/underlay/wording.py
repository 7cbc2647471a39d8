"""What was found out about a probe, in words, and what to type about it."""

from collections.abc import Mapping

from provision.checks.underlay.judging import (
    ESP,
    GOSSIP_PORT,
    LAYER,
    MANAGER_PORT,
    Blocker,
    Verdict,
)
from provision.checks.underlay.rules import blocking_rule
from provision.model.findings import Cell, State


def cell(verdict: Verdict, rules: Mapping[str, str]) -> Cell:
    """The verdict in words; *rules* are the firewall rules of `suspects`."""
    v = verdict
    reason, hint = _reason(v, rules), _hint(v)
    return Cell(
        layer=LAYER,
        subject=_title(v.probe),
        probe=v.probe,
        source=v.source.name,
        target=v.target.name,
        state=v.state,
        expected="arrives" if v.state is not State.UNKNOWN else "",
        found=_found(v),
        reason=reason,
        ms=v.ms,
        command=_command(v),
        hint=hint,
    )


def _title(probe: str) -> str:
    names = {f"tcp/{MANAGER_PORT}": "managers", ESP: "encryption"}
    return names.get(probe, "gossip" if probe.endswith(f"/{GOSSIP_PORT}") else "VXLAN")


def _found(v: Verdict) -> str:
    if v.state is State.UNKNOWN:
        return ""
    if v.state is State.OK:
        return "arrives"
    if v.blocker is Blocker.REWRITTEN:
        return f"arrives from {v.detail}"
    return v.detail or "never arrives"


def _command(v: Verdict) -> str:
    protocol, _, port = v.probe.partition("/")
    if protocol == "tcp":
        return f"nc -vz -w 2 {v.target.address} {port}"
    what = f"udp port {port}" if port else "ip proto 50"
    return f"tcpdump -ni any {what} and src host {v.source.address}"


def _wire(probe: str) -> str:
    protocol, _, port = probe.partition("/")
    return f"{protocol.upper()} {port}" if port else "ESP (IP protocol 50)"


def _reason(v: Verdict, rules: Mapping[str, str]) -> str:
    if v.state is State.OK:
        return ""
    if v.state is State.UNKNOWN:
        return v.detail
    a, b = v.source.name, v.target.name
    head = f"{_wire(v.probe)} from {a} ({v.source.address}) to {b} ({v.target.address}): "
    return head + _who(v, rules)


_SAYS: Mapping[Blocker, str] = {
    Blocker.NETWORK: "the network between them blocks it: it left {a} and never reached {b}{said}",
    Blocker.NETWORK_BACK: "the network between them blocks the answer from {b} to {a}{said}",
    Blocker.RECEIVER: "{b}'s own firewall blocks it: it reached {b} and got no further{rule}{said}",
    Blocker.RECEIVER_BACK: "{b}'s own firewall blocks the answer: it never left {b}{rule}{said}",
    Blocker.SENDER: "{a}'s own firewall does not let it out{rule}{said}",
    Blocker.NO_ROUTE: (
        "nothing at all gets from {a} to that address: no route, or nobody answers for it{said}"
    ),
    Blocker.SENDER_BACK: (
        "{a}'s own firewall blocks the answer: it reached {a} and got no further{rule}{said}"
    ),
    Blocker.REWRITTEN: (
        "it arrives from {detail}, not from the address {a} advertises; VXLAN drops that silently"
        " (NAT between the hosts, or a route with another source address)"
    ),
    Blocker.NOT_LISTENING: "nothing listens there on {b}{said}",
}


def _who(v: Verdict, rules: Mapping[str, str]) -> str:
    said = f" ({v.detail})" if v.detail else ""
    if v.blocker is None:
        return f"it does not arrive, and who blocks it could not be watched{said}"
    names = {"a": v.source.name, "b": v.target.name, "detail": v.detail, "said": said}
    return _SAYS[v.blocker].format(**names, rule=_rule(v, rules))


def _rule(v: Verdict, rules: Mapping[str, str]) -> str:
    """The rule to blame, of the host and the chain that block."""
    here, there = v.source.name, v.target.name
    places = {
        Blocker.RECEIVER: (there, "INPUT"),
        Blocker.RECEIVER_BACK: (there, "OUTPUT"),
        Blocker.SENDER: (here, "OUTPUT"),
        Blocker.SENDER_BACK: (here, "INPUT"),
    }
    if v.blocker not in places:
        return ""
    host, chain = places[v.blocker]
    found = blocking_rule(rules.get(host, ""), v.probe, chain)
    return f"; rule: {found}" if found else ""


_TO_DO: Mapping[Blocker, str] = {
    Blocker.NETWORK: "Open it in the network between the hosts. On EC2: {aws}",
    Blocker.NETWORK_BACK: "Open it in the network between the hosts. On EC2: {aws}",
    Blocker.RECEIVER: "Accept it in {b}'s firewall, from {from_} only.",
    Blocker.RECEIVER_BACK: "Accept it in {b}'s firewall, for {from_} only.",
    Blocker.SENDER: "Accept it in {a}'s firewall, for {to} only.",
    Blocker.SENDER_BACK: "Accept it in {a}'s firewall, from {to} only.",
    Blocker.NO_ROUTE: "Is {to} an address of {b}, in a network that both share?",
    Blocker.REWRITTEN: "Advertise {detail} on {a}, or make its route use the one it advertises.",
    Blocker.NOT_LISTENING: "Which process holds the port on {b}? Ask there: ss -lntup",
}


def _hint(v: Verdict) -> str:
    if v.blocker is None:
        return ""
    return _TO_DO[v.blocker].format(
        a=v.source.name,
        b=v.target.name,
        from_=v.source.address,
        to=v.target.address,
        detail=v.detail,
        aws=_aws(v.probe),
    )


def _aws(probe: str) -> str:
    command = "aws ec2 authorize-security-group-ingress --group-id <group>"
    protocol, _, port = probe.partition("/")
    if port:
        return f"{command} --protocol {protocol} --port {port} --source-group <group>"
    pairs = "UserIdGroupPairs=[{GroupId=<group>}]"
    return f"{command} --ip-permissions 'IpProtocol=50,{pairs}'"
