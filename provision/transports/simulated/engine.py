"""A Docker engine in memory, behind the same `EngineApi` as a real one."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import inside
from provision.transports.simulated.cluster import World
from provision.transports.simulated.objects import ClusterObjects, HostObjects
from provision.transports.simulated.rest import Call, Refusal, Routes
from provision.transports.simulated.stored import StoredObjects
from provision.transports.simulated.swarm import Orchestrator, Swarm

_READ_FROM_WORKERS = "This node is not a swarm manager. Worker nodes can't be used to view or \
modify cluster state. Please run this command on a manager node or promote the current node to \
a manager."
_NO_SWARM = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" \
to connect this node to swarm and try again.'


class SimulatedEngine:
    """One host's engine.

    Attributes:
        swarm: the swarm it is a node of.
        state: its LocalNodeState; a test may set ``pending``, ``error`` or ``locked``.
        running: whether the daemon runs.
        calls: every request, for tests that count them.
    """

    def __init__(self, world: World, hostname: str, address: str, version: str) -> None:
        self.world = world
        self.hostname = hostname
        self.address = address
        self.version = version
        self.swarm: Swarm | None = None
        self.node_id = ""
        self.state = "inactive"
        self.error = ""
        self.running = True
        self.calls: list[tuple[str, str]] = []
        self.objects = HostObjects(self)
        self._routes = self._routed()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Any:
        """Answer a request; see `provision.transports.docker_api.EngineApi`."""
        del headers, timeout
        try:
            return copy.deepcopy(self.handle(method, path, query or {}, copy.deepcopy(body)))
        except Refusal as refusal:
            raise EngineError(refusal.status, refusal.message, where=self.hostname) from refusal

    def read(
        self, method: str, path: str, *, query: Mapping[str, Any], timeout: float = 60.0
    ) -> bytes:
        """Answer a request for a log."""
        found = self.call(method, path, query=query, timeout=timeout)
        return found.encode() if isinstance(found, str) else json.dumps(found).encode()

    def handle(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Any:
        """Answer, or raise `Refusal`: what a server in front of this engine calls."""
        with self.world.lock:
            self.world.tick()
            self.calls.append((method, path))
            if self.swarm is not None:
                self.orchestrator(self.swarm).settle()
            return self._routes.answer(method, path, query, body)

    def stop(self) -> None:
        """The daemon ends: its containers with it, and its node goes down."""
        with self.world.lock:
            self.running = False
            if self.node is not None:
                self.node["Status"]["State"] = "down"
            for container in self.objects.containers.values():
                container["State"].update(Status="exited", Running=False)

    def start(self) -> None:
        """The daemon runs, and its node is back."""
        with self.world.lock:
            self.running = True
            if self.node is not None:
                self.node["Status"]["State"] = "ready"

    def orchestrator(self, swarm: Swarm) -> Orchestrator:
        """What turns services into tasks."""
        return Orchestrator(swarm, self.world.has_image, self.world.new_id, self.world.now)

    @property
    def node(self) -> dict[str, Any] | None:
        """Swarm's record of this engine."""
        return self.swarm.nodes.get(self.node_id) if self.swarm else None

    @property
    def manages(self) -> bool:
        """Whether it is a manager."""
        return bool(inside(self.node, "Spec", "Role") == "manager")

    def managed(self) -> Swarm:
        """The swarm, for what only managers answer."""
        if self.swarm is None:
            raise Refusal(503, _NO_SWARM)
        if not self.manages:
            raise Refusal(503, _READ_FROM_WORKERS)
        return self.swarm

    def _routed(self) -> Routes:
        routes = Routes()
        routes.add("GET", "/info", self._info)
        routes.add("POST", "/swarm/init", self._init)
        routes.add("POST", "/swarm/join", self._join)
        routes.add("POST", "/swarm/leave", self._leave)
        routes.add("GET", "/swarm", self._inspect_swarm)
        routes.add("POST", "/swarm/update", self._update_swarm)
        ClusterObjects(self).add_to(routes)
        StoredObjects(self, "config").add_to(routes)
        StoredObjects(self, "secret").add_to(routes)
        self.objects.add_to(routes)
        return routes

    def _info(self, call: Call) -> Any:
        del call
        swarm: dict[str, Any] = {
            "NodeID": self.node_id,
            "NodeAddr": self.address if self.swarm else "",
            "LocalNodeState": self.state,
            "ControlAvailable": self.manages,
            "Error": self.error,
            "RemoteManagers": self._managers(),
        }
        if self.swarm is not None and self.manages:
            swarm["Cluster"] = {"ID": self.swarm.id, "Spec": self.swarm.spec}
            swarm["Nodes"], swarm["Managers"] = len(self.swarm.nodes), len(self._managers() or [])
        return {
            "ID": f"ENGINE:{self.hostname}",
            "Name": self.hostname,
            "ServerVersion": self.version,
            "SystemTime": self.world.now(),
            "OSType": "linux",
            "Architecture": "x86_64",
            "Swarm": swarm,
        }

    def _managers(self) -> list[dict[str, str]] | None:
        if self.swarm is None:
            return None
        nodes = self.swarm.nodes.values()
        managers = [node for node in nodes if node["Spec"]["Role"] == "manager"]
        return [{"NodeID": n["ID"], "Addr": n["ManagerStatus"]["Addr"]} for n in managers]

    def _init(self, call: Call) -> Any:
        self._refuse_second_swarm()
        swarm = Swarm(
            id=self.world.new_id(),
            spec={"Name": "default", "Labels": {}, **call.body.get("Spec", {})},
            pool=call.body.get("DefaultAddrPool") or [],
            subnet_size=call.body.get("SubnetSize") or 24,
            worker_token=f"SWMTKN-1-{self.world.new_id(50)}-{self.world.new_id()}",
            manager_token=f"SWMTKN-1-{self.world.new_id(50)}-{self.world.new_id()}",
            created=self.world.now(),
        )
        self.world.swarms.append(swarm)
        self._enter(swarm, "manager", call.body)
        self.objects.add_ingress(swarm)
        return self.node_id

    def _join(self, call: Call) -> Any:
        self._refuse_second_swarm()
        token = call.body.get("JoinToken")
        for address in call.body.get("RemoteAddrs") or []:
            for swarm in self.world.swarms:
                if any(self._is_at(node, address) for node in swarm.nodes.values()):
                    roles = {swarm.worker_token: "worker", swarm.manager_token: "manager"}
                    if token not in roles:
                        raise Refusal(400, "invalid join token")
                    self._enter(swarm, roles[token], call.body)
                    return None
        self.state, self.error = "pending", "rpc error: code = Unavailable"
        raise Refusal(503, "Timeout was reached before node joined.")

    @staticmethod
    def _is_at(node: dict[str, Any], address: str) -> bool:
        return bool(inside(node, "ManagerStatus", "Addr") == address)

    def _refuse_second_swarm(self) -> None:
        if self.state != "inactive":
            raise Refusal(503, "This node is already part of a swarm.")

    def _enter(self, swarm: Swarm, role: str, body: Mapping[str, Any]) -> None:
        address = str(body.get("AdvertiseAddr") or self.address).partition(":")[0]
        self.swarm, self.node_id, self.state = swarm, self.world.new_id(), "active"
        self.error, self.address = "", address
        node: dict[str, Any] = {
            "ID": self.node_id,
            "Version": swarm.version(),
            "CreatedAt": self.world.now(),
            "Spec": {"Labels": {}, "Role": role, "Availability": "active"},
            "Description": {
                "Hostname": self.hostname,
                "Platform": {"Architecture": "x86_64", "OS": "linux"},
                "Engine": {"EngineVersion": self.version},
            },
            "Status": {"State": "ready", "Addr": address},
        }
        if role == "manager":
            node["ManagerStatus"] = {
                "Leader": not swarm.nodes,
                "Reachability": "reachable",
                "Addr": f"{address}:2377",
            }
        swarm.nodes[self.node_id] = node

    def _leave(self, call: Call) -> Any:
        if self.state == "inactive":
            raise Refusal(503, "This node is not part of a swarm")
        if self.manages and not call.query.get("force"):
            raise Refusal(503, "You are attempting to leave the swarm on a manager node.")
        if self.swarm is not None and self.node is not None:
            self.node["Status"]["State"] = "down"
            self.swarm.tasks = {
                id_: t for id_, t in self.swarm.tasks.items() if t["NodeID"] != self.node_id
            }
        self.swarm, self.node_id, self.state, self.error = None, "", "inactive", ""

    def _inspect_swarm(self, call: Call) -> Any:
        del call
        swarm = self.managed()
        return {
            "ID": swarm.id,
            "Version": {"Index": swarm.index},
            "CreatedAt": swarm.created,
            "Spec": swarm.spec,
            "DefaultAddrPool": swarm.pool,
            "SubnetSize": swarm.subnet_size,
            "JoinTokens": {"Worker": swarm.worker_token, "Manager": swarm.manager_token},
        }

    def _update_swarm(self, call: Call) -> Any:
        swarm = self.managed()
        if int(call.query.get("version", -1)) != swarm.index:
            raise Refusal(500, "rpc error: code = Unknown desc = update out of sequence")
        swarm.spec = call.body
        swarm.version()
