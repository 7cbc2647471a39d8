"""Inventories: defaults, sources, paths, managers."""

import pytest

from provision.documents import parse
from provision.errors import DocumentError
from provision.load import load_inventory, source_of
from provision.model.connection import Sudo
from provision.model.desired import EngineWanted
from provision.model.inventory import Inventory, LabSource, SourcedHost, SshConfigSource


def loaded(
    text: str, sourced: tuple[SourcedHost, ...] | None = None, **environment: str
) -> Inventory:
    """The inventory of a file /p/inventory/f.yml."""
    return load_inventory(
        parse(text, file="inventory/f.yml"),
        path="/p/inventory/f.yml",
        environment=environment,
        state_dir="/state",
        home="/home/me",
        ssh_config="/home/me/.ssh/config",
        sourced_hosts=sourced,
    )


def test_defaults_of_ssh() -> None:
    """Settings under ssh: hold for every host that does not say otherwise."""
    inventory = loaded(
        "cluster: c\nssh: {user: u, port: 1, bastion: b, wait: 2m, sudo: {ask: true}}\n"
        "hosts: {m: {address: a, role: manager}, w: {address: b, user: v, port: 2, sudo: false}}\n"
    )

    first, second = (host.ssh for host in inventory.hosts)
    assert (first.user, first.port, first.bastion, first.wait) == ("u", 1, "b", 120.0)
    assert (second.user, second.port, second.bastion, second.wait) == ("v", 2, "b", 120.0)
    assert (first.sudo, second.sudo) == (Sudo(ask=True), Sudo(enabled=False))


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("~/.ssh/k", "/home/me/.ssh/k"),
        ("../k", "/p/k"),
        ("k", "/p/inventory/k"),
        ("/k", "/k"),
        ("$K/k", "/e/k"),
    ],
)
def test_paths(written: str, path: str) -> None:
    """A path is relative to the file it stands in; ~ is the home that was handed in."""
    text = f"cluster: c\nhosts: {{m: {{address: a, role: manager, key: {written}}}}}\n"

    assert loaded(text, K="/e").hosts[0].ssh.key == path


def test_host_keys_are_pinned_per_cluster_and_file() -> None:
    """known_hosts lies under the state directory, named for cluster and inventory path."""
    text = "cluster: c\nhosts: {m: {address: a, role: manager}}\n"

    path = loaded(text).hosts[0].ssh.known_hosts

    assert path.startswith("/state/known_hosts/c-")
    assert path != loaded(text.replace("cluster: c", "cluster: d")).hosts[0].ssh.known_hosts


def test_what_ssh_decides() -> None:
    """What the inventory does not say is left to the user's ssh_config and OpenSSH's defaults."""
    target = loaded("cluster: c\nhosts: {m: {address: a, role: manager}}\n").hosts[0].ssh

    assert (target.user, target.port, target.key, target.bastion) == (None, None, None, None)
    assert target.ssh_config == "/home/me/.ssh/config"
    assert target.host_key == "accept-new"


def test_source_and_additions() -> None:
    """A source's hosts come first; the file's words win; further hosts need an address."""
    sourced = (
        SourcedHost("m", "1.1.1.1", role="manager", user="u", key="/k", known_hosts="/kh"),
        SourcedHost("w", "1.1.1.2", host_key="strict", engine=EngineWanted(source="distro")),
    )

    inventory = loaded(
        "cluster: c\nsource: {lab: x}\nssh: {user: d, key: k}\nengine: {daemon: {a: b}}\n"
        "hosts: {w: {labels: {z: 1}, user: me}, x: {address: 1.1.1.3}}\n",
        sourced,
    )

    m, w, x = inventory.hosts
    assert (m.ssh.user, m.ssh.key, m.ssh.known_hosts) == ("u", "/k", "/kh")
    assert (w.ssh.user, w.labels, w.ssh.host_key) == ("me", {"z": "1"}, "strict")
    assert w.engine == EngineWanted(source="distro", daemon={"a": "b"})
    assert (x.ssh.user, x.ssh.key) == ("d", "/p/inventory/k")


def test_host_that_the_source_lacks() -> None:
    """Words about a host that neither has an address nor is in the source are an error."""
    text = "cluster: c\nsource: {lab: x}\nhosts:\n  wroker: {role: worker}\n"
    sourced = (SourcedHost("m", "a", role="manager"), SourcedHost("worker", "b"))

    with pytest.raises(DocumentError) as caught:
        loaded(text, sourced)

    assert caught.value.where == "inventory/f.yml:4:3"
    assert caught.value.what == "the source gives no host 'wroker'"
    assert caught.value.hint == "did you mean 'worker'?"


def test_sources() -> None:
    """A source is told before anything else is looked at."""
    assert source_of(parse("source: {lab: $L}", file="f"), {"L": "x"}) == LabSource(lab="x")
    found = source_of(parse("source: {ssh_config: f, hosts: [a]}", file="f"), {})
    assert found == SshConfigSource(ssh_config="f", hosts=["a"])
    assert source_of(parse("hosts: {}", file="f"), {}) is None


def test_even_number_of_managers() -> None:
    """An even number of managers is a warning with its place."""
    text = "cluster: c\nhosts: {a: {address: a, role: manager}, b: {address: b, role: manager}}\n"

    assert loaded(text).warnings == (
        "inventory/f.yml:2:1: 2 managers survive no more losses than 1 would; use an odd number",
    )


def test_same_address_behind_different_doors() -> None:
    """127.0.0.1 with different ports, or behind different bastions, are different hosts."""
    text = (
        "cluster: c\nhosts:\n  a: {address: 127.0.0.1, port: 2222, role: manager}\n"
        "  b: {address: 127.0.0.1, port: 2200}\n  c: {address: 127.0.0.1, port: 2200, bastion: x}\n"
    )

    assert [host.name for host in loaded(text).hosts] == ["a", "b", "c"]


@pytest.mark.parametrize("address", ["a", "web_1.example.org", "10.0.0.1", "::1", "fe80::1%eth0"])
def test_addresses(address: str) -> None:
    """Names, IPv4 and IPv6 literals, with a zone as well."""
    text = f"cluster: c\nhosts: {{m: {{address: '{address}', role: manager}}}}\n"

    assert loaded(text).hosts[0].ssh.address == address


def test_variables() -> None:
    """Vars are filled from the environment, then fill everything else."""
    inventory = loaded(
        "cluster: $NAME\nvars: {NAME: '${FROM:-x}-c', N: 7}\n"
        "hosts: {m: {address: a, role: manager}}\n",
        FROM="env",
    )

    assert (inventory.cluster, inventory.vars) == ("env-c", {"NAME": "env-c", "N": "7"})
