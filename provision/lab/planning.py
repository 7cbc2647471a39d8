"""From what is wanted and what is there to the lab as it will be: pure but for new identities."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from provision.errors import UsageError
from provision.lab.cgroups import Cgroups
from provision.lab.host_init import Plug
from provision.lab.labs import Lab, LabHost
from provision.lab.spec import SSH_USER, LabSpec, Suite, bridge_name, link_name, scope_name
from provision.lab.subnets import bridge_address, hardware_address, host_address

MTU = 1500


def refuse_other(before: Lab | None, spec: LabSpec) -> None:
    """A lab that is there may be completed, not turned into another one.

    Raises:
        UsageError: *before* has other hosts than *spec*.
    """
    if before is None:
        return
    wanted = [(host.name, host.role) for host in spec.hosts]
    there = [(host.name, host.role) for host in before.hosts]
    if (before.suite, there) != (spec.suite, wanted):
        raise UsageError(
            f"lab {spec.name} is there, with other hosts",
            why=f"it has {', '.join(name for name, _ in there)} on {before.suite}",
            hint=f"end it with `swarmlay lab down --name {spec.name}`, or choose another --name",
        )


def planned(
    spec: LabSpec, subnet: str, port: int, folder: Path, rootfs: Mapping[Suite, Path]
) -> Lab:
    """A new lab in *folder*: addresses in the order of its hosts, the registry at *port*."""
    return Lab(
        name=spec.name,
        suite=spec.suite,
        subnet=subnet,
        bridge_address=bridge_address(subnet),
        registry=f"{bridge_address(subnet)}:{port}",
        user=SSH_USER,
        key=str(folder / "id_ed25519"),
        known_hosts=str(folder / "known_hosts"),
        hosts=tuple(
            LabHost(
                host.name,
                host.role,
                host_address(subnet, index),
                host.short,
                uuid.uuid4().hex,
                rootfs=str(rootfs[host.suite]),
            )
            for index, host in enumerate(spec.hosts)
        ),
    )


def completed(before: Lab, rootfs: Path) -> Lab:
    """A lab that is there; its disks fit only the root file system they were begun on."""
    known = before.rootfs or all(host.rootfs for host in before.hosts)
    return before if known else replace(before, rootfs=str(rootfs))


def plug(lab: Lab, host: LabHost, folder: Path, layout: Cgroups) -> Plug:
    """What the scripts of *host*, kept in *folder*, need to know."""
    return Plug(
        folder=folder,
        rootfs=Path(host.rootfs or lab.rootfs),
        hostname=host.name,
        scope=scope_name(lab.name, host.name),
        link=link_name(lab.name, host.short),
        bridge=bridge_name(lab.name),
        address=f"{host.address}/24",
        mac=hardware_address(host.address),
        gateway=lab.bridge_address,
        mtu=MTU,
        cgroups=layout,
    )
