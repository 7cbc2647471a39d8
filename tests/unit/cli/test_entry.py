"""From words to exit codes, errors and help."""

import json
import subprocess
import sys

import pytest

from provision.cli.entry import fail, run, wants_json
from provision.cli.verbs import VERBS
from provision.errors import HostKeyMismatch, LockHeld

_HEAVY = ("paramiko", "fabric", "docker", "rich", "yaml", "provision.api", "provision.lab")


@pytest.mark.parametrize("words", [[], *([verb.name] for verb in VERBS), ["hosts", "exec"]])
def test_every_verb_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """--help of every verb ends with 0 and shows how it is used."""
    assert run([*words, "--help"]) == 0
    assert "Usage: swarmlay" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    """--help is quick because it reads a table of verbs."""
    code = (
        "import sys\n"
        "from provision.cli import environment\n"
        "environment.prepare()\n"
        "from provision.cli.entry import run\n"
        "run(['--help'])\n"
        f"sys.exit(', '.join(set({_HEAVY!r}) & set(sys.modules)) or 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """The table is what --help shows, in its order."""
    run(["--help"])
    shown = capsys.readouterr().out

    places = [shown.index(f"  {verb.name} ") for verb in VERBS]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["uup"], "Did you mean 'up'?"),
        (["plan", "--no-such-flag"], "No such option"),
        (["plan", "--parallel", "many"], "--parallel"),
        (["plan", "-o", "html"], "later release"),
        (["plan", "-o", "xml"], "choose text or json"),
        (["up"], "no terminal to ask at"),
        (["down"], "no terminal to ask at"),
        (["hosts", "exec"], "Missing argument"),
        (["plan", "-i", "no/such/file.yml"], "no/such/file.yml"),
        (["docker", "--", "run", "-it", "alpine"], "hosts ssh"),
    ],
)
def test_wrong_usage_ends_with_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong command line is said to be wrong, with exit code 2 and an empty stdout."""
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [["up", "-o", "json"], ["plan", "--output=json", "--nope"]])
def test_errors_are_json_where_json_was_asked_for(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Stdout stays one valid JSON document, also when the command line is wrong."""
    code = run(words)

    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == 1
    assert data["error"]["exit_code"] == code == 2


def test_an_error_says_what_where_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """All four parts reach the person."""
    error = HostKeyMismatch("key changed", where="w1", why="recorded: a", hint="hosts forget w1")

    assert fail(error, ["status"]) == 3
    assert capsys.readouterr().err == (
        "error: w1: key changed\n       recorded: a\n       → hosts forget w1\n"
    )


def test_a_held_lock_is_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else at work ends with 4."""
    assert fail(LockHeld("held", why="bob@desk since 10:00"), []) == 4
    assert "bob@desk" in capsys.readouterr().err


def test_a_bug_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw is said in one line; --debug shows where."""
    assert fail(KeyError("x"), []) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert fail(KeyError("x"), ["--debug"]) == 1
    assert "KeyError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "json_"),
    [
        (["plan", "-o", "json"], True),
        (["plan", "-ojson"], True),
        (["plan", "--output=json"], True),
        (["plan", "-o", "text"], False),
        (["hosts", "exec", "all", "--", "ls", "-o", "json"], False),
        (["plan", "json"], False),
    ],
)
def test_json_is_recognised_without_parsing(words: list[str], json_: bool) -> None:
    """Words after -- are the host's, not ours."""
    assert wants_json(words) is json_


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """--version says which swarmlay this is."""
    from provision import __version__  # noqa: PLC0415 - the point of the test

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"swarmlay {__version__}\n"


def test_ctrl_c_ends_with_130() -> None:
    """A signal while a verb runs ends orderly, says so, and shows no traceback."""
    code = (
        "import signal, os, sys\n"
        "from provision.cli import environment\n"
        "environment.prepare()\n"
        "from provision.cli import entry, invocation\n"
        "def verb(*_):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        "invocation.Invocation.open_inventory = verb\n"
        "sys.exit(entry.run(['hosts', 'list']))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr


def test_time_that_is_up_is_an_error_of_its_own() -> None:
    """--timeout unwinds whatever runs, says what happened, and ends with 1."""
    code = (
        "import signal, sys\n"
        "from provision.cli import environment\n"
        "environment.prepare()\n"
        "from provision.cli import entry, invocation\n"
        "def verb(*_):\n"
        "    try:\n"
        "        signal.pause()\n"
        "    except Exception:\n"
        "        sys.exit('swallowed')\n"
        "invocation.Invocation.open_inventory = verb\n"
        "sys.exit(entry.run(['hosts', 'list', '--timeout', '1']))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "not done within 1 s" in done.stderr
