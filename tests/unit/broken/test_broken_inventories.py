"""Broken inventories: one clear error each, at its place, through the public door."""

from itertools import pairwise
from pathlib import Path

import pytest

from provision.errors import DocumentError
from provision.inventories import open_inventory

HOSTS = "cluster: c\nhosts: {m: {address: a, role: manager}}\n"

# «marks» the place the error must name; then what it must say, and what its hint must say.
CASES = {
    "empty": ("«", "the file is empty", ""),
    "only a comment": ("«# nothing\n", "the file is empty", ""),
    "a list": ("«- a\n", "an inventory is a mapping, not a list", ""),
    "a text": ("«hello\n", "an inventory is a mapping, not 'hello'", ""),
    "unclosed bracket": ("hosts: [a\n«", "a '[' is not closed", "add"),
    "unclosed brace": ("hosts: {a: b\n«", "a '{' is not closed", "add"),
    "unclosed quote": ("cluster: 'demo\n«", "a quoted text is not closed", "add the closing quote"),
    "tab": ("hosts:\n«\tm: {}\n", "this character cannot begin a value", "not with tabs"),
    "colon": ("cluster: a«: b\n", "a ':' is not allowed here", "quote"),
    "indentation": ("cluster: c\n hosts«: {}\n", "a ':' is not allowed", "indentation"),
    "duplicate key": ("cluster: a\n«cluster: b\n", "the key 'cluster' stands twice", "keep one"),
    "duplicate host": (
        "cluster: c\nhosts:\n  m: {address: a, role: manager}\n  «m: {address: b}\n",
        "the key 'm' stands twice",
        "",
    ),
    "python tag": (
        "cluster: «!!python/object/apply:os.system ['touch /tmp/x']\n",
        "is not understood",
        "remove the tag",
    ),
    "own tag": ("cluster: «!secret x\n", "the tag '!secret' is not understood", ""),
    "binary tag": ("cluster: «!!binary aGk=\n", "is not understood", ""),
    "several documents": ("cluster: a\n«---\ncluster: b\n", "several documents", "---"),
    "unknown alias": ("cluster: «*nobody\n", "the alias *nobody names no finished anchor", ""),
    "recursive alias": ("hosts: &h {m: «*h}\n", "names no finished anchor", ""),
    "too deep": ("hosts: " + "[" * 99 + "«" + "[" * 400, "nested deeper than 100", ""),
    "key is a list": (HOSTS + "? «[a]\n: b\n", "a list cannot be a key", ""),
    "merge of text": ("«<<: 1\n".replace("«<<: ", "<<: «"), "'<<' merges mappings only", ""),
    "nul": ("cluster: «\0\n", "the file holds the character '\\x00'", ""),
    "escape": ("cluster: «\x1b[31m\n", "the file holds the character '\\x1b'", ""),
    "escaped nul": ('cluster: «"a\\0b"\n', "a value holds a NUL character", ""),
    "no cluster": ("«hosts: {m: {address: a, role: manager}}\n", "lacks the key 'cluster'", ""),
    "no hosts": ("«cluster: c\n", "the inventory has no hosts", "source"),
    "empty hosts": ("cluster: c\nhosts: «{}\n", "the inventory has no hosts", ""),
    "unknown key": ("cluster: c\n«host: {}\n" + HOSTS[11:], "unknown key 'host'", "'hosts'"),
    "unknown host key": (
        "cluster: c\nhosts:\n  m: {address: a, role: manager, «adress: b}\n",
        "unknown key 'adress' in hosts.m",
        "did you mean 'address'?",
    ),
    "unknown ssh key": (HOSTS + "ssh: {«usr: x}\n", "unknown key 'usr' in ssh", "'user'"),
    "wrong role": (
        "cluster: c\nhosts: {m: {address: a, role: «manger}}\n",
        "hosts.m.role must be one of 'manager' or 'worker', not 'manger'",
        "did you mean 'manager'?",
    ),
    "port is text": (HOSTS + "ssh: {port: «'22'}\n", "ssh.port must be a whole number", ""),
    "port of yaml 1.1": (
        HOSTS + "ssh: {port: «22:22}\n",
        "must be a whole number, not '22:22'",
        "",
    ),
    "port too high": (HOSTS + "ssh: {port: «65536}\n", "ssh.port must be at most 65535", ""),
    "port too low": (HOSTS + "ssh: {port: «0}\n", "ssh.port must be at least 1, not '0'", ""),
    "boolean of yaml 1.1": (
        HOSTS + "ssh: {sudo: «yes}\n",
        "ssh.sudo must be true or false or a mapping, not 'yes'",
        "write true or false",
    ),
    "unknown sudo key": (
        HOSTS + "ssh: {sudo: {«pasword_env: X}}\n",
        "unknown key 'pasword_env' in ssh.sudo",
        "'password_env'",
    ),
    "number for text": (
        HOSTS + "ssh: {user: «1000}\n",
        "ssh.user must be text, not '1000'",
        '"1000"',
    ),
    "host is a text": ("cluster: c\nhosts: {m: «10.0.0.1}\n", "hosts.m must be a mapping", ""),
    "hosts are a list": ("cluster: c\nhosts: «[a, b]\n", "hosts must be a mapping, not a list", ""),
    "no address": ("cluster: c\nhosts:\n  «m: {role: manager}\n", "lacks the key 'address'", ""),
    "bad duration": (HOSTS + "ssh: {wait: «soon}\n", "'soon' is no duration", "10s"),
    "bad time-out": (HOSTS + "ssh: {connect_timeout: «-1}\n", "must be more than 0", ""),
    "shell in cluster": (
        "cluster: «; rm -rf /\n" + HOSTS[11:],
        "'; rm -rf /' is no cluster name",
        "",
    ),
    "shell in host name": (
        "cluster: c\nhosts:\n  «; rm -rf /: {address: a, role: manager}\n",
        "'; rm -rf /' is no host name",
        "letters",
    ),
    "option as host name": (
        "cluster: c\nhosts:\n  «-rf: {address: a, role: manager}\n",
        "'-rf' is no host name",
        "",
    ),
    "option as address": (
        "cluster: c\nhosts: {m: {address: «-oProxyCommand=reboot, role: manager}}\n",
        "hosts.m.address must be a host name, an IPv4 or an IPv6 address",
        "",
    ),
    "user in address": (
        "cluster: c\nhosts: {m: {address: «me@h, role: manager}}\n",
        "not 'me@h'",
        "user and port have keys of their own",
    ),
    "no such IPv4": (
        "cluster: c\nhosts: {m: {address: «10.0.0.256, role: manager}}\n",
        "not '10.0.0.256'",
        "",
    ),
    "command as address": (
        "cluster: c\nhosts: {m: {address: «$$(reboot), role: manager}}\n",
        "hosts.m.address must be",
        "",
    ),
    "option as user": (HOSTS + "ssh: {user: «-lroot}\n", "ssh.user must be a user name", ""),
    "option as key": (HOSTS + "ssh: {key: «-oX=y}\n", "ssh.key must be the path", ""),
    "option as bastion": (HOSTS + "ssh: {bastion: «-oX=y}\n", "ssh.bastion must be", ""),
    "second bastion": (HOSTS + "ssh: {bastion: «'a,b:x'}\n", "ssh.bastion must be", ""),
    "interface": (
        "cluster: c\nhosts: {m: {address: a, role: manager, private_interface: «eth0;x}}\n",
        "hosts.m.private_interface must be the name of a network interface",
        "",
    ),
    "private name": (
        "cluster: c\nhosts: {m: {address: a, role: manager, private_address: «name}}\n",
        "hosts.m.private_address must be an IPv4 or IPv6 address",
        "",
    ),
    "reserved host": (
        "cluster: c\nhosts:\n  «all: {address: a, role: manager}\n",
        "a host cannot be called 'all'",
        "another name",
    ),
    "reserved group": (HOSTS + "groups: {«laptop: [m]}\n", "a group cannot be called 'laptop'", ""),
    "group of a stranger": (
        HOSTS + "groups: {g: [«n]}\n",
        "the group g names an unknown host 'n'",
        "known: m",
    ),
    "group named as a host": (HOSTS + "groups: {«m: [m]}\n", "both a host and a group", ""),
    "no manager": (
        "cluster: c\n«hosts: {m: {address: a}}\n",
        "no host is a manager",
        "role: manager",
    ),
    "same host twice": (
        "cluster: c\nhosts:\n  a: {address: x, role: manager}\n  «b: {address: x, port: 22}\n",
        "b and a are the same host: x port 22",
        "its own address or port",
    ),
    "our own label": (
        "cluster: c\nhosts: {m: {address: a, role: manager, labels: {«io.swarmlay.x: y}}}\n",
        "the label 'io.swarmlay.x' is swarmlay's own",
        "",
    ),
    "unknown source": (
        "cluster: c\nsource: {«vagrnt: .}\n",
        "unknown source 'vagrnt'",
        "'vagrant'",
    ),
    "source of later": ("cluster: c\nsource: {«ec2: {}}\n", "not handled by this version", ""),
    "source is a text": ("cluster: c\nsource: «lab\n", "a source cannot be 'lab'", ""),
    "lab without a name": ("cluster: c\nsource: {lab: «3}\n", "lab must be text, not '3'", ""),
    "bad interpolation": ("cluster: «${\n" + HOSTS[11:], "'${' is no valid interpolation", "$$"),
    "demanded variable": (
        "cluster: «${NOT_SET:?name it}\n" + HOSTS[11:],
        "the variable NOT_SET is required and not set: 'name it'",
        "environment",
    ),
    "registry": (
        HOSTS + "registries: {«https://ghcr.io: {user: a, password_env: B}}\n",
        "'https://ghcr.io' is no registry",
        "HOST:PORT",
    ),
    "password instead of its name": (
        HOSTS + "registries: {ghcr.io: {user: a, password_env: «s3cr3t!}}\n",
        "password_env must be the name of an environment variable",
        "",
    ),
    "variable's name": (HOSTS + "vars: {«a-b: c}\n", "'a-b' is no name of a variable", ""),
    "engine's source": (
        HOSTS + "engine: {source: «dokcer}\n",
        "engine.source must be one of 'docker', 'distro' or 'present', not 'dokcer'",
        "did you mean 'docker'?",
    ),
    "engine's version": (
        HOSTS + "engine: {version: «28.0}\n",
        "must be text, not '28.0'",
        '"28.0"',
    ),
}


def opened(folder: Path, data: bytes) -> DocumentError:
    """The error that an inventory of these bytes gives."""
    (folder / "x.yml").write_bytes(data)
    with pytest.raises(DocumentError) as caught:
        open_inventory("x.yml", environment={}, cwd=folder, home=folder, state_dir=folder)
    return caught.value


@pytest.mark.parametrize("name", CASES)
def test_broken_inventory(name: str, tmp_path: Path) -> None:
    """A broken inventory gives one error with place, cause and advice; exit code 2."""
    marked, says, hint = CASES[name]
    before, text = marked.split("«")[0], marked.replace("«", "")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")

    error = opened(tmp_path, text.encode())

    assert (error.where, error.exit_code, error.others) == (f"x.yml:{line}:{column}", 2, ())
    assert says in error.what
    assert hint in error.hint
    assert str(error).isprintable()


@pytest.mark.parametrize(
    ("data", "where", "says"),
    [
        (b"\x7fELF\x02\x01\x01\x00", "x.yml:1:1", "the file holds the character '\\x7f'"),
        (b"cluster: caf\xe9\n", "x.yml:1:13", "the file is not UTF-8 text: byte 0xe9"),
        ("cluster: c\n".encode("utf-16"), "x.yml:1:1", "the file is not UTF-8 text"),
        (b"#" * 5_000_000, "x.yml:1:1", "the file is larger than 4 MiB"),
    ],
    ids=["ELF", "latin-1", "utf-16", "large"],
)
def test_not_text(data: bytes, where: str, says: str, tmp_path: Path) -> None:
    """What is not UTF-8 text of a sensible size is refused before it is parsed."""
    error = opened(tmp_path, data)

    assert (error.where, error.exit_code) == (where, 2)
    assert says in error.what


def test_bomb(tmp_path: Path) -> None:
    """Aliases that would expand to more than 100 000 values are refused while they are read."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"{n}: &{n} [{','.join([f'*{p}'] * 10)}]" for p, n in pairwise("abcdefgh")]

    error = opened(tmp_path, "\n".join(lines).encode())

    assert error.what == "the document has more than 100000 values"
    assert error.where.startswith("x.yml:5:")


def test_all_at_once(tmp_path: Path) -> None:
    """Everything that is wrong with a document is reported at once, in its order."""
    text = "cluster: ;\nssh: {prot: 1}\nhosts: {m: {address: -o, role: x}}\n"

    error = opened(tmp_path, text.encode())

    assert [one.where for one in (error, *error.others)] == [
        "x.yml:1:10",
        "x.yml:2:7",
        "x.yml:3:22",
        "x.yml:3:32",
    ]


@pytest.mark.parametrize(
    ("name", "says"), [("none.yml", "there is no such file"), (".", "it is a directory")]
)
def test_unreadable(name: str, says: str, tmp_path: Path) -> None:
    """A file that cannot be read is one clear error that names it."""
    with pytest.raises(DocumentError) as caught:
        open_inventory(name, environment={}, cwd=tmp_path, home=tmp_path, state_dir=tmp_path)

    assert (caught.value.where, caught.value.exit_code) == (name, 2)
    assert caught.value.why == says
