"""The simulated engine's objects: those of the cluster and those of the host."""

from typing import TYPE_CHECKING, Any

from provision.transports.docker_operations.asking import inside
from provision.transports.simulated.rest import Call, Refusal, Routes
from provision.transports.simulated.swarm import Swarm, allocate

if TYPE_CHECKING:
    from provision.transports.simulated.engine import SimulatedEngine


class ClusterObjects:
    """Nodes, services and tasks: what managers answer for."""

    def __init__(self, engine: "SimulatedEngine") -> None:
        self._engine = engine

    def add_to(self, routes: Routes) -> None:
        """Let these handlers answer."""
        routes.add("GET", "/nodes", lambda _: list(self._swarm.nodes.values()))
        routes.add("GET", "/nodes/{}", lambda call: self._swarm.node(call.groups[0]))
        routes.add("POST", "/nodes/{}/update", self._update_node)
        routes.add("DELETE", "/nodes/{}", self._remove_node)
        routes.add("GET", "/services", self._list_services)
        routes.add("POST", "/services/create", self._create_service)
        routes.add("GET", "/services/{}", lambda call: self._swarm.service(call.groups[0]))
        routes.add("POST", "/services/{}/update", self._update_service)
        routes.add("DELETE", "/services/{}", self._remove_service)
        routes.add("GET", "/services/{}/logs", lambda _: "")
        routes.add("GET", "/tasks", self._list_tasks)
        routes.add("GET", "/tasks/{}/logs", lambda _: "")
        routes.add("GET", "/distribution/{}/json", self._distribution)

    @property
    def _swarm(self) -> Swarm:
        return self._engine.managed()

    def _update_node(self, call: Call) -> None:
        node = self._swarm.node(call.groups[0])
        self._swarm.checked(node, call.query.get("version"))
        old, new = node["Spec"]["Role"], call.body.get("Role")
        managers = [n for n in self._swarm.nodes.values() if n["Spec"]["Role"] == "manager"]
        if old == "manager" and new == "worker" and len(managers) == 1:
            raise Refusal(400, "attempting to demote the last manager of the swarm")
        node["Spec"], node["Version"] = call.body, self._swarm.version()
        if new == "manager" and "ManagerStatus" not in node:
            address = f"{node['Status']['Addr']}:2377"
            node["ManagerStatus"] = {"Reachability": "reachable", "Addr": address}
        if new == "worker":
            node.pop("ManagerStatus", None)
        self._engine.orchestrator(self._swarm).settle()

    def _remove_node(self, call: Call) -> None:
        node = self._swarm.node(call.groups[0])
        if node["Status"]["State"] != "down" and not call.query.get("force"):
            raise Refusal(400, f"node {node['ID']} is not down and can't be removed")
        del self._swarm.nodes[node["ID"]]

    def _list_services(self, call: Call) -> Any:
        named, by_id = call.wanted("name"), call.wanted("id")
        return [
            service
            for service in self._swarm.services.values()
            if (named is None or service["Spec"]["Name"] in named)
            and (by_id is None or service["ID"] in by_id)
        ]

    def _create_service(self, call: Call) -> Any:
        spec = call.body
        if any(s["Spec"]["Name"] == spec["Name"] for s in self._swarm.services.values()):
            raise Refusal(
                409,
                "rpc error: code = AlreadyExists desc = name conflicts with an existing object: "
                f"service {spec['Name']} already exists",
            )
        self._name_networks(spec)
        service = {
            "ID": self._engine.world.new_id(),
            "Version": self._swarm.version(),
            "CreatedAt": self._engine.world.now(),
            "UpdatedAt": self._engine.world.now(),
            "Spec": spec,
            "Endpoint": {"Spec": spec.get("EndpointSpec", {})},
        }
        self._swarm.services[service["ID"]] = service
        self._engine.orchestrator(self._swarm).settle()
        return {"ID": service["ID"]}

    def _name_networks(self, spec: dict[str, Any]) -> None:
        """Replace names of networks by ids, as the engine does."""
        for attachment in inside(spec, "TaskTemplate", "Networks", default=[]):
            attachment["Target"] = self._swarm.network(attachment["Target"])["Id"]

    def _update_service(self, call: Call) -> Any:
        service = self._swarm.service(call.groups[0])
        self._swarm.checked(service, call.query.get("version"))
        self._name_networks(call.body)
        service["PreviousSpec"], service["Spec"] = service["Spec"], call.body
        service["Version"] = self._swarm.version()
        service["UpdatedAt"] = self._engine.world.now()
        self._engine.orchestrator(self._swarm).settle()
        return {"Warnings": None}

    def _remove_service(self, call: Call) -> None:
        service = self._swarm.service(call.groups[0])
        del self._swarm.services[service["ID"]]
        self._engine.orchestrator(self._swarm).settle()

    def _list_tasks(self, call: Call) -> Any:
        wanted, states = call.wanted("service"), call.wanted("desired-state")
        if wanted is not None:
            wanted = [self._swarm.service(name)["ID"] for name in wanted]
        return [
            task
            for task in self._swarm.tasks.values()
            if (wanted is None or task["ServiceID"] in wanted)
            and (states is None or task["DesiredState"] in states)
        ]

    def _distribution(self, call: Call) -> Any:
        image = call.groups[0]
        if not self._engine.world.has_image(image):
            raise Refusal(404, f"manifest unknown: {image}")
        digest = f"sha256:{'0' * 56}{abs(len(image)):08x}"
        platform = {"architecture": "amd64", "os": "linux"}
        return {"Descriptor": {"digest": digest}, "Platforms": [platform]}


class HostObjects:
    """Networks as one host sees them, its containers and volumes."""

    def __init__(self, engine: "SimulatedEngine") -> None:
        self._engine = engine
        self.containers: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.local_networks: dict[str, dict[str, Any]] = {
            name: _network(name * 8, name, driver, "local")
            for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null"))
        }

    def add_to(self, routes: Routes) -> None:
        """Let these handlers answer."""
        routes.add("GET", "/networks", self._list_networks)
        routes.add("POST", "/networks/create", self._create_network)
        routes.add("GET", "/networks/{}", lambda call: self._network(call.groups[0]))
        routes.add("DELETE", "/networks/{}", self._remove_network)
        routes.add("POST", "/networks/{}/connect", self._connect)
        routes.add("GET", "/containers/json", self._list_containers)
        routes.add("POST", "/containers/create", self._create_container)
        routes.add("GET", "/containers/{}/json", lambda call: self._container(call.groups[0]))
        routes.add("POST", "/containers/{}/start", self._start)
        routes.add("GET", "/containers/{}/logs", lambda _: "")
        routes.add("DELETE", "/containers/{}", self._remove_container)
        routes.add("POST", "/images/create", self._pull)
        routes.add("GET", "/volumes", lambda _: {"Volumes": list(self.volumes.values())})
        routes.add("DELETE", "/volumes/{}", self._remove_volume)

    def add_ingress(self, swarm: Swarm) -> None:
        """The network that every swarm has."""
        network = _network(self._engine.world.new_id(), "ingress", "overlay", "swarm")
        network["Ingress"] = True
        network["IPAM"]["Config"] = None
        allocate(swarm, network)
        swarm.networks[network["Id"]] = network

    def _networks(self) -> dict[str, dict[str, Any]]:
        """Managers know every network, workers those that they have an end of."""
        swarm = self._engine.swarm
        if swarm is None:
            return self.local_networks
        if self._engine.manages:
            return {**self.local_networks, **swarm.networks}
        used = self._used(swarm)
        seen = {i: n for i, n in swarm.networks.items() if i in used or n.get("Ingress")}
        return {**self.local_networks, **seen}

    def _used(self, swarm: Swarm) -> set[str]:
        targets = {
            attachment["Target"]
            for task in swarm.tasks.values()
            if task["NodeID"] == self._engine.node_id and task["DesiredState"] == "running"
            for attachment in inside(task, "Spec", "Networks", default=[])
        }
        for container in self.containers.values():
            if container["State"]["Status"] == "running":
                targets |= set(container["NetworkSettings"]["Networks"])
        return {n["Id"] for n in swarm.networks.values() if {n["Id"], n["Name"]} & targets}

    def _network(self, id_: str) -> dict[str, Any]:
        networks = self._networks()
        if id_ in networks:
            return networks[id_]
        for network in networks.values():
            if network["Name"] == id_:
                return network
        raise Refusal(404, f"network {id_} not found")

    def _list_networks(self, call: Call) -> Any:
        named = call.wanted("name")
        return [n for n in self._networks().values() if named is None or n["Name"] in named]

    def _create_network(self, call: Call) -> Any:
        body = call.body
        if any(n["Name"] == body["Name"] for n in self._networks().values()):
            raise Refusal(409, f"network with name {body['Name']} already exists")
        scope = body.get("Scope") or ("swarm" if body.get("Driver") == "overlay" else "local")
        network = {**_network(self._engine.world.new_id(), body["Name"], "bridge", scope), **body}
        network["IPAM"] = {"Driver": "default", "Config": [], **(body.get("IPAM") or {})}
        network.pop("CheckDuplicate", None)
        if body.get("ConfigFrom"):
            self._configured(body)
        if scope == "swarm":
            swarm = self._engine.managed()
            allocate(swarm, network)
            swarm.networks[network["Id"]] = network
        else:
            self.local_networks[network["Id"]] = network
        return {"Id": network["Id"], "Warning": ""}

    def _configured(self, body: dict[str, Any]) -> None:
        """Refuse a network whose settings are not here."""
        named = inside(body, "ConfigFrom", "Network")
        found = [n for n in self._networks().values() if n["Name"] == named and n.get("ConfigOnly")]
        if not found:
            raise Refusal(400, f"configuration network {named!r} not found")

    def _remove_network(self, call: Call) -> None:
        network = self._network(call.groups[0])
        swarm = self._engine.swarm
        if swarm is not None and network["Id"] in swarm.networks:
            self._engine.managed()
            for service in swarm.services.values():
                attached = inside(service, "Spec", "TaskTemplate", "Networks", default=[])
                if any(a["Target"] == network["Id"] for a in attached):
                    raise Refusal(
                        400,
                        "rpc error: code = FailedPrecondition desc = network "
                        f"{network['Id']} is in use by service {service['ID']}",
                    )
            del swarm.networks[network["Id"]]
            return
        self.local_networks.pop(network["Id"], None)

    def _connect(self, call: Call) -> None:
        container = self._container(call.body["Container"])
        settings = call.body.get("EndpointConfig") or {}
        container["NetworkSettings"]["Networks"][call.groups[0]] = settings

    def _container(self, id_: str) -> dict[str, Any]:
        for container in self.containers.values():
            if id_ in {container["Id"], container["Name"].lstrip("/")}:
                return container
        raise Refusal(404, f"No such container: {id_}")

    def _list_containers(self, call: Call) -> Any:
        found = self.containers.values()
        volumes = call.wanted("volume")
        return [
            {
                "Id": c["Id"],
                "Names": [c["Name"]],
                "Image": c["Config"]["Image"],
                "Labels": c["Config"].get("Labels") or {},
                "State": c["State"]["Status"],
                "NetworkSettings": c["NetworkSettings"],
            }
            for c in found
            if (call.query.get("all") or c["State"]["Status"] == "running")
            and (volumes is None or _mounted(c) & set(volumes))
        ]

    def _create_container(self, call: Call) -> Any:
        name, body = call.query.get("name"), call.body
        if any(c["Name"] == f"/{name}" for c in self.containers.values()):
            raise Refusal(409, f'Conflict. The container name "/{name}" is already in use')
        if not self._engine.world.has_image(body["Image"]):
            raise Refusal(404, f"No such image: {body['Image']}")
        endpoints = inside(body, "NetworkingConfig", "EndpointsConfig", default={})
        container: dict[str, Any] = {
            "Id": self._engine.world.new_id(64),
            "Name": f"/{name}",
            "Created": self._engine.world.now(),
            "Config": {k: v for k, v in body.items() if k != "HostConfig"},
            "HostConfig": body.get("HostConfig") or {},
            "State": {"Status": "created", "Running": False, "ExitCode": 0, "Error": ""},
            "NetworkSettings": {"Networks": dict(endpoints)},
        }
        self.containers[container["Id"]] = container
        for mount in inside(body, "HostConfig", "Mounts", default=[]):
            self._make_volume(mount)
        return {"Id": container["Id"], "Warnings": []}

    def _make_volume(self, mount: dict[str, Any]) -> None:
        """A named volume is made by the first container that mounts it, with its labels."""
        name = mount.get("Source")
        if mount["Type"] == "volume" and name and name not in self.volumes:
            labels = inside(mount, "VolumeOptions", "Labels", default={})
            self.volumes[name] = {"Name": name, "Driver": "local", "Labels": labels}

    def _start(self, call: Call) -> None:
        container = self._container(call.groups[0])
        for name in container["NetworkSettings"]["Networks"]:
            self._attachable(name)
        container["State"].update(Status="running", Running=True)

    def _attachable(self, name: str) -> None:
        networks = {**self.local_networks}
        if self._engine.swarm is not None:
            networks |= self._engine.swarm.networks
        found = [n for n in networks.values() if name in {n["Name"], n["Id"]}]
        if not found:
            raise Refusal(404, f"network {name} not found")
        if found[0]["Scope"] == "swarm" and not found[0].get("Attachable"):
            raise Refusal(
                403,
                f"Could not attach to network {name}: rpc error: network not manually attachable",
            )

    def _remove_container(self, call: Call) -> None:
        container = self._container(call.groups[0])
        if container["State"]["Running"] and not call.query.get("force"):
            raise Refusal(409, "You cannot remove a running container")
        del self.containers[container["Id"]]

    def _pull(self, call: Call) -> Any:
        image = f"{call.query['fromImage']}:{call.query['tag']}"
        if not self._engine.world.has_image(image):
            raise Refusal(404, f"manifest for {image} not found: manifest unknown")
        return [{"status": f"Status: Image is up to date for {image}"}]

    def _remove_volume(self, call: Call) -> None:
        if call.groups[0] not in self.volumes:
            raise Refusal(404, f"get {call.groups[0]}: no such volume")
        del self.volumes[call.groups[0]]


def _mounted(container: dict[str, Any]) -> set[str]:
    """Names of the volumes that a container has."""
    mounts = inside(container, "HostConfig", "Mounts", default=[])
    return {str(m["Source"]) for m in mounts if m["Type"] == "volume" and m.get("Source")}


def _network(id_: str, name: str, driver: str, scope: str) -> dict[str, Any]:
    return {
        "Id": id_,
        "Name": name,
        "Driver": driver,
        "Scope": scope,
        "Attachable": False,
        "Ingress": False,
        "Internal": False,
        "IPAM": {"Driver": "default", "Config": []},
        "Containers": {},
        "Options": {},
        "Labels": {},
    }
