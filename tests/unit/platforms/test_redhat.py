"""Installing with dnf, as documented: nothing of this ever ran on such a host."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from provision.model.actions import Run, WriteFile
from provision.model.daemon import DAEMON_JSON
from provision.model.desired import EngineWanted, Repository
from provision.model.facts import Known, Unknown
from provision.model.manifest import Entry, Manifest
from provision.model.observed import HostFacts, OperatingSystem
from provision.model.probes import Answer
from provision.platforms import platform_for
from provision.platforms.redhat import FINGERPRINT, REPOSITORY, RedHat
from provision.platforms.redhat.scripts import INSTALL, KEY, PREPARE, PURGE, TRANSACTION
from provision.probes import packages, system

RECORDINGS = Path(__file__).parents[2] / "recordings"
ONE, TWO = (RECORDINGS / "keys" / "fingerprints").read_text().split()
OS_RELEASES = {
    "rhel": 'NAME="Red Hat Enterprise Linux"\nVERSION_ID="9.4"\nID="rhel"\nID_LIKE="fedora"\n',
    "rocky": 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.5"\n',
    "fedora": 'NAME="Fedora Linux"\nVERSION_ID=41\nID=fedora\nVERSION_CODENAME=""\n',
    "amzn": 'NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n',
}


def host(name: str, version: str) -> HostFacts:
    """A bare host of that system."""
    os = OperatingSystem(name, version, pretty=f"{name} {version}")
    return HostFacts("web1", os=Known(os), conflicts=Known(()), files=Known({}))


DOCKER, DISTRO = EngineWanted(), EngineWanted(source="distro")


@pytest.mark.parametrize("name", OS_RELEASES)
def test_systems_are_known_by_their_os_release(name: str) -> None:
    """Each has its documented id; what dpkg would say of the architecture, uname says."""
    text = f"@@ os\n{OS_RELEASES[name]}@@ architecture\nx86_64\n@@ hostname\nh\n@@ machine\n0\n"
    fact = system.parse(Answer(0, text))
    assert isinstance(fact, Known)
    os = fact.value["os"]
    assert isinstance(os, Known)
    assert isinstance(platform_for(os.value), RedHat)
    assert fact.value["architecture"] == Known("amd64")


@pytest.mark.parametrize(
    ("facts", "wanted", "words"),
    [
        (host("rhel", "9.4"), DOCKER, ""),
        (host("rocky", "8.10"), DOCKER, ""),
        (host("fedora", "41"), DISTRO, ""),
        (host("amzn", "2023"), DISTRO, ""),
        (host("amzn", "2023"), DOCKER, "engine: {source: distro}"),
        (host("amzn", "2"), DISTRO, "too old"),
        (host("centos", "7"), DOCKER, "too old"),
        (host("almalinux", "9.5"), DISTRO, "engine: {source: docker}"),
        (host("rhel", "9"), EngineWanted(source="present"), "present"),
        (replace(host("rhel", "9"), os=Unknown("no answer")), DOCKER, "no answer"),
        (replace(host("rhel", "9"), conflicts=Unknown("cut off")), DOCKER, "cut off"),
        (replace(host("rhel", "9"), files=Known({DAEMON_JSON: "{"})), DOCKER, "not valid"),
    ],
)
def test_what_cannot_be_installed_is_refused(
    facts: HostFacts, wanted: EngineWanted, words: str
) -> None:
    """Before anything is done, with the word that helps."""
    assert bool(RedHat().refuses(facts, wanted)) is bool(words)
    assert words in RedHat().refuses(facts, wanted)


@pytest.mark.parametrize(
    ("facts", "base"),
    [
        (host("rhel", "9.4"), "https://download.docker.com/linux/rhel/9/$basearch/stable"),
        (host("rocky", "9.5"), "https://download.docker.com/linux/centos/9/$basearch/stable"),
        (host("fedora", "41"), "https://download.docker.com/linux/fedora/41/$basearch/stable"),
    ],
)
def test_dockers_repository_is_trusted_by_its_rpm_key(facts: HostFacts, base: str) -> None:
    """The folder is the one that Docker documents; packages must be signed."""
    work = RedHat().install(facts, DOCKER, "demo")
    text = next(str(s.content) for s in work.steps if isinstance(s, WriteFile))
    assert f"baseurl={base}" in text
    assert "gpgcheck=1" in text
    key = next(s for s in work.steps if isinstance(s, Run) and s.stdin == KEY)
    assert key.words[4] == FINGERPRINT
    order = [getattr(s, "stdin", None) or getattr(s, "path", "") for s in work.steps]
    assert order.index(PREPARE) < order.index(KEY) < order.index(REPOSITORY) < order.index(INSTALL)


def test_a_key_of_ones_own_is_asked_for() -> None:
    """A mirror signs with another key."""
    wanted = EngineWanted(repository=Repository(url="https://mirror.test/d", fingerprint=ONE))
    work = RedHat().install(host("rhel", "9"), wanted, "demo")
    key = next(s for s in work.steps if isinstance(s, Run) and s.stdin == KEY)
    assert key.words[3:5] == ("https://mirror.test/d/rhel/gpg", ONE)


def test_own_packages_need_no_repository() -> None:
    """Amazon's is called docker; a version is a part of the package's name."""
    wanted = EngineWanted(source="distro", version="25.*")
    work = RedHat().install(host("amzn", "2023"), wanted, "demo")
    install = next(s for s in work.steps if isinstance(s, Run) and s.stdin == INSTALL)
    assert install.words[3:] == ("demo", "docker-25.*")
    assert not any(isinstance(s, WriteFile) for s in work.steps)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (
            "dnf4",
            [
                "+containerd.io",
                "+docker-ce",
                "+docker-ce-cli",
                "+container-selinux",
                "+docker-ce-rootless-extras-and-a-long-name",
            ],
        ),
        ("dnf5", ["+docker-ce", "+iptables-nft", "-podman-docker"]),
    ],
)
def test_dnfs_table_is_read(name: str, changes: list[str]) -> None:
    """What is added will be listed; what would go is a reason to refuse."""
    words = ["awk", TRANSACTION, str(RECORDINGS / "dnf" / f"{name}.txt")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == changes


@pytest.mark.parametrize("script", [PREPARE, INSTALL, KEY, PURGE])
def test_scripts_are_posix(script: str) -> None:
    """At least the shell can read them."""
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="fetching needs curl")
@pytest.mark.parametrize(("key", "wanted", "code"), [
    ("one", ONE, 0), ("one", TWO, 4), ("both", ONE, 4), ("both", TWO, 4),
])  # fmt: skip
def test_a_key_is_trusted_by_its_fingerprint_only(
    key: str, wanted: str, code: int, tmp_path: Path
) -> None:
    """The real script on real keys; what is kept is the armoured block that rpm reads."""
    kept = tmp_path / "RPM-GPG-KEY-docker"
    url = f"file://{RECORDINGS}/keys/{key}.asc"
    words = ["sh", "-s", "--", url, wanted, str(kept)]
    done = subprocess.run(words, input=KEY, text=True, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert kept.exists() is (code == 0)
    assert code or kept.read_text().startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")


def test_purging_names_what_is_typed_by_hand() -> None:
    """Exactly the packages that came, not what hangs on them."""
    manifest = Manifest("demo", (Entry("package", "docker-ce"), Entry("file", REPOSITORY)))
    assert RedHat().purge(manifest).commands == (
        "rpm --erase docker-ce",
        f"rm {REPOSITORY}",
    )


def test_packages_of_rpm_are_read_like_dpkgs() -> None:
    """Held ones are not known there."""
    said = "@@ packages\nii |iptables-nft|1.8.10-2\n@@ locks\n812 dnf\n@@ cloud-init\nabsent\n"
    fact = packages.parse(Answer(0, said))
    assert isinstance(fact, Known)
    assert fact.value.installed == {"iptables-nft": "1.8.10-2"}
    assert fact.value.locked_by == "dnf (812)"


def test_settings_and_proxies_are_written_before_the_engine_starts() -> None:
    """No restart is needed then."""
    work = RedHat().install(
        host("fedora", "41"), DISTRO, "demo", daemon_text="{}", proxy_text="[Service]"
    )
    order = [getattr(s, "path", "") or getattr(s, "stdin", "") for s in work.steps]
    assert order.index(DAEMON_JSON) < order.index(INSTALL)
    again = RedHat().configure("demo", proxy_text="")
    assert any(isinstance(s, Run) and s.words[0] == "rm" for s in again.steps)
    assert again.commands[-1] == "systemctl restart docker"
    assert RedHat().start().commands == ("systemctl enable --now docker",)
