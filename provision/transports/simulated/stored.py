"""The simulated engine's configs and secrets."""

from typing import TYPE_CHECKING, Any

from provision.transports.docker_operations.asking import inside
from provision.transports.simulated.rest import Call, Refusal, Routes

if TYPE_CHECKING:
    from provision.transports.simulated.engine import SimulatedEngine


class StoredObjects:
    """One of the two kinds: what managers keep and hand to tasks as files."""

    def __init__(self, engine: "SimulatedEngine", kind: str) -> None:
        self._engine = engine
        self._kind = kind

    def add_to(self, routes: Routes) -> None:
        """Let these handlers answer."""
        routes.add("GET", f"/{self._kind}s", lambda _: [_shown(o) for o in self._all.values()])
        routes.add("POST", f"/{self._kind}s/create", self._create)
        routes.add("DELETE", f"/{self._kind}s/{{}}", self._remove)

    @property
    def _all(self) -> dict[str, dict[str, Any]]:
        swarm = self._engine.managed()
        return swarm.configs if self._kind == "config" else swarm.secrets

    def _create(self, call: Call) -> Any:
        name = call.body["Name"]
        if any(o["Spec"]["Name"] == name for o in self._all.values()):
            raise Refusal(
                409,
                f"rpc error: code = AlreadyExists desc = {self._kind} {name} already exists",
            )
        made = {
            "ID": self._engine.world.new_id(),
            "Version": self._engine.managed().version(),
            "CreatedAt": self._engine.world.now(),
            "Spec": call.body,
        }
        self._all[made["ID"]] = made
        return {"ID": made["ID"]}

    def _remove(self, call: Call) -> None:
        found = self._all.get(call.groups[0])
        if found is None:
            raise Refusal(404, f"{self._kind} {call.groups[0]} not found")
        key = self._kind.capitalize()
        for service in self._engine.managed().services.values():
            uses = inside(service, "Spec", "TaskTemplate", "ContainerSpec", f"{key}s", default=[])
            if any(use[f"{key}ID"] == found["ID"] for use in uses):
                raise Refusal(
                    400,
                    "rpc error: code = InvalidArgument desc = "
                    f"{self._kind} '{found['Spec']['Name']}' is in use by the following service: "
                    f"{service['Spec']['Name']}",
                )
        del self._all[found["ID"]]


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "Spec": {k: v for k, v in found["Spec"].items() if k != "Data"}}
