"""An inventory's tree → `Inventory`."""

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from typing import Final

from provision.load import measures, naming
from provision.load.hosts import Surroundings, check_entry, check_name, check_places, host
from provision.load.interpolation import Variables, interpolated
from provision.load.labels import labels
from provision.load.problems import Problems
from provision.load.shapes import Normaliser, each, entry, fields, nested, text_map
from provision.load.sources import source, source_of
from provision.load.validation import validated
from provision.model.inventory import (
    Host,
    HostEntry,
    Inventory,
    InventoryDocument,
    SourcedHost,
)
from provision.model.tree import Node, quoted

__all__ = ["load_inventory", "source_of"]

_SSH: Final[Mapping[str, Normaliser]] = {
    "connect_timeout": measures.seconds,
    "wait": measures.seconds,
}
_ENGINE: Final = nested({})
_HOST: Final[Mapping[str, Normaliser]] = {**_SSH, "labels": labels, "engine": _ENGINE}


def load_inventory(
    tree: Node,
    *,
    path: str,
    environment: Mapping[str, str],
    state_dir: str,
    home: str,
    ssh_config: str | None = None,
    sourced_hosts: Sequence[SourcedHost] | None = None,
) -> Inventory:
    """The inventory that a document describes.

    Args:
        tree: the document; ``tree.file`` is what the user is shown.
        path: its absolute path: relative paths begin there, host keys are pinned per path.
        environment: variables for interpolation.
        state_dir: where known_hosts files are kept.
        home: what ``~`` stands for.
        ssh_config: the user's ssh_config, None if there is none.
        sourced_hosts: what the inventory's ``source:`` (see `source_of`) gave.

    Raises:
        DocumentError: something in it is wrong; ``others`` holds everything else that is.
    """
    problems = Problems()
    filled = _filled(tree, environment, problems)
    problems.stop_if_any()  # what is not filled in would only look wrong again
    node = _normalised(filled, problems)
    document = validated(InventoryDocument, _without_source(node, problems), problems)
    _check_words(node, problems)
    problems.stop_if_any()
    assert document is not None  # noqa: S101 - else there was an error
    around = Surroundings(
        directory=posixpath.dirname(path),
        home=home,
        known_hosts=_known_hosts(state_dir, document.cluster, path),
        ssh_config=ssh_config,
        defaults=document.ssh,
        engine=document.engine,
    )
    hosts = _hosts(document, node, sourced_hosts, around, problems)
    groups = _groups(document, node, hosts, problems)
    _check_managers(hosts, node, problems)
    problems.stop_if_any()
    return Inventory(
        cluster=document.cluster,
        hosts=hosts,
        path=tree.file,
        groups=groups,
        vars={name: str(value) for name, value in document.vars.items()},
        registries=document.registries,
        warnings=problems.warnings,
    )


def _filled(tree: Node, environment: Mapping[str, str], problems: Problems) -> Node:
    """Variables filled in: ``vars`` from the environment, all else from both."""
    if not tree.is_mapping:
        problems.error(tree, f"an inventory is a mapping, not {tree.shown}")
        problems.stop_if_any()
    own = tree.items.get("vars", tree.with_value({}))
    filled = text_map(interpolated(own, Variables({}, environment), problems), problems)
    for name in filled.items:
        if not naming.VARIABLE.fullmatch(name):
            problems.error(filled.key(name), f"{quoted(name)} is no name of a variable")
    known = {name: str(child.value) for name, child in filled.items.items() if child.is_scalar}
    rest = interpolated(tree.without("vars"), Variables(known, environment), problems)
    return rest.with_value({**rest.items, "vars": filled}) if own.items else rest


def _normalised(node: Node, problems: Problems) -> Node:
    def one_host(child: Node, problems: Problems) -> Node:
        return fields(entry(child, problems), problems, _HOST)

    table = {"ssh": nested(_SSH), "hosts": each(one_host), "engine": _ENGINE}
    return fields(node, problems, table)


def _without_source(node: Node, problems: Problems) -> Node:
    """The source is looked at apart: its kinds exclude one another."""
    written = node.items.get("source")
    if written is not None:
        source(written, problems)
    elif node.items.get("hosts", node.with_value({})).value == {}:
        place = node.items.get("hosts", node)
        problems.error(place, "the inventory has no hosts", hint="write hosts or a source")
    return node.without("source")


def _check_words(node: Node, problems: Problems) -> None:
    cluster = node.items.get("cluster")
    if cluster and isinstance(cluster.value, str) and not naming.NAME.fullmatch(cluster.value):
        what = f"{cluster.shown} is no cluster name"
        problems.error(cluster, what, hint=naming.NAME_RULE)
    check_entry("ssh", node.items.get("ssh", node), problems)
    _check_registries(node, problems)
    hosts = node.items.get("hosts", node)
    for name, child in hosts.items.items() if hosts is not node else ():
        check_name(name, hosts.key(name), "host", problems)
        check_entry(f"hosts.{quoted(name)[1:-1]}", child, problems)
        for label in child.items.get("labels", child.with_value({})).items:
            if not naming.LABEL.fullmatch(label):
                problems.error(child.items["labels"].key(label), f"{quoted(label)} is no label")


def _check_registries(node: Node, problems: Problems) -> None:
    registries = node.items.get("registries", node.with_value({}))
    for name in registries.items:
        if not naming.is_registry(name):
            what = f"{quoted(name)} is no registry"
            problems.error(registries.key(name), what, hint="write HOST or HOST:PORT")


def _hosts(
    document: InventoryDocument,
    node: Node,
    sourced: Sequence[SourcedHost] | None,
    around: Surroundings,
    problems: Problems,
) -> tuple[Host, ...]:
    """The source's hosts first, then those that only the file knows, each in its order."""
    given = {one.name: one for one in sourced or ()}
    written = node.items.get("hosts", node.with_value({}))
    names = dict.fromkeys((*given, *document.hosts))
    found: list[Host] = []
    places: dict[str, Node] = {}
    for name in names:
        entry_ = document.hosts.get(name) or HostEntry()
        places[name] = written.key(name) if name in written.items else node.key("source")
        if given and name not in given and entry_.address is None:
            problems.error(
                places[name],
                f"the source gives no host {quoted(name)}",
                hint=naming.nearest(name, given),
            )
            continue
        one = host(
            name,
            entry_,
            given.get(name),
            node=places[name],
            around=around,
            problems=problems,
        )
        if one is not None:
            found.append(one)
    check_places(found, places, problems)
    return tuple(found)


def _groups(
    document: InventoryDocument, node: Node, hosts: Sequence[Host], problems: Problems
) -> dict[str, tuple[str, ...]]:
    names = {one.name for one in hosts} | set(document.hosts)
    written = node.items.get("groups", node)
    for group in document.groups:
        place = written.key(group)
        check_name(group, place, "group", problems)
        if group in names:
            problems.error(place, f"{quoted(group)} is both a host and a group")
        for member in written.items[group].elements:
            if member.value not in names:
                problems.error(
                    member,
                    f"the group {group} names an unknown host {member.shown}",
                    hint=naming.nearest(str(member.value), names),
                )
    return {group: tuple(members) for group, members in document.groups.items()}


def _check_managers(hosts: Sequence[Host], node: Node, problems: Problems) -> None:
    managers = [one.name for one in hosts if one.is_manager]
    place = node.key("hosts") if "hosts" in node.items else node.key("source")
    if not managers and not problems.any:
        problems.error(
            place, "no host is a manager", hint="give one host (or three) 'role: manager'"
        )
    elif managers and len(managers) % 2 == 0:
        problems.warn(
            f"{place.where}: {len(managers)} managers survive no more losses than"
            f" {len(managers) - 1} would; use an odd number"
        )


def _known_hosts(state_dir: str, cluster: str, path: str) -> str:
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return posixpath.join(state_dir, "known_hosts", f"{cluster}-{digest}")
