"""The floor: the least that does the whole job with paramiko. No product; a bound to compare with.

    python -m bench.floor up|down USER KEY KNOWN_HOSTS MANAGER WORKER...

The job: Docker's package and service looked at, four firewall rules, swarm init and joins, two
attachable overlays, a service of three replicas waited for. No plan, no ownership, no lock, no
second look, and any surprise ends it. One connection a host, one script, and the Engine API over
a channel of the same connection.
"""

import http.client
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import paramiko
from paramiko.channel import Channel
from paramiko.common import cMSG_CHANNEL_OPEN
from paramiko.message import Message

PORTS = ("tcp 2377", "tcp 7946", "udp 7946", "udp 4789")
NETWORKS = ("net1", "net2")
SERVICE: dict[str, Any] = {
    "Name": "web",
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "alpine",
            "Args": ["sleep", "infinity"],
            "StopGracePeriod": 10**9,
        },
        "Networks": [{"Target": "net1"}],
    },
    "Mode": {"Replicated": {"Replicas": 3}},
    "EndpointSpec": {"Mode": "dnsrr"},
}
LOOK = """
dpkg-query -W -f '${Status}' docker.io | grep -q 'ok installed' ||
  apt-get install -y docker.io || exit 2
systemctl is-active --quiet docker || systemctl start docker || exit 3
have=$(iptables -w -S INPUT)
while read -r proto port; do
  case $have in *"-p $proto -m $proto --dport $port -j ACCEPT"*) ;;
  *) iptables -w -I INPUT -p $proto --dport $port -j ACCEPT || exit 4;; esac
done
"""
CLOSE = "while read -r p d; do iptables -w -D INPUT -p $p --dport $d -j ACCEPT; done"


class Prompt:
    """A socket that answers at once: without it every exchange waits 40 ms for a delayed ACK."""

    def __init__(self, address: str) -> None:
        self._socket = socket.create_connection((address, 22), 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        """Receive, and ask for quick ACKs again (Linux forgets)."""
        data = self._socket.recv(size)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class Host:
    """One host: a connection, and on it a channel to the engine's socket."""

    def __init__(
        self, address: str, user: str, key: paramiko.PKey, known: paramiko.HostKeys
    ) -> None:
        self.address = address
        self.transport = paramiko.Transport(Prompt(address))  # type: ignore[arg-type]
        self.transport.start_client(timeout=30)
        if not known.check(address, self.transport.get_remote_server_key()):
            sys.exit(f"{address}: unknown host key")
        self.transport.auth_publickey(user, key)
        self._engine = http.client.HTTPConnection("engine")

    def sh(self, script: str, stdin: str = "") -> None:
        """Run a script as root."""
        channel = self.transport.open_session()
        channel.exec_command(shlex.join(("sudo", "-n", "sh", "-c", script)))
        channel.sendall(stdin.encode())
        channel.shutdown_write()
        channel.makefile("rb").read()
        if channel.recv_exit_status():
            sys.exit(f"{self.address}: script ended with {channel.recv_exit_status()}")

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the Engine API."""
        if self._engine.sock is None:
            self._engine.sock = self._streamlocal("/var/run/docker.sock")
        data = None if body is None else json.dumps(body)
        self._engine.request(method, f"/v1.41{path}", data, {"Content-Type": "application/json"})
        answer = self._engine.getresponse()
        text = answer.read()
        if answer.status >= 300:  # noqa: PLR2004 - HTTP
            raise RuntimeError(f"{self.address} {method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text) if text.strip() else None

    def _streamlocal(self, path: str) -> Any:
        """A channel to a Unix socket: paramiko has no word for it, so we say it byte by byte."""
        t: Any = self.transport
        with t.lock:
            number, window, packet = t._next_channel(), 2**21, 2**15
            message = Message()
            message.add_byte(cMSG_CHANNEL_OPEN)
            message.add_string("direct-streamlocal@openssh.com")
            for value in (number, window, packet):
                message.add_int(value)
            message.add_string(path)
            message.add_string("")
            message.add_int(0)
            channel: Any = Channel(number)
            t._channels.put(number, channel)
            opened = t.channel_events[number] = threading.Event()
            t.channels_seen[number] = True
            channel._set_transport(t)
            channel._set_window(window, packet)
        t._send_user_message(message)
        opened.wait(15)
        if t._channels.get(number) is None:
            sys.exit(f"{self.address}: no way to {path}")
        return channel


def everywhere(what: Callable[[Any], Any], things: Sequence[Any]) -> list[Any]:
    """Do it for all at once."""
    with ThreadPoolExecutor(max(len(things), 1)) as pool:
        return list(pool.map(what, things))


def up(manager: Host, hosts: Sequence[Host]) -> None:
    """From hosts with an engine to a service that runs."""

    def look(host: Host) -> str:
        host.sh(LOOK, "\n".join(PORTS) + "\n")
        return str(host.api("GET", "/info")["Swarm"]["LocalNodeState"])

    states = everywhere(look, hosts)
    listen = {"ListenAddr": "0.0.0.0:2377"}
    if states[0] != "active":
        manager.api("POST", "/swarm/init", {**listen, "AdvertiseAddr": manager.address})
    todo = [
        h for h, state in zip(hosts, states, strict=True) if state != "active" and h is not manager
    ]
    if todo:
        token = manager.api("GET", "/swarm")["JoinTokens"]["Worker"]
        join = {**listen, "RemoteAddrs": [f"{manager.address}:2377"], "JoinToken": token}
        everywhere(
            lambda h: h.api("POST", "/swarm/join", {**join, "AdvertiseAddr": h.address}), todo
        )
    have = {network["Name"] for network in manager.api("GET", "/networks")}
    for name in NETWORKS:
        if name not in have:
            body = {"Name": name, "Driver": "overlay", "Attachable": True, "CheckDuplicate": True}
            manager.api("POST", "/networks/create", body)
    if not any(s["Spec"]["Name"] == "web" for s in manager.api("GET", "/services")):
        manager.api("POST", "/services/create", SERVICE)
    until(lambda: sum(t["Status"]["State"] == "running" for t in manager.api("GET", "/tasks")) >= 3)  # noqa: PLR2004


def down(manager: Host, hosts: Sequence[Host]) -> None:
    """Back to hosts with an engine."""
    workers = [host for host in hosts if host is not manager]
    manager.api("DELETE", "/services/web")

    def leave(host: Host) -> None:
        host.api("POST", "/swarm/leave")
        host.sh(CLOSE, "\n".join(PORTS) + "\n")

    everywhere(leave, workers)
    for name in NETWORKS:
        until(partial(_gone, manager, name))
    manager.api("POST", "/swarm/leave?force=1")
    manager.sh(CLOSE, "\n".join(PORTS) + "\n")


def _gone(manager: Host, network: str) -> bool:
    try:
        manager.api("DELETE", f"/networks/{network}")
    except RuntimeError:
        return False
    return True


def until(holds: Callable[[], bool], patience: float = 60.0) -> None:
    """Ask again and again."""
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            sys.exit("waited in vain")
        time.sleep(0.1)


def main(words: Sequence[str]) -> None:
    """One run."""
    verb, user, key_file, known_file, *addresses = words
    key, known = paramiko.Ed25519Key.from_private_key_file(key_file), paramiko.HostKeys(known_file)
    hosts = everywhere(lambda address: Host(address, user, key, known), addresses)
    {"up": up, "down": down}[verb](hosts[0], hosts)
    sys.stdout.flush()
    os._exit(0)  # threads of the connections are not worth waiting for


if __name__ == "__main__":
    main(sys.argv[1:])
