"""What a machine must have before it can hold a lab, and what a lab will do to it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provision.errors import SwarmlayError
from provision.lab.commands import find, run
from provision.lab.labs import LabEvent, OnEvent
from provision.lab.paths import Paths
from provision.lab.rootfs import KEYRING
from provision.lab.spec import LabSpec, bridge_name, scope_name
from provision.lab.subnets import POOL


@dataclass(frozen=True, slots=True)
class Tool:
    """Programs of which the machine needs one, and the Debian package that brings the first."""

    programs: tuple[str, ...]
    package: str


TOOLS = (
    Tool(("ip",), "iproute2"),
    Tool(("iptables",), "iptables"),
    Tool(("unshare",), "util-linux"),
    Tool(("nsenter",), "util-linux"),
    Tool(("setpriv",), "util-linux"),
    Tool(("ssh",), "openssh-client"),
    Tool(("ssh-keygen",), "openssh-client"),
    Tool(("mmdebstrap", "debootstrap"), "mmdebstrap"),
)


def require_linux(platform: str) -> None:
    """Labs are made of Linux namespaces.

    Raises:
        SwarmlayError: *platform* (as in ``sys.platform``) is another system.
    """
    if platform == "linux":
        return
    raise SwarmlayError(
        "the lab needs Linux",
        why=f"its hosts are Linux namespaces; this machine is {platform}",
        hint="use virtual machines: `vagrant up` in this folder makes the same three hosts, "
        "then `swarmlay up -i inventory/vagrant.yml`",
    )


def require_root() -> None:
    """Namespaces, mounts and bridges are root's.

    Raises:
        SwarmlayError: this process is not root's.
    """
    if os.geteuid() != 0:
        raise SwarmlayError(
            "the lab needs root on this machine", hint="`swarmlay lab up` asks and uses sudo"
        )


def missing_packages() -> tuple[str, ...]:
    """The Debian packages that would bring what this machine lacks."""
    lacking = [tool.package for tool in TOOLS if not any(map(find, tool.programs))]
    if not Path(KEYRING).exists():
        lacking.append("debian-archive-keyring")
    return tuple(dict.fromkeys(lacking))


def install_words(packages: Iterable[str]) -> tuple[str, ...]:
    """The command that installs *packages*."""
    return ("apt-get", "install", "-y", "--no-install-recommends", *packages)


def install(packages: tuple[str, ...], on_event: OnEvent) -> None:
    """Install what is missing, as root.

    Raises:
        SwarmlayError: this machine has no apt.
    """
    if find("apt-get") is None:
        raise lacks(packages)
    on_event(LabEvent("packages", f"installing {', '.join(packages)}"))
    run(["apt-get", "update"])
    run(["env", "DEBIAN_FRONTEND=noninteractive", *install_words(packages)], timeout=1800)


def lacks(packages: tuple[str, ...]) -> SwarmlayError:
    """The error for a machine without *packages*."""
    names = ", ".join(packages)
    return SwarmlayError(
        f"this machine lacks what the lab needs: {names}",
        hint=f"sudo {' '.join(install_words(packages))}   (or your system's packages of the same)",
    )


def intentions(spec: LabSpec, paths: Paths, packages: tuple[str, ...]) -> tuple[str, ...]:
    """What `up` does to the machine, one sentence each, for consent."""
    hosts = ", ".join(host.name for host in spec.hosts)
    return (
        *((f"install {', '.join(packages)} with apt",) if packages else ()),
        f"make a Debian {'+'.join(spec.suites)} system and images in {paths.cache} (once)",
        f"make {hosts} in namespaces: {scope_name(spec.name, '*')}",
        f"keep their disks in {paths.lab(spec.name)}",
        f"make the bridge {bridge_name(spec.name)} with a free /24 of {POOL} and a registry on it",
        "switch on IPv4 forwarding and add iptables rules for that bridge (forward, masquerade)",
        f"undo all of it, but the cache, with `swarmlay lab down --name {spec.name}`",
    )
