"""What a lab may be asked to be, and the names its parts get."""

import pytest

from provision.errors import UsageError
from provision.lab import spec
from provision.lab.spec import LabSpec


def test_three_hosts_by_default() -> None:
    """One manager and two workers, named as in every example."""
    hosts = LabSpec().hosts

    assert [(h.name, h.role, h.short) for h in hosts] == [
        ("manager", "manager", "m1"),
        ("worker-1", "worker", "w1"),
        ("worker-2", "worker", "w2"),
    ]


def test_several_managers_are_numbered() -> None:
    """With more than one manager none has the plain name."""
    made = LabSpec.of("demo", 5, "trixie", managers=3)

    assert [h.name for h in made.hosts] == [
        "manager-1",
        "manager-2",
        "manager-3",
        "worker-1",
        "worker-2",
    ]


@pytest.mark.parametrize("name", ["", "Demo", "a_b", "a.b", "-a", "a-", "a" * 31, "../x", "a b"])
def test_names_that_would_not_fit_are_refused(name: str) -> None:
    """A lab's name stands in host names, paths, comments and interfaces."""
    with pytest.raises(UsageError, match="cannot name a lab"):
        LabSpec(name)


@pytest.mark.parametrize(
    ("hosts", "managers", "suite"),
    [
        (0, 1, "bookworm"),
        (3, 0, "bookworm"),
        (2, 3, "bookworm"),
        (100, 1, "bookworm"),
        (3, 1, "sid"),
    ],
)
def test_impossible_labs_are_refused(hosts: int, managers: int, suite: str) -> None:
    """A lab has a manager, at most 99 hosts, and a suite that was tried."""
    with pytest.raises(UsageError):
        LabSpec.of("demo", hosts, suite, managers)


@pytest.mark.parametrize("lab", ["demo", "a", "pytest-12345-1", "a" * 30, "a-b-c-d-e"])
def test_interface_names_fit_the_kernel(lab: str) -> None:
    """Fifteen characters at most, for the largest lab too."""
    hosts = LabSpec(lab, managers=1, workers=98).hosts
    names = [spec.bridge_name(lab), *(spec.link_name(lab, host.short) for host in hosts)]

    assert max(map(len, names)) <= 15
    assert len(set(names)) == 100
    assert all(name.startswith(spec.bridge_name(lab)) for name in names)


def test_long_names_that_start_alike_differ() -> None:
    """What does not fit is told apart by a digest."""
    assert spec.tag("pytest-12345-1") != spec.tag("pytest-12345-2")
    assert spec.tag("demo") == "demo"


def test_a_lab_never_finds_the_parts_of_another() -> None:
    """No lab's prefix is the beginning of another's names."""
    assert not spec.scope_name("a-b", "manager").startswith(spec.scope_name("a", ""))
    assert not spec.link_name("a-b", "m1").startswith(f"{spec.bridge_name('a')}_")
