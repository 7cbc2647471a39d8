"""JSON Schemas of inventories and playbooks, for editors: the models plus the short forms.

An editor sees what is written, before short forms are made long and variables are filled in.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from provision.load.compose import SECTIONS
from provision.model.compose_keys import KEYS
from provision.model.desired import PlaybookDocument
from provision.model.expectations import KINDS, WITHIN, Argument
from provision.model.inventory import InventoryDocument

Schema: TypeAlias = dict[str, Any]
_Widening: TypeAlias = Callable[[Schema], Schema]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_FILES: Final[Schema] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "required": ["path"],
                        "properties": {
                            "path": {"type": "string"},
                            "required": {"type": "boolean"},
                            "format": {"type": "string"},
                        },
                        "additionalProperties": False,
                    },
                ]
            },
        },
    ]
}
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}
_VARIABLE: Final[Schema] = {"type": "string", "pattern": r"\$"}
_TEXT: Final[Schema] = {"type": "string"}
_TEXTS: Final[Schema] = {"type": "array", "items": {"type": ["string", "number"]}}
_DURATION: Final[Schema] = {
    "type": "string",
    "pattern": r"\$|^([0-9.]+(ns|us|µs|ms|s|m|h|d))+$|^0$",
}
_SIZE: Final[Schema] = {"type": ["integer", "string"]}
_CORES: Final[Schema] = {"type": ["number", "string"]}


def _or(*more: Schema) -> _Widening:
    return lambda schema: {"anyOf": [schema, *more]}


def _instead(schema: Schema) -> _Widening:
    return lambda _schema: schema


def _or_nothing(schema: Schema) -> Schema:
    """A mapping whose values may be left empty."""
    inner = {"anyOf": [schema["additionalProperties"], {"type": "null"}]}
    return {**schema, "additionalProperties": inner}


def _or_short(*more: Schema) -> _Widening:
    """A list whose elements have short forms."""
    return lambda schema: {**schema, "items": {"anyOf": [schema["items"], *more]}}


_MAP: Final = _instead(
    {
        "anyOf": [
            {"type": "object", "additionalProperties": _SCALAR},
            {"type": "array", "items": _TEXT},
        ]
    }
)
_ONE_OR_MORE: Final = _instead({"anyOf": [_TEXT, _TEXTS]})
_TIME: Final = _instead(_DURATION)
_SECONDS: Final = _or(_DURATION)


def _networks(schema: Schema) -> Schema:
    return {"anyOf": [_or_nothing(schema), {"type": "array", "items": _TEXT}]}


def _ulimits(schema: Schema) -> Schema:
    inner = {"anyOf": [schema["additionalProperties"], {"type": "integer"}]}
    return {**schema, "additionalProperties": inner}


_WORKLOAD: Final[Mapping[str, _Widening]] = {
    "command": _ONE_OR_MORE,
    "entrypoint": _ONE_OR_MORE,
    "environment": _MAP,
    "networks": _networks,
    "ports": _or_short({"type": ["string", "integer"]}),
    "volumes": _or_short(_TEXT),
    "labels": _MAP,
    "user": _or({"type": "integer"}),
    "stop_grace_period": _TIME,
    "cap_add": _instead(_TEXTS),
    "cap_drop": _instead(_TEXTS),
    "group_add": _instead(_TEXTS),
    "sysctls": _MAP,
    "ulimits": _ulimits,
    "extra_hosts": _MAP,
    "dns": _ONE_OR_MORE,
    "dns_search": _ONE_OR_MORE,
    "dns_opt": _ONE_OR_MORE,
}
_EXTERNAL: Final = _or({"type": "object"})
_SCALARS: Final = _or({"type": "integer"})
_LIMITS: Final[Mapping[str, _Widening]] = {"cpus": _instead(_CORES), "memory": _instead(_SIZE)}
_UPDATE: Final[Mapping[str, _Widening]] = {"delay": _TIME, "monitor": _TIME}
_SSH: Final[Mapping[str, _Widening]] = {"connect_timeout": _SECONDS, "wait": _SECONDS}

# Model → field → what may be written besides.
_WIDER: Final[Mapping[str, Mapping[str, _Widening]]] = {
    "PlaybookDocument": {"networks": _or_nothing, "volumes": _or_nothing},
    "InventoryDocument": {"vars": _MAP},
    "SshEntry": _SSH,
    "HostEntry": {**_SSH, "labels": _MAP},
    "Service": {**_WORKLOAD, "configs": _or_short(_TEXT), "secrets": _or_short(_TEXT)},
    "Container": {
        **_WORKLOAD,
        "cpus": _instead(_CORES),
        "mem_limit": _instead(_SIZE),
        "mem_reservation": _instead(_SIZE),
    },
    "Network": {"driver_opts": _MAP, "labels": _MAP, "external": _EXTERNAL},
    "HostNetwork": {"driver_opts": _MAP},
    "ConfigEntry": {"labels": _MAP, "external": _EXTERNAL},
    "SecretEntry": {"labels": _MAP, "external": _EXTERNAL},
    "Volume": {"driver_opts": _MAP, "labels": _MAP, "external": _EXTERNAL},
    "FileReference": {"uid": _SCALARS, "gid": _SCALARS, "mode": _instead(_SIZE)},
    "NetworkAttachment": {"driver_opts": _MAP, "aliases": _instead(_TEXTS)},
    "Ipam": {"options": _MAP},
    "Healthcheck": {
        "test": _ONE_OR_MORE,
        "interval": _TIME,
        "timeout": _TIME,
        "start_period": _TIME,
    },
    "Limits": _LIMITS,
    "Reservations": _LIMITS,
    "Logging": {"options": _MAP},
    "Port": {"published": _or(_TEXT)},
    "TmpfsOptions": {"size": _instead(_SIZE), "mode": _instead(_SIZE)},
    "VolumeOptions": {"labels": _MAP},
    "RestartPolicy": {"delay": _TIME, "window": _TIME},
    "UpdateConfig": _UPDATE,
    "Deploy": {"labels": _MAP},
}
# Translated keys have shapes of their own.
_TRANSLATED: Final[Mapping[str, Schema]] = {
    "cpus": _CORES,
    "disable": {"type": "boolean"},
    "mem_limit": _SIZE,
    "mem_reservation": _SIZE,
    "pids_limit": {"type": "integer"},
    "restart": _TEXT,
    "scale": {"type": "integer"},
    "tmpfs": {"anyOf": [_TEXT, _TEXTS]},
    "env_file": _FILES,
    "label_file": _FILES,
}
_ARGUMENTS: Final[Mapping[str, Schema]] = {
    "text": {"type": ["string", "number"]},
    "number": {"type": "integer"},
    "flag": {"type": "boolean"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "texts": {"anyOf": [_TEXT, _TEXTS]},
    "duration": {"anyOf": [{"type": "number"}, _DURATION]},
}


def inventory_schema() -> Schema:
    """The JSON Schema of an inventory file."""
    return _finished(InventoryDocument.model_json_schema(), "An inventory of swarmlay")


def playbook_schema() -> Schema:
    """The JSON Schema of a playbook."""
    schema = _finished(PlaybookDocument.model_json_schema(), "A playbook of swarmlay")
    schema["properties"]["expect"] = {"type": "array", "items": _expectations()}
    return schema


def _finished(schema: Schema, title: str) -> Schema:
    named: dict[str, Schema] = {schema["title"]: schema, **schema.get("$defs", {})}
    for name, one in named.items():
        _widen(name, one)
        _add_keys(name, one)
    return {"$schema": DIALECT, **schema, "title": title}


def _widen(name: str, schema: Schema) -> None:
    """A model's fields, with variables and short forms allowed."""
    wider = _WIDER.get(name, {})
    for field, inner in schema.get("properties", {}).items():
        found = wider[field](inner) if field in wider else inner
        schema["properties"][field] = _with_variables(found)


def _with_variables(schema: Schema) -> Schema:
    """What is no free text may be given by a variable."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _VARIABLE]}
    narrow = {"enum", "const", "pattern"} & schema.keys()
    if narrow or schema.get("type") in ("integer", "number", "boolean"):
        return {"anyOf": [schema, _VARIABLE]}
    return schema


def _add_keys(name: str, schema: Schema) -> None:
    """Keys of the Compose Specification that are translated or harmless; and extensions."""
    for section, (model, _) in SECTIONS.items():
        if model.__name__ != name:
            continue
        schema["patternProperties"] = {"^x-": {}}
        for key, about in KEYS[section].items():
            if about.kind == "translated":
                schema["properties"].setdefault(key, _with_variables(_TRANSLATED[key]))
            elif about.kind == "harmless":
                schema["properties"].setdefault(key, {"description": about.why})


def _expectations() -> Schema:
    """An entry of ``expect``: one kind and its arguments."""
    within = _argument(WITHIN)
    kinds = {name: _kind(arguments, within) for name, arguments in KINDS.items()}
    return {
        "type": "object",
        "properties": {**kinds, "within": within},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 2,
    }


def _kind(arguments: Mapping[str, Argument], within: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**{n: _argument(a) for n, a in arguments.items()}, "within": within},
        "required": [name for name, argument in arguments.items() if argument.required],
        "additionalProperties": False,
    }


def _argument(argument: Argument) -> Schema:
    schema = {**_ARGUMENTS[argument.type], "description": argument.means}
    return _with_variables(
        {**schema, "enum": list(argument.choices)} if argument.choices else schema
    )
