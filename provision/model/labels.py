"""The labels by which swarmlay knows its own."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CLUSTER = "io.swarmlay.cluster"
PLAYBOOK = "io.swarmlay.playbook"
HOST = "io.swarmlay.host"
SPEC = "io.swarmlay.spec"
NODE_LABELS = "io.swarmlay.node-labels"
MACHINE = "io.swarmlay.machine"
ADOPTED = "io.swarmlay.adopted"
SALT = "io.swarmlay.salt"
OBJECT = "io.swarmlay.object"
PROBE = "io.swarmlay.probe"
UPGRADE = "io.swarmlay.upgrade"
"""On a node that an upgrade drained: the availability that it gets back."""


def digest(body: Mapping[str, Any]) -> str:
    """A short, stable fingerprint of what was asked for (to notice what was taken out since)."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ownership(cluster: str, playbook: str) -> dict[str, str]:
    """Labels that every object we make carries."""
    return {CLUSTER: cluster, PLAYBOOK: playbook}


def is_ours(labels: Mapping[str, str], cluster: str) -> bool:
    """Whether an object with these labels was made by swarmlay for this cluster."""
    return labels.get(CLUSTER) == cluster
