"""Keys of the Compose Specification that no model has: said, never dropped in silence."""

from collections.abc import Iterator, Mapping
from typing import Final

from provision.load import naming
from provision.load.problems import Problems
from provision.model import deploying, desired, storage
from provision.model.compose_keys import HONOURED, KEYS, ComposeKey, Section
from provision.model.document import Document
from provision.model.tree import Node, Value, quoted

EXTENSION: Final = "x-"

SECTIONS: Final[Mapping[Section, tuple[type[Document], str]]] = {
    "playbook": (desired.PlaybookDocument, "a playbook"),
    "service": (desired.Service, "a service"),
    "container": (desired.Container, "a container"),
    "deploy": (desired.Deploy, "deploy"),
    "network": (desired.Network, "a network"),
    "attachment": (desired.NetworkAttachment, "a service's network"),
    "port": (desired.Port, "a port"),
    "mount": (desired.Mount, "a mount"),
    "healthcheck": (desired.Healthcheck, "a healthcheck"),
    "reservations": (deploying.Reservations, "deploy.resources.reservations"),
    "bind": (desired.BindOptions, "a bind mount"),
    "volume mount": (desired.VolumeOptions, "a volume mount"),
    "config": (storage.ConfigEntry, "a config"),
    "secret": (storage.SecretEntry, "a secret"),
    "volume": (storage.Volume, "a volume"),
    "reference": (storage.FileReference, "a service's config or secret"),
}
"""Each section's model, whose fields are the honoured keys, and what it is called in errors."""

_NOTHING: Final[tuple[Value, ...]] = (None, False, "", (), {})
"""Values by which a key asks for nothing, so that nothing is lost (``privileged: false``)."""


def known(node: Node, section: Section, problems: Problems) -> Node:
    """A mapping with only those keys that the model or a translation understands."""
    if not node.is_mapping:
        return node
    gone = [name for name in node.items if not _stays(name, section)]
    for name in gone:
        if not name.startswith(EXTENSION):
            _say(node, name, section, problems)
    return node.without(*gone) if gone else node


def rows() -> Iterator[str]:
    """The docs' table: every key of every section, what becomes of it, and why."""
    found: dict[tuple[str, ComposeKey], list[str]] = {}
    for section, (model, _) in SECTIONS.items():
        keys = {**dict.fromkeys(model.model_fields, HONOURED), **KEYS[section]}
        for name, key in sorted(keys.items()):
            found.setdefault((name, key), []).append(section)
    for (name, key), where in found.items():
        why = "; ".join(part for part in (key.why, key.instead) if part)
        yield f"| `{name}` | {', '.join(where)} | {key.kind} | {why} |"


def _stays(name: str, section: Section) -> bool:
    key = KEYS[section].get(name)
    return name in SECTIONS[section][0].model_fields or (
        key is not None and key.kind == "translated"
    )


def _say(node: Node, name: str, section: Section, problems: Problems) -> None:
    model, what = SECTIONS[section]
    table = KEYS[section]
    place = node.key(name)
    if name not in table:
        hint = naming.nearest(name, {*model.model_fields, *table})
        problems.error(place, f"unknown key {quoted(name)} in {what}", hint=hint)
    elif table[name].kind == "harmless":
        warning = f"{place.where}: {name} has no effect: {table[name].why}"
        problems.warn(warning, once=f"{section}.{name}")
    elif node.items[name].value not in _NOTHING:
        _refuse(place, f"{name} in {what}", table[name], problems)


def _refuse(place: Node, key: str, about: ComposeKey, problems: Problems) -> None:
    reason = {
        "lost": "would lose its meaning",
        "later": "is not handled by this version of swarmlay",
    }[about.kind]
    hint = about.instead or "remove the key"
    problems.error(place, f"{key} {reason}", why=about.why, hint=hint)
