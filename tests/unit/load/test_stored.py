"""Configs, secrets, volumes and files that playbooks name: what is read, said and hidden."""

import base64

import pytest

from provision.documents import parse
from provision.errors import DocumentError
from provision.load import NamedFile, Unreadable, load_inventory, load_playbooks, named_files
from provision.model.desired import DesiredState
from provision.model.inventory import Inventory

INVENTORY = "cluster: c\nvars: {OWN: mine}\nhosts: {h1: {address: a, role: manager}}\n"
CANARY = "hunter2-canary"
SERVICE = "services: {s: {image: x, %s}}\n"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    """One manager."""
    tree = parse(INVENTORY, file="inv.yml")
    return load_inventory(tree, path="/inv.yml", environment={}, state_dir="/s", home="/h")


def loaded(
    inventory: Inventory, text: str, files: dict[str, bytes] | None = None, **environment: str
) -> DesiredState:
    """What a playbook wants whose files hold *files*; others cannot be read."""
    tree = parse(text, file="p/play.yml")
    named = named_files([tree], inventory.vars, environment)
    found = {n: (files or {}).get(n.path, Unreadable("no such file")) for n in named}
    return load_playbooks([tree], inventory, environment, files=found, salt="salt")


def held(desired: DesiredState, name: str) -> bytes:
    """What a config or secret holds."""
    return base64.b64decode(desired.contents[name].reveal())


def test_files_are_named_relative_to_their_playbook() -> None:
    """Also those that are named by a variable, once each."""
    text = (
        "configs: {a: {file: $NAME}, b: {file: x.txt}}\nsecrets: {c: {file: x.txt}}\n"
        + SERVICE % "env_file: [e, {path: f, required: false}], label_file: l"
    )
    tree = parse(text, file="p/play.yml")

    named = named_files([tree], {"NAME": "n.txt"}, {})

    assert {n.path for n in named} == {"n.txt", "x.txt", "e", "f", "l"}
    assert set(named) == {NamedFile("p/play.yml", n.path) for n in named}


def test_content_comes_from_files_variables_and_the_playbook(inventory: Inventory) -> None:
    """Bytes as they are: a file may be no text."""
    text = (
        "configs: {a: {file: a.bin}, b: {content: 'x $OWN'}, c: {environment: V}}\n"
        "secrets: {d: {environment: V}}\n"
    )
    desired = loaded(inventory, text, {"a.bin": b"\x00\xff"}, V="value")

    assert held(desired, "config/a") == b"\x00\xff"
    assert held(desired, "config/b") == b"x mine"
    assert held(desired, "config/c") == held(desired, "secret/d") == b"value"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("configs: {a: {}}", "says not what it holds"),
        ("configs: {a: {file: x, content: y}}", "has file and content"),
        ("configs: {a: {external: true, file: x}}", "external and cannot have file"),
        ("configs: {a: {file: nowhere}}", "'nowhere' cannot be read"),
        ("configs: {a: {content: ''}}", "is empty"),
        ("secrets: {a: {environment: UNSET}}", "variable 'UNSET' is not set"),
        ("secrets: {a: {content: hunter2-canary}}", "content in a secret would lose"),
        ("secrets: {a: {file: big}}", "longer than 500 KiB"),
        ("configs: {%s: {content: x}}" % ("n" * 51), "is no config name"),
        (SERVICE % "configs: [nix]", "names the config 'nix', which is not declared"),
        ("secrets: {a: {external: true}}\n" + SERVICE % "secrets: [a, a]", "two secrets at 'a'"),
        (
            "secrets: {a: {external: true}}\n" + SERVICE % "secrets: [{source: a, mode: 440}]",
            "'440' is no file mode",
        ),
        (
            "configs: {a: {external: true}}\ncontainers: {s: {on: all, image: x, configs: [a]}}\n",
            "configs in a container would lose its meaning",
        ),
        (
            SERVICE % "deploy: {mode: global-job, update_config: {parallelism: 1}}",
            "is a job and cannot have update_config",
        ),
        (SERVICE % "restart: always, deploy: {mode: replicated-job}", "after success"),
    ],
)
def test_what_cannot_be_is_refused(inventory: Inventory, text: str, what: str) -> None:
    """Each with its place, before anything is asked of an engine."""
    with pytest.raises(DocumentError) as error:
        loaded(inventory, text, {"big": b"x" * (501 * 1024)})

    said = [error.value, *error.value.others]
    assert any(what in one.what for one in said)
    assert all(CANARY not in f"{one.what} {one.why} {one.hint}" for one in said)


@pytest.mark.parametrize(
    ("written", "mode"), [("0440", 0o440), ("0o440", 0o440), ('"440"', 0o440), ('"0400"', 0o400)]
)
def test_modes_are_octal(inventory: Inventory, written: str, mode: int) -> None:
    """As everybody writes them, in YAML 1.1 and in 1.2."""
    text = "secrets: {a: {external: true}}\n" + SERVICE % (
        f"secrets: [{{source: a, mode: {written}}}]"
    )

    assert loaded(inventory, text).services["s"].secrets[0].mode == mode


def test_what_is_loaded_shows_no_content(inventory: Inventory) -> None:
    """Neither its repr nor its text."""
    desired = loaded(inventory, "secrets: {a: {environment: V}}", V=CANARY)

    coded = base64.b64encode(CANARY.encode()).decode()
    for shown in (repr(desired), str(desired), f"{desired.contents}"):
        assert CANARY not in shown
        assert coded not in shown


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("A=b", {"A": "b"}),
        ("export A = b # a comment", {"A": "b"}),
        ("# only\n\nA=b#c", {"A": "b#c"}),
        ("A='$OWN # no'", {"A": "$OWN # no"}),
        ('A="x\\n$OWN"', {"A": "x\nmine"}),
        ('A="two\nlines"\nB=1', {"A": "two\nlines", "B": "1"}),
        ("A=${OWN}-${NO:-d}", {"A": "mine-d"}),
        ("A=\\$OWN", {"A": "$OWN"}),
        ("A=", {"A": ""}),
        ("SET", {"SET": "here"}),
        ("A=x=y", {"A": "x=y"}),
    ],
)
def test_env_files(inventory: Inventory, line: str, variables: dict[str, str]) -> None:
    """Lines are read as Compose reads them."""
    desired = loaded(inventory, SERVICE % "env_file: e", {"e": line.encode()}, SET="here")

    assert desired.services["s"].environment == variables


@pytest.mark.parametrize("own", ["{A: own}", "[A=own]"])
def test_environment_wins_over_files(inventory: Inventory, own: str) -> None:
    """And a later file over an earlier one."""
    words = f"env_file: [e, f], environment: {own}"
    files = {"e": b"A=e\nB=e", "f": b"B=f\nC=f"}

    found = loaded(inventory, SERVICE % words, files).services["s"].environment

    assert found == {"A": "own", "B": "f", "C": "f"}


def test_a_file_that_is_not_required_may_lack(inventory: Inventory) -> None:
    """And raw lines are taken as they are."""
    words = "env_file: [{path: gone, required: false}, {path: e, format: raw}]"

    found = loaded(inventory, SERVICE % words, {"e": b"A='$OWN' # x"}).services["s"]

    assert found.environment == {"A": "'$OWN' # x"}


def test_a_broken_line_is_named_by_its_place(inventory: Inventory) -> None:
    """The file and the line, not the line's text: it may be a password."""
    with pytest.raises(DocumentError) as error:
        loaded(inventory, SERVICE % "env_file: e", {"e": b"A=b\nhunter2-canary !"})

    assert error.value.where == "e:2:1"
    assert CANARY not in f"{error.value.what} {error.value.why} {error.value.hint}"


def test_labels_come_from_files_too(inventory: Inventory) -> None:
    """Those that say what is ours stay ours to set."""
    files = {"l": b"team=web", "m": b"io.swarmlay.cluster=x"}

    assert loaded(inventory, SERVICE % "label_file: l", files).services["s"].labels == {
        "team": "web"
    }
    with pytest.raises(DocumentError, match=r"swarmlay's own"):
        loaded(inventory, SERVICE % "label_file: m", files)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "networks: {n: {driver: bridge}}\n" + SERVICE % "networks: [n]",
            "ends at one host",
        ),
        ("networks: {n: {driver: host}}", "makes no other"),
        ("networks: {n: {driver: macvlan, config_from: m}}", "which holds none"),
        (
            "networks: {m: {config_only: true}, n: {config_from: m}}",
            "has config_from and needs a driver",
        ),
        (
            (
                "networks: {m: {config_only: true}, n: {driver: macvlan, config_from: m, "
                "driver_opts: {parent: eth0}}}"
            ),
            "cannot have driver_opts",
        ),
        ("networks: {m: {config_only: true, attachable: true}}", "cannot have attachable"),
        ("networks: {m: {config_only: true, per_host: {h9: {}}}}", "per_host names 'h9'"),
        ("networks: {m: {per_host: {h1: {}}}}", "cannot have per_host"),
        (
            (
                "networks: {m: {config_only: true}}\n"
                "containers: {c: {on: all, image: x, networks: [m]}}"
            ),
            "it only holds settings",
        ),
    ],
)
def test_networks_of_hosts(inventory: Inventory, text: str, what: str) -> None:
    """What an engine would refuse half-way through is refused at once."""
    with pytest.raises(DocumentError) as error:
        loaded(inventory, text)

    assert what in error.value.what
