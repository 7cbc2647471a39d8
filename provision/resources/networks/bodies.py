"""A network of the playbook → the Engine API's create body, and the command for it."""

from collections.abc import Mapping
from typing import Any

from provision.model.context import Context
from provision.model.desired import Ipam, IpamPool, Network
from provision.model.labels import SPEC, digest, ownership

_SHOWN = (
    "Driver", "Scope", "Attachable", "Internal", "EnableIPv6", "Options", "IPAM",
    "ConfigOnly", "ConfigFrom",
)  # fmt: skip


def real_name(name: str, network: Network) -> str:
    """The network's name in Docker."""
    return network.name or name


def real_names(context: Context) -> dict[str, str]:
    """The playbooks' names → the names in Docker."""
    return {n: real_name(n, w) for n, w in context.desired.networks.items()}


def body(context: Context, name: str, network: Network, host: str = "") -> dict[str, Any]:
    """The create body, without the fingerprint label; *host* where it is made on each host."""
    if network.config_from is not None:
        return _configured(context, name, network)
    asked: dict[str, Any] = {
        "Name": real_name(name, network),
        "Driver": network.driver,
        "Attachable": network.attachable,
        "Internal": network.internal,
        "EnableIPv6": network.enable_ipv6,
        "CheckDuplicate": True,
        "Options": dict(network.driver_opts),
        "Labels": {
            **network.labels,
            **ownership(context.cluster_name, context.desired.origin.get(f"network/{name}", "")),
        },
    }
    here = network.per_host.get(host)
    if here is not None and here.driver_opts is not None:
        asked["Options"] = dict(here.driver_opts)
    if network.config_only:
        asked = {k: v for k, v in asked.items() if k not in ("Driver", "Attachable", "Internal")}
        asked["ConfigOnly"] = True
    return asked | _addresses(here.ipam if here and here.ipam is not None else network.ipam)


def _configured(context: Context, name: str, network: Network) -> dict[str, Any]:
    """The engine takes no labels here: what is ours is known by the settings it names."""
    source = str(network.config_from)
    settings = context.desired.networks.get(source)
    return {
        "Name": real_name(name, network),
        "Driver": network.driver,
        "Scope": "swarm",
        "Attachable": network.attachable,
        "CheckDuplicate": True,
        "ConfigFrom": {"Network": real_name(source, settings) if settings else source},
    }


def _addresses(ipam: Ipam) -> dict[str, Any]:
    if not (ipam.config or ipam.driver or ipam.options):
        return {}
    pools = [_pool(p) for p in ipam.config]
    driver, options = ipam.driver or "default", dict(ipam.options)
    return {"IPAM": {"Driver": driver, "Options": options, "Config": pools}}


def _pool(pool: IpamPool) -> dict[str, Any]:
    made = {"Subnet": pool.subnet, "Gateway": pool.gateway, "IPRange": pool.ip_range}
    kept: dict[str, Any] = {k: v for k, v in made.items() if v}
    return {**kept, "AuxiliaryAddresses": dict(pool.aux_addresses)} if pool.aux_addresses else kept


def marked(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The body with its fingerprint, where the engine takes labels."""
    if "Labels" not in asked:
        return dict(asked)
    return {**asked, "Labels": {**asked["Labels"], SPEC: digest(asked)}}


def shape(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What of a network is worth comparing by eye."""
    return {k: raw[k] for k in _SHOWN if raw.get(k)}


def command(asked: Mapping[str, Any]) -> str:
    """The `docker network create` that a person would type."""
    words = ["docker network create"]
    words += [f"--driver {asked['Driver']}"] if asked.get("Driver") else []
    words += [
        flag
        for key, flag in (
            ("ConfigOnly", "--config-only"),
            ("Attachable", "--attachable"),
            ("Internal", "--internal"),
            ("EnableIPv6", "--ipv6"),
        )
        if asked.get(key)
    ]
    if "ConfigFrom" in asked:
        words += ["--scope swarm", f"--config-from {asked['ConfigFrom']['Network']}"]
    words += [f"--opt {k}={v}" if v else f"--opt {k}" for k, v in asked.get("Options", {}).items()]
    words += [word for p in asked.get("IPAM", {}).get("Config", ()) for word in _pool_words(p)]
    return " ".join([*words, str(asked["Name"])])


def _pool_words(pool: Mapping[str, Any]) -> list[str]:
    flags = (("Subnet", "--subnet"), ("Gateway", "--gateway"), ("IPRange", "--ip-range"))
    words = [f"{flag} {pool[key]}" for key, flag in flags if key in pool]
    auxiliary = pool.get("AuxiliaryAddresses", {})
    return words + [f"--aux-address {name}={address}" for name, address in auxiliary.items()]
