"""What swarmlay brings into being, in the order of `up`. Add yours to the tuple."""

from provision.model.context import Resource
from provision.resources.configs import Configs
from provision.resources.containers import Containers
from provision.resources.engine import EngineResource
from provision.resources.networks import Networks
from provision.resources.nodes import Nodes
from provision.resources.ports import Ports
from provision.resources.secrets import Secrets
from provision.resources.services import Services
from provision.resources.swarm import SwarmMembership
from provision.resources.underlay import Underlay
from provision.resources.volumes import Volumes

RESOURCES: tuple[Resource, ...] = (
    EngineResource(),
    Ports(),
    Underlay(),
    SwarmMembership(),
    Nodes(),
    Networks(),
    Configs(),
    Secrets(),
    Volumes(),
    Services(),
    Containers(),
)
