"""What a simulated host answers to the probes of `observe`, in the words of the real tools."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from provision.probes.engine import PATHS
from provision.probes.files import KEYRINGS, TEXTS
from provision.transports.simulated.certificates import node_certificate

if TYPE_CHECKING:
    from provision.transports.simulated.engine import SimulatedEngine
    from provision.transports.simulated.machine import Machine

_OS_RELEASE = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian"""
_ABILITIES = ("vxlan", "br_netfilter", "ip_vs", "esp")


def _system(machine: "Machine") -> Iterator[str]:
    identity = hashlib.sha256(machine.name.encode()).hexdigest()[:32]
    yield f"@@ os\n{_OS_RELEASE}\n@@ architecture\namd64"
    yield f"@@ hostname\n{machine.name}\n@@ machine\n{identity}"


def _kernel(machine: "Machine") -> Iterator[str]:
    del machine
    yield "@@ release\n6.1.0-28-amd64\n@@ able"
    yield from (f"{ability} yes" for ability in _ABILITIES)


def _network(machine: "Machine") -> Iterator[str]:
    subnet = machine.address.rpartition(".")[0]
    links = [_link("lo", "127.0.0.1", 8), _link("eth0", machine.address, 24)]
    routes = [
        {"dst": "default", "dev": "eth0", "gateway": f"{subnet}.1"},
        {"dst": f"{subnet}.0/24", "dev": "eth0", "prefsrc": machine.address},
    ]
    if machine.engine() is not None:
        links.append(_link("docker0", "172.17.0.1", 16))
        routes.append({"dst": "172.17.0.0/16", "dev": "docker0", "prefsrc": "172.17.0.1"})
    yield f"@@ addresses\n{json.dumps(links)}\n@@ routes\n{json.dumps(routes)}"
    yield f"@@ routes6\n[]\n@@ resolv\nnameserver {subnet}.1"


def _link(name: str, address: str, prefix: int) -> dict[str, Any]:
    return {
        "ifname": name,
        "mtu": 1500,
        "address": "02:00:00:00:00:01",
        "flags": ["UP"],
        "addr_info": [{"family": "inet", "local": address, "prefixlen": prefix}],
    }


def _packages(machine: "Machine") -> Iterator[str]:
    yield "@@ packages"
    for name, version in sorted(machine.packages.items()):
        yield f"{'h' if name in machine.held else 'i'}i |{name}|{version}"
    yield "@@ interrupted\n@@ locks\n@@ cloud-init\nabsent"


def _engine(machine: "Machine") -> Iterator[str]:
    engine = machine.engine()
    yield f"@@ binary\n{'/usr/sbin/dockerd' if engine else ''}\n@@ conflicts\n@@ enabled"
    if "docker.service" in machine.units:
        yield "/etc/systemd/system/multi-user.target.wants/docker.service"
    yield f"@@ running\n{'yes' if engine and engine.running else ''}"
    yield f"@@ daemon\n{base64.b64encode(machine.daemon.encode()).decode()}"
    if engine is None:
        return
    if machine.in_swarm:
        yield "@@ docker-state.json\n{}"
        yield f"@@ certificates/swarm-node.crt\n{_certificate(engine)}"
    if engine.running:
        yield from (_http(machine, engine, path) for path in PATHS)


def _certificate(engine: "SimulatedEngine") -> str:
    swarm = engine.swarm.id if engine.swarm else ""
    return node_certificate(swarm, "manager" if engine.manages else "worker", engine.node_id)


def _http(machine: "Machine", engine: "SimulatedEngine", asked: str) -> str:
    parts = urlsplit(asked)
    query = {name: _decoded(value) for name, value in parse_qsl(parts.query)}
    body = _filtered(engine.call("GET", parts.path, query=query), query.get("filters") or {})
    if parts.path == "/info":
        body["LiveRestoreEnabled"] = bool(machine.settings().get("live-restore"))
    head = "HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\r\n"
    return f"\n@@ {asked}\n{head}{json.dumps(body)}"


def _decoded(value: str) -> Any:
    return json.loads(value) if value[:1] in "{[" else value


def _filtered(body: Any, filters: Mapping[str, list[str]]) -> Any:
    """What an engine leaves out: networks of another scope, volumes without a label."""
    if "scope" in filters:
        return [n for n in body if n["Scope"] in filters["scope"]]
    if "label" in filters:
        kept = [v for v in body["Volumes"] if set(filters["label"]) <= set(v.get("Labels") or {})]
        return {**body, "Volumes": kept}
    return body


def _listeners(machine: "Machine") -> Iterator[str]:
    ports = [("tcp", 22, "sshd")]
    if machine.in_swarm:
        ports += [("tcp", 7946, "dockerd"), ("udp", 7946, "dockerd")]
    for protocol, port, process in ports:
        yield f'{protocol} LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("{process}",pid=1,fd=3))'


def _files(machine: "Machine") -> Iterator[str]:
    yield "@@ begin"
    for path in TEXTS:
        if path in machine.files:
            yield f"@@ {path}\n{base64.b64encode(machine.files[path].content).decode()}"
    for path in KEYRINGS:
        if path in machine.files:
            digest = hashlib.sha256(machine.files[path].content).hexdigest()
            yield f"@@ sha256 {path}\n{digest}  -"


def _firewall(machine: "Machine") -> Iterator[str]:
    yield from machine.filter.sections()
    ours = machine.files.get("/etc/swarmlay/firewall")
    if ours is not None:
        yield f"@@ ours\n{ours.content.decode()}"
    if "swarmlay-firewall.service" in machine.units:
        yield "@@ ours at boot"
    yield "@@ end"


DESCRIBED: Mapping[str, Callable[["Machine"], Iterator[str]]] = {
    "system": _system,
    "kernel": _kernel,
    "network": _network,
    "packages": _packages,
    "engine": _engine,
    "listeners": _listeners,
    "files": _files,
    "firewall": _firewall,
}
"""The answer to each probe, by its name."""

__all__ = ["DESCRIBED"]
