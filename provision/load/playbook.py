"""Playbooks' trees → `DesiredState`."""

from collections.abc import Mapping, Sequence
from typing import Final

from provision.load import compose, naming
from provision.load.deploying import check_deploy
from provision.load.expectations import expectations
from provision.load.interpolation import Variables, interpolated
from provision.load.merging import merged
from provision.load.named_files import Files
from provision.load.networks import check_networks, network
from provision.load.problems import Problems
from provision.load.published import check_published
from provision.load.references import check_references
from provision.load.shapes import Normaliser, each, fields, nested
from provision.load.stored import check_stored, contents, stored
from provision.load.validation import validated
from provision.load.workloads import container, service
from provision.model.desired import DesiredState, PlaybookDocument
from provision.model.inventory import Inventory
from provision.model.secret_text import SecretText
from provision.model.tree import Node, quoted

_NAMED: Final = {
    "networks": "network",
    "services": "service",
    "containers": "container",
    "configs": "config",
    "secrets": "secret",
    "volumes": "volume",
}


def load_playbooks(
    trees: Sequence[Node],
    inventory: Inventory,
    environment: Mapping[str, str],
    *,
    files: Files | None = None,
    salt: str = "",
) -> DesiredState:
    """The state that one or several playbooks want; without any, the bare cluster.

    Args:
        trees: the playbooks.
        inventory: whose hosts and variables they name.
        environment: environment variables.
        files: what the files hold that they name, see `provision.load.named_files`.
        salt: random; hashes of secrets are keyed by it where the cluster has no salt yet.

    Raises:
        DocumentError: something in them is wrong; ``others`` holds everything else that is.
    """
    if not trees:
        return DesiredState()
    problems = Problems()
    variables = Variables(inventory.vars, environment)
    playbooks = [_normalised(tree, variables, files or {}, problems) for tree in trees]
    whole = merged(playbooks, problems)
    expect = expectations(whole.items["expect"], problems) if "expect" in whole.items else ()
    document = validated(PlaybookDocument, whole.without("expect"), problems)
    check_networks(whole, problems)
    check_published(whole, problems)
    check_deploy(whole, problems)
    check_stored(whole, problems)
    held = contents(whole, variables, files or {}, problems)
    check_references(whole, inventory, expect, problems)
    problems.stop_if_any()
    assert document is not None  # noqa: S101 - else there was an error
    return DesiredState(
        engine=document.engine,
        firewall=document.firewall,
        swarm=document.swarm,
        networks=document.networks,
        services=document.services,
        containers=document.containers,
        configs=document.configs,
        secrets=document.secrets,
        volumes=document.volumes,
        contents=held,
        salt=SecretText(salt),
        expect=expect,
        origin=_origin(playbooks),
        playbooks=tuple(dict.fromkeys(tree.file for tree in trees)),
        warnings=problems.warnings,
    )


def _normalised(tree: Node, variables: Variables, files: Files, problems: Problems) -> Node:
    """One playbook in long forms, its names checked."""
    if not tree.is_mapping:
        problems.error(tree, f"a playbook is a mapping, not {tree.shown}")
        problems.stop_if_any()
    node = interpolated(tree, variables, problems)
    problems.stop_if_any()  # what is not filled in would only look wrong again
    clean = compose.known(node, "playbook", problems)
    table: dict[str, Normaliser] = {
        "engine": nested({}),
        "firewall": nested({}),
        "swarm": nested({}),
        "networks": each(network),
        "services": each(service(variables, files)),
        "containers": each(container(variables, files)),
        "configs": each(stored("config")),
        "secrets": each(stored("secret")),
        "volumes": each(stored("volume")),
    }
    found = fields(clean, problems, table)
    for section, kind in _NAMED.items():
        _check_names(found.items.get(section), kind, problems)
    return found


def _check_names(section: Node | None, kind: str, problems: Problems) -> None:
    for name in section.items if section else ():
        if section and not naming.NAME.fullmatch(name):
            what = f"{quoted(name)} is no {kind} name"
            problems.error(section.key(name), what, hint=naming.NAME_RULE)


def _origin(playbooks: Sequence[Node]) -> dict[str, str]:
    """``kind/name`` → the first playbook that wants it."""
    origin: dict[str, str] = {}
    for tree in playbooks:
        for section, kind in _NAMED.items():
            for name in tree.items.get(section, tree.with_value({})).items:
                origin.setdefault(f"{kind}/{name}", tree.file)
    return origin
