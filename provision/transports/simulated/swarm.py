"""A swarm in memory: nodes, networks, services and the tasks they come to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from provision.transports.docker_operations.asking import inside
from provision.transports.docker_operations.placement import fits
from provision.transports.simulated.rest import Refusal

_HISTORY = 4
_DEFAULT_POOL = "10.0.0.0/8"


@dataclass(slots=True)
class Swarm:
    """The managers' common store."""

    id: str
    spec: dict[str, Any]
    pool: list[str]
    subnet_size: int
    worker_token: str
    manager_token: str
    created: str
    index: int = 10
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def version(self) -> dict[str, int]:
        """A new version for an object that changes."""
        self.index += 1
        return {"Index": self.index}

    def node(self, id_: str) -> dict[str, Any]:
        """A node by id or hostname."""
        return _found(self.nodes, id_, ("Description", "Hostname"), "node")

    def service(self, id_: str) -> dict[str, Any]:
        """A service by id or name."""
        return _found(self.services, id_, ("Spec", "Name"), "service")

    def network(self, id_: str) -> dict[str, Any]:
        """A network by id or name."""
        return _found(self.networks, id_, ("Name",), "network")

    def checked(self, item: dict[str, Any], version: Any) -> None:
        """Refuse a write that was read before somebody else's."""
        if int(version) != inside(item, "Version", "Index"):
            raise Refusal(500, "rpc error: code = Unknown desc = update out of sequence")


def _found(
    items: dict[str, dict[str, Any]], id_: str, name: tuple[str, ...], kind: str
) -> dict[str, Any]:
    if id_ in items:
        return items[id_]
    for item in items.values():
        if inside(item, *name) == id_:
            return item
    raise Refusal(404, f"{kind} {id_} not found")


def allocate(swarm: Swarm, network: dict[str, Any]) -> None:
    """Give a new network a driver and addresses; as in life it stays without when that fails."""
    wanted = [entry["Subnet"] for entry in inside(network, "IPAM", "Config", default=[])]
    taken = list(_taken(swarm))
    subnets = wanted or _free(swarm, taken)
    clash = any(ip_network(s).overlaps(t) for s in subnets for t in taken)
    if clash or not subnets:
        network["Driver"] = ""
        network["IPAM"] = {"Driver": "", "Options": None, "Config": None}
        return
    config = [{"Subnet": s, "Gateway": str(next(ip_network(s).hosts()))} for s in subnets]
    network["IPAM"] = {"Driver": "default", "Options": None, "Config": config}


def _taken(swarm: Swarm) -> Iterable[Any]:
    for network in swarm.networks.values():
        for entry in inside(network, "IPAM", "Config", default=[]):
            yield ip_network(entry["Subnet"])


def _free(swarm: Swarm, taken: list[Any]) -> list[str]:
    for pool in swarm.pool or [_DEFAULT_POOL]:
        for subnet in ip_network(pool).subnets(new_prefix=swarm.subnet_size or 24):
            if not any(subnet.overlaps(other) for other in taken):
                return [str(subnet)]
    return []


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """Makes tasks of services, as the real one does but at once.

    Attributes:
        has_image: whether a node can get an image.
        new_id, now: ids and times.
    """

    swarm: Swarm
    has_image: Callable[[str], bool]
    new_id: Callable[[], str]
    now: Callable[[], str]

    def settle(self) -> None:
        """Bring the tasks to what the services want."""
        for service in self.swarm.services.values():
            for slot, node in self._slots(service):
                self._fill(service, slot, node)
        for task in list(self.swarm.tasks.values()):
            if not self._is_wanted(task):
                self._end(task)

    def _slots(self, service: dict[str, Any]) -> list[tuple[int, dict[str, Any] | None]]:
        """Which tasks there should be: slots, or nodes for a global service."""
        nodes = [n for n in self.swarm.nodes.values() if _may(service["Spec"], n)]
        if inside(service, "Spec", "Mode", "Global") is not None:
            return [(0, node) for node in nodes]
        if inside(service, "Spec", "Mode", "GlobalJob") is not None:
            return [(0, node) for node in nodes]
        job = inside(service, "Spec", "Mode", "ReplicatedJob", "TotalCompletions")
        count = job or inside(service, "Spec", "Mode", "Replicated", "Replicas", default=1)
        return [(slot + 1, None) for slot in range(count)]

    def _fill(self, service: dict[str, Any], slot: int, node: dict[str, Any] | None) -> None:
        there = [t for t in self._of(service) if _in(t, slot, node)]
        template = service["Spec"]["TaskTemplate"]
        alive = [t for t in there if t["DesiredState"] == "running" and t["Spec"] == template]
        alive = [t for t in alive if not self._drained(t)]
        if alive and alive[-1]["Status"]["State"] in {"running", "pending", "complete"}:
            if alive[-1]["Status"]["State"] == "pending":
                self._place(service, alive[-1])
            return
        for old in there:
            if old["DesiredState"] == "running":
                self._shut(old)
        failed = [t for t in there if t["Status"]["State"] == "rejected"]
        for surplus in failed[: max(0, len(failed) - _HISTORY + 1)]:
            del self.swarm.tasks[surplus["ID"]]
        self._place(service, self._new(service, slot, node))

    def _drained(self, task: dict[str, Any]) -> bool:
        """Whether its node was emptied."""
        node = self.swarm.nodes.get(task["NodeID"])
        return bool(inside(node, "Spec", "Availability") == "drain")

    def _new(
        self, service: dict[str, Any], slot: int, node: dict[str, Any] | None
    ) -> dict[str, Any]:
        task: dict[str, Any] = {
            "ID": self.new_id(),
            "Version": self.swarm.version(),
            "CreatedAt": self.now(),
            "UpdatedAt": self.now(),
            "Spec": service["Spec"]["TaskTemplate"],
            "ServiceID": service["ID"],
            "NodeID": node["ID"] if node else "",
            "Status": {"Timestamp": self.now(), "State": "pending"},
            "DesiredState": "running",
        }
        if slot:
            task["Slot"] = slot
        self.swarm.tasks[task["ID"]] = task
        return task

    def _place(self, service: dict[str, Any], task: dict[str, Any]) -> None:
        """Put a pending task on a node and start it, or say why not."""
        spec = service["Spec"]
        nodes = [n for n in self.swarm.nodes.values() if _may(spec, n)]
        if not task["NodeID"] and not nodes:
            count = len(self.swarm.nodes)
            why = f"scheduling constraints not satisfied on {count} node{'s' * (count != 1)}"
            task["Status"]["Err"] = f"no suitable node ({why})"
            return
        if not task["NodeID"]:
            task["NodeID"] = min(nodes, key=lambda n: self._load(service, n))["ID"]
        image = inside(spec, "TaskTemplate", "ContainerSpec", "Image", default="")
        if not self.has_image(image):
            task["Status"] = {
                "Timestamp": self.now(),
                "State": "rejected",
                "Err": f"No such image: {image}",
            }
            return
        status = {"ContainerID": self.new_id(), "PID": 4711, "ExitCode": 0}
        mode = spec.get("Mode") or {}
        state = "complete" if {"ReplicatedJob", "GlobalJob"} & set(mode) else "running"
        task["Status"] = {"Timestamp": self.now(), "State": state, "ContainerStatus": status}

    def _load(self, service: dict[str, Any], node: dict[str, Any]) -> tuple[int, int]:
        here = [t for t in self.swarm.tasks.values() if t["NodeID"] == node["ID"] and _lives(t)]
        same = sum(1 for t in here if t["ServiceID"] == service["ID"])
        return same, len(here)

    def _of(self, service: dict[str, Any]) -> list[dict[str, Any]]:
        return [t for t in self.swarm.tasks.values() if t["ServiceID"] == service["ID"]]

    def _is_wanted(self, task: dict[str, Any]) -> bool:
        service = self.swarm.services.get(task["ServiceID"])
        if service is None:
            return False
        slots = self._slots(service)
        return any(_in(task, slot, node) for slot, node in slots)

    def _end(self, task: dict[str, Any]) -> None:
        if task["ServiceID"] not in self.swarm.services:
            del self.swarm.tasks[task["ID"]]
        elif task["DesiredState"] == "running":
            self._shut(task)

    def _shut(self, task: dict[str, Any]) -> None:
        task["DesiredState"] = "shutdown"
        if task["Status"]["State"] in {"running", "pending"}:
            task["Status"] = {**task["Status"], "State": "shutdown", "Timestamp": self.now()}


def _may(spec: dict[str, Any], node: dict[str, Any]) -> bool:
    return inside(node, "Status", "State") == "ready" and fits(spec, node)


def _lives(task: dict[str, Any]) -> bool:
    return bool(task["DesiredState"] == "running" and task["Status"]["State"] == "running")


def _in(task: dict[str, Any], slot: int, node: dict[str, Any] | None) -> bool:
    if slot:
        return bool(task.get("Slot") == slot)
    return node is not None and "Slot" not in task and bool(task["NodeID"] == node["ID"])
