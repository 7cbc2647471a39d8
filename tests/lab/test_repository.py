"""Docker's own repository, stood in for by a signed one that the test serves to the lab."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.lab.labs import Lab
from provision.model.actions import Run
from provision.model.desired import EngineWanted, Repository
from provision.model.facts import Known
from provision.model.manifest import decode
from provision.model.platform import Work
from provision.platforms.debian import KEYRING, SOURCES, Debian
from provision.platforms.debian.scripts import KEY
from tests.lab.carried_out import carry_out
from tests.lab.checked import Checked, opened
from tests.lab.signed_repository import build, served

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Offer:
    """A lab and a repository that its hosts can reach."""

    lab: Checked
    url: str
    fingerprint: str

    def install(self, fingerprint: str = "", version: str | None = None) -> Work:
        """The work of installing from it."""
        repository = Repository(url=self.url, fingerprint=fingerprint or self.fingerprint)
        facts = self.lab.observe().hosts["manager"]
        wanted = EngineWanted(source="docker", version=version, repository=repository)
        assert Debian().refuses(facts, wanted) == ""
        return Debian().install(facts, wanted, "demo")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def offer(
    fresh_lab: Callable[..., Lab],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Offer]:
    """A signed repository on the lab's bridge."""
    folder: Path = tmp_path_factory.mktemp("repository")
    made = fresh_lab(workers=0, suite=request.param)
    with opened(made) as lab, served(folder, made.bridge_address) as url:
        debs = {"docker-ce": _url(lab, "docker.io")}
        if request.param == "trixie":
            debs["docker-ce-cli"] = _url(lab, "docker-cli")
        yield Offer(lab, url, build(folder, request.param, debs))


def _url(lab: Checked, package: str) -> str:
    """Where the host's own apt would get it."""
    return lab.run("manager", f"apt-get download --print-uris {package}").split("'")[1]


def test_a_wrong_key_is_refused(offer: Offer) -> None:
    """Both fingerprints are named, and neither key nor source is on the host."""
    wrong = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
    steps = offer.install(fingerprint=wrong).steps
    fetch = next(s for s in steps if isinstance(s, Run) and s.stdin == KEY)
    answer = offer.lab.sessions["manager"].do(fetch, {})
    assert answer.exit_code == 4
    assert wrong in answer.stderr
    assert offer.fingerprint in answer.stderr
    assert offer.lab.run("manager", f"ls {KEYRING} {SOURCES} 2>/dev/null || true") == ""


def test_a_pinned_engine_comes_and_goes(offer: Offer) -> None:
    """``28.*`` is the newest 28, held; what is not offered is refused; purging takes all away."""
    lab, door = offer.lab, offer.lab.sessions["manager"]
    steps = offer.install(version="26.*").steps
    at = next(n for n, s in enumerate(steps) if isinstance(s, Run) and s.unit == "engine-install")
    carry_out(door, steps[:at])
    answer = door.do(steps[at], {})
    assert not answer.ok
    assert "28.5.0" in answer.stderr

    carry_out(door, offer.install(version="28.*").steps)
    facts = lab.observe().hosts["manager"]
    assert isinstance(facts.packages, Known)
    assert facts.packages.value.installed["docker-ce"].startswith("5:28.5.0-")
    assert set(facts.packages.value.held) == {"docker-ce", "docker-ce-cli", "containerd.io"}
    assert isinstance(facts.engine, Known)
    assert facts.engine.value is not None
    assert facts.engine.value.package == "docker-ce"
    assert lab.run("manager", "apt-get update -q 2>&1 | grep -E '^(W|E|Err)' || true") == ""

    assert isinstance(facts.manifest, Known)
    listed = decode(facts.manifest.value)
    assert listed is not None
    carry_out(door, Debian().purge(listed).steps)
    left = f"ls -d {KEYRING} {SOURCES} /var/lib/swarmlay 2>/dev/null;"
    left += " dpkg -l | grep -E 'docker|containerd'; apt-mark showhold"
    assert lab.run("manager", left) == ""
