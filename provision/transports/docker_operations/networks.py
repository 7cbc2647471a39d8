"""Networks. Creating one succeeds before it is known whether it can be; look at it afterwards."""

from ipaddress import ip_network
from typing import Any

from provision.transports.docker_api import EngineError
from provision.transports.docker_operations.asking import Request, inside, verdict


def list_networks(request: Request) -> Any:
    """All networks that this engine knows."""
    return request.listed("/networks", filters=request.maybe("filters"))


def inspect(request: Request) -> Any:
    """One network; ``verbose`` asks for what gossip knows of it."""
    return request.found(f"/networks/{request.id()}", verbose=request.maybe("verbose"))


def create(request: Request) -> Any:
    """Create a network; its id."""
    made = request.post("/networks/create", dict(request.need("body")))
    found = inside(made, "Id")
    if not isinstance(found, str):
        raise EngineError(0, "the engine gave no id for the new network")
    return found


def remove(request: Request) -> Any:
    """Remove a network; says whether it was there."""
    return request.delete(f"/networks/{request.id()}")


def is_allocated(request: Request) -> Any:
    """Whether the managers gave the network a driver and a subnet.

    `docker network create` prints an id also for one that cannot be allocated, and the reason
    stands in the manager's log only; the likeliest, an overlap, is looked for here.
    """
    network = request.found_or_none(f"/networks/{request.id()}")
    if network is None:
        return verdict(done=False, text="gone", failed="the network does not exist any more")
    subnets = _subnets(network)
    if inside(network, "Driver", default="") and subnets:
        return verdict(done=True, text=f"allocated {', '.join(subnets)}")
    text = "the managers have not given it a driver and a subnet (overlap, or pool used up?)"
    return verdict(done=False, text=text, failed=_overlap(request, network))


def is_gone(request: Request) -> Any:
    """Whether this engine knows the network no more."""
    network = request.found_or_none(f"/networks/{request.id()}")
    if network is None:
        return verdict(done=True, text="gone")
    count = len(inside(network, "Containers", default={}))
    return verdict(done=False, text=f"still there, with {count} endpoints on this host")


def _overlap(request: Request, network: dict[str, Any]) -> str | None:
    """Which other overlay network has the addresses that this one wants."""
    wanted = _subnets(network)
    for other in request.listed("/networks"):
        if other.get("Id") == network.get("Id") or other.get("Scope") != "swarm":
            continue
        for subnet in wanted:
            for taken in _subnets(other) if other.get("Driver") else []:
                if _overlapping(subnet, taken):
                    return f"its subnet {subnet} overlaps {taken} of network {other.get('Name')}"
    return None


def _overlapping(one: str, other: str) -> bool:
    try:
        first, second = ip_network(one, strict=False), ip_network(other, strict=False)
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)


def _subnets(network: dict[str, Any]) -> list[str]:
    found = inside(network, "IPAM", "Config", default=[])
    return [str(entry["Subnet"]) for entry in found if inside(entry, "Subnet")]
