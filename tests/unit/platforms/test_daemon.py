"""The engine's settings are merged, never replaced."""

import json

import pytest

from provision.model.daemon import merge, proxy_dropin, version_matches
from provision.model.desired import Proxy


def test_what_is_there_stays() -> None:
    """Other keys survive, objects are merged, lists and scalars are replaced."""
    existing = '{"a": 1, "log-opts": {"x": "1", "y": "2"}, "dns": ["1.1.1.1"]}'
    merged = merge(existing, {"log-opts": {"y": "3"}, "dns": ["9.9.9.9"]})
    assert merged is not None
    assert json.loads(merged) == {
        "a": 1,
        "log-opts": {"x": "1", "y": "3"},
        "dns": ["9.9.9.9"],
    }


@pytest.mark.parametrize("existing", ["", "  \n", "{}", '{"a": 1}'])
def test_nothing_to_change_is_none(existing: str) -> None:
    """A file that says it already is left alone, however it is laid out."""
    wanted = json.loads(existing) if existing.strip() else {}
    assert merge(existing, wanted) is None


@pytest.mark.parametrize("existing", ["{", "[]", '"text"', "{'a': 1}"])
def test_broken_settings_are_not_overwritten(existing: str) -> None:
    """Somebody's broken file is an error, not a blank."""
    with pytest.raises(ValueError, match=r"."):
        merge(existing, {"a": 1})


def test_peers_are_reached_without_a_proxy() -> None:
    """NO_PROXY names the peers beside what the user wants."""
    text = proxy_dropin(
        Proxy(http="http://p:3128", no_proxy="corp.example, 10.0.0.11"), ["10.0.0.11"]
    )
    assert 'Environment="HTTP_PROXY=http://p:3128"' in text
    assert 'Environment="NO_PROXY=corp.example,10.0.0.11,localhost,127.0.0.1"' in text
    assert "HTTPS_PROXY" not in text


def test_a_proxy_cannot_write_other_settings() -> None:
    """Specifiers are escaped; a line break would begin a setting of its own."""
    assert "%%40" in proxy_dropin(Proxy(http="http://u:a%40b@p"), [])
    with pytest.raises(ValueError, match="cannot be a proxy"):
        proxy_dropin(Proxy.model_construct(http="http://p\nExecStartPre=reboot"), [])


@pytest.mark.parametrize(
    ("version", "pattern", "matches"),
    [("28.5.1", "28.*", True), ("28.5.1", "28.5.1", True), ("27.0.0", "28.*", False)],
)
def test_version_patterns(version: str, pattern: str, matches: bool) -> None:
    """A pin is a shell pattern."""
    assert version_matches(version, pattern) is matches
