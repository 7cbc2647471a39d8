"""What an entry of ``expect`` may say: its kind and the arguments of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ArgumentType: TypeAlias = Literal["text", "number", "flag", "port", "texts", "duration"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an expectation.

    Attributes:
        choices: the only words it may be; any where empty.
    """

    type: ArgumentType
    means: str
    required: bool = False
    choices: tuple[str, ...] = ()


def _text(means: str, *choices: str) -> Argument:
    return Argument("text", means, choices=choices)


def _needed(means: str, *choices: str) -> Argument:
    return Argument("text", means, required=True, choices=choices)


_FROM: Final = _needed("who asks: a container, a service, a host selector or laptop")
_TO: Final = _needed("who is asked: a container, a service, a host selector, a name or an address")
_ON: Final = _text("the hosts: a selector")

WITHIN: Final = Argument("duration", "how long it may take to come true (default 60s)")

KINDS: Final[Mapping[str, Mapping[str, Argument]]] = {
    "ping": {
        "from": _FROM,
        "to": _TO,
        "network": _text("by which network"),
        "count": Argument("number", "how many packets, all of which must be answered"),
    },
    "tcp": {
        "from": _FROM,
        "to": _TO,
        "port": Argument("port", "the port that must accept", required=True),
    },
    "http": {
        "from": _FROM,
        "to": _TO,
        "port": Argument("port", "the port (default 80)"),
        "path": _text("the path (default /)"),
        "status": Argument("number", "the status that must come (default 200)"),
        "contains": _text("what the body must hold"),
    },
    "resolve": {
        "from": _FROM,
        "name": _needed("the name that is looked up"),
        "to": Argument("texts", "the addresses that must come"),
        "count": Argument("number", "how many addresses must come"),
    },
    "isolated": {"from": _FROM, "to": _TO},
    "network": {
        "name": _needed("the network"),
        "on": _text("hosts that must know it"),
        "absent_on": _text("hosts that must not know it"),
        "driver": _text("its driver"),
        "subnet": _text("its subnet"),
        "attachable": Argument("flag", "whether containers may join it"),
        "internal": Argument("flag", "whether it has no way out"),
        "encrypted": Argument("flag", "whether its traffic is ESP"),
    },
    "service": {
        "name": _needed("the service"),
        "replicas": Argument("number", "how many of its tasks must run"),
        "image": _text("the image of its tasks"),
        "on": _text("the hosts on which all of its tasks must run"),
    },
    "node": {
        "name": _needed("the node: a host selector"),
        "state": _text("its state", "ready", "down", "absent"),
        "role": _text("its role", "manager", "worker"),
        "availability": _text("its availability", "active", "pause", "drain"),
    },
    "container": {
        "name": _needed("the container"),
        "on": _ON,
        "state": _text("its state", "running", "exited", "absent"),
        "network": _text("a network it must be on"),
    },
    "output": {
        "on": _needed("the hosts: a selector"),
        "command": _needed("what is typed there"),
        "contains": _text("what must be in its output"),
        "matches": _text("the pattern its output must match"),
    },
    "wire": {
        "network": _needed("the network whose traffic is watched"),
        "sees": _needed("what goes over the wire", "esp", "vxlan", "plaintext"),
        "from": _text("the sender: a container or a service"),
        "to": _text("the receiver: a container or a service"),
    },
    "check": {
        "layer": _needed(
            "the layer of which all must be ok",
            *(
                "host",
                "underlay",
                "control",
                "gossip",
                "overlay",
                "service",
                "ingress",
                "isolation",
            ),
        )
    },
    "diagnosis": {
        "code": _needed("the code that must be found"),
        "absent": Argument("flag", "it must not be found"),
    },
}
