"""Installing an engine on Debian and Ubuntu: what is refused, and in which order things happen."""

from dataclasses import replace

import pytest

from provision.model.actions import Run, WriteFile
from provision.model.daemon import DAEMON_JSON, PROXY_DROPIN
from provision.model.desired import EngineWanted, Repository
from provision.model.facts import Fact, Known, Unknown
from provision.model.manifest import Manifest
from provision.model.observed import HostFacts, OperatingSystem, Packages
from provision.platforms import platform_for
from provision.platforms.debian import KEYRING, SOURCES, Debian
from provision.platforms.debian.scripts import INSTALL, KEY, PREPARE

BOOKWORM = OperatingSystem("debian", "12", "bookworm")
BARE = HostFacts(
    "web1",
    os=Known(BOOKWORM),
    architecture=Known("amd64"),
    conflicts=Known(()),
    files=Known({}),
    packages=Known(Packages({"ca-certificates": "1"})),
)
DISTRO = EngineWanted(source="distro")
DOCKER = EngineWanted()


@pytest.mark.parametrize("name", ["debian", "ubuntu"])
def test_known_systems_have_a_driver(name: str) -> None:
    """Debian and Ubuntu by their own names."""
    assert platform_for(OperatingSystem(name, "24.04")) is not None


@pytest.mark.parametrize("name", ["arch", "linuxmint", "sles", ""])
def test_other_systems_have_none(name: str) -> None:
    """Derivatives have other codenames: they are not guessed at."""
    assert platform_for(OperatingSystem(name, "1", id_like=("debian",))) is None


@pytest.mark.parametrize(
    ("facts", "wanted", "words"),
    [
        (BARE, EngineWanted(source="present"), "present"),
        (replace(BARE, os=Known(OperatingSystem("debian", "10"))), DISTRO, "too old"),
        (replace(BARE, os=Known(OperatingSystem("ubuntu", "18.04"))), DISTRO, "too old"),
        (replace(BARE, os=Unknown("no answer")), DISTRO, "no answer"),
        (replace(BARE, conflicts=Unknown("cut off")), DISTRO, "cut off"),
        (replace(BARE, files=Known({DAEMON_JSON: "{"})), DISTRO, "not valid"),
        (
            replace(
                BARE,
                files=Known(
                    {
                        "/etc/apt/sources.list.d/docker.list": (
                            "deb https://download.docker.com/linux/debian bookworm stable"
                        )
                    }
                ),
            ),
            DOCKER,
            "docker.list",
        ),
    ],
)
def test_refusals(facts: HostFacts, wanted: EngineWanted, words: str) -> None:
    """Where an installation would go wrong, it is refused with the reason."""
    assert words in Debian().refuses(facts, wanted)


@pytest.mark.parametrize("wanted", [DISTRO, DOCKER, EngineWanted(version="28.*")])
@pytest.mark.parametrize("os", [BOOKWORM, OperatingSystem("ubuntu", "20.04", "focal")])
def test_a_bare_host_is_accepted(wanted: EngineWanted, os: OperatingSystem) -> None:
    """Nothing speaks against it."""
    assert Debian().refuses(replace(BARE, os=Known(os)), wanted) == ""


def scripts(steps: tuple[object, ...]) -> list[object]:
    """What each step does, in order."""
    return [getattr(s, "path", None) or getattr(s, "stdin", None) or s for s in steps]


def test_everything_is_listed_before_it_is_done() -> None:
    """The first step lists; each file is listed before it is written."""
    work = Debian().install(BARE, DOCKER, "demo", daemon_text="{}", proxy_text="[Service]")
    assert "open_manifest" in str(scripts(work.steps)[0])
    seen = ""
    for step in work.steps:
        if isinstance(step, WriteFile):
            assert step.path in seen
        elif isinstance(step, Run):
            seen += " ".join(map(str, step.words)) + " "


def test_settings_are_written_before_the_engine_first_starts() -> None:
    """So that a new engine needs no restart."""
    order = scripts(Debian().install(BARE, DISTRO, "demo", daemon_text="{}", proxy_text="x").steps)
    assert order.index(DAEMON_JSON) < order.index(INSTALL)
    assert order.index(PROXY_DROPIN) < order.index(INSTALL)
    assert order.index(PREPARE) < order.index(INSTALL)


def test_the_key_is_checked_before_the_source_is_written() -> None:
    """A source without its key would make apt complain for ever."""
    order = scripts(Debian().install(BARE, DOCKER, "demo").steps)
    assert order.index(KEY) < order.index(SOURCES) < order.index(INSTALL)


def test_the_source_names_its_key_suite_and_architecture() -> None:
    """Deb822, trusted by that keyring only."""
    steps = Debian().install(BARE, DOCKER, "demo").steps
    text = next(s.content for s in steps if isinstance(s, WriteFile) and s.path == SOURCES)
    assert isinstance(text, str)
    for line in (
        "URIs: https://download.docker.com/linux/debian",
        "Suites: bookworm",
        "Architectures: amd64",
        f"Signed-By: {KEYRING}",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("packages", "steps"), [(Known(Packages()), 1), (Known(Packages({"ca-certificates": "1"})), 0)]
)
def test_a_minimal_system_gets_certificates_first(packages: Fact[Packages], steps: int) -> None:
    """Without them nothing comes over https."""
    work = Debian().install(replace(BARE, packages=packages), DOCKER, "demo")
    units = [s.unit for s in work.steps if isinstance(s, Run)]
    assert units.count("certificates-install") == steps


def test_values_are_arguments_never_text_of_a_script() -> None:
    """A hostile URL or version cannot become shell."""
    wanted = EngineWanted(repository=Repository.model_construct(url="https://x/$(reboot)"))
    for step in Debian().install(BARE, wanted, "demo").steps:
        if isinstance(step, Run):
            assert "reboot" not in str(step.stdin)


@pytest.mark.parametrize(
    ("wanted", "held"),
    [(DOCKER, True), (DISTRO, False), (EngineWanted(source="distro", version="20.*"), True)],
)
def test_what_is_pinned_is_held(wanted: EngineWanted, held: bool) -> None:
    """An upgrade by night would restart the engine."""
    work = Debian().install(BARE, wanted, "demo")
    assert any(c.startswith("apt-mark hold") for c in work.commands) is held


def test_taking_the_proxies_away_removes_the_dropin() -> None:
    """An empty text is not an empty file."""
    work = Debian().configure("demo", proxy_text="")
    assert Run(("rm", "-f", PROXY_DROPIN)) in work.steps
    assert not any(isinstance(s, WriteFile) for s in work.steps)


@pytest.mark.parametrize(("volumes", "word"), [(True, "yes"), (False, "no")])
def test_volumes_stay_unless_asked_for(volumes: bool, word: str) -> None:
    """The script is told; it reads the manifest where it lies."""
    (step,) = Debian().purge(Manifest("demo"), volumes=volumes).steps
    assert isinstance(step, Run)
    assert step.words == ("sh", "-s", "--", word)
