"""Kernel modules that Docker in the hosts needs: a host cannot load its own machine's modules."""

from pathlib import Path

from provision.errors import ActionFailed
from provision.lab.commands import attempt

WANTED = (
    "overlay", "veth", "bridge", "br_netfilter", "vxlan", "ip_vs", "ip_vs_rr", "xt_ipvs", "tun",
    "ip_tables", "iptable_filter", "iptable_nat", "iptable_mangle", "nf_conntrack", "nf_nat",
    "xt_conntrack", "xt_MASQUERADE", "xt_addrtype", "xt_comment", "xt_mark", "xt_multiport",
    "xt_policy", "esp4", "xfrm_user", "dummy", "macvlan",
)  # fmt: skip
_LOADED = Path("/sys/module")


def missing_modules() -> tuple[str, ...]:
    """Those that are neither loaded nor built in, as far as one can see."""
    return tuple(name for name in WANTED if not (_LOADED / name).exists())


def load_modules(names: tuple[str, ...]) -> None:
    """Load what there is; a kernel that lacks one makes Docker say so in its own words."""
    _modprobe(("-a", "-q"), names)


def unload_modules(names: tuple[str, ...]) -> None:
    """Unload what `load_modules` loaded, unless somebody uses it by now."""
    for name in reversed(names):
        _modprobe(("-r", "-q"), (name,))


def _modprobe(options: tuple[str, ...], names: tuple[str, ...]) -> None:
    try:
        if names:
            attempt(["modprobe", *options, *names])
    except ActionFailed:
        return  # no modprobe: a kernel without modules
