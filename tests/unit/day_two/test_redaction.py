"""A bug report shows what is wrong and no secret."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.model.redaction import looks_secret, redacted, redacted_data
from provision.model.secret_text import HIDDEN

TOKEN = "SWMTKN-1-158e54l09p77k7j2pnsyj80nb02ad9vqcnwkqplg9n8gy0gw3h-8v4yi3ek5qpwahy9nq88m2n7f"  # noqa: S105


@pytest.mark.parametrize(
    "text",
    [
        f"docker swarm join --token {TOKEN} 10.0.0.1:2377",
        "key SWMKEY-1-hunter2hunter2hunter2",
        "DB_PASSWORD=hunter2",
        'env: {"API_TOKEN": "hunter2"}',
        "password: hunter2",
        "proxy http://me:hunter2@proxy:3128",
        "Authorization: Bearer hunter2hunter2",
        r"msg=\"X-Registry-Auth=hunter2\"",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2",
    ],
)
def test_secrets_in_texts_are_hidden(text: str) -> None:
    """Wherever they stand."""
    said = redacted(text)

    assert "hunter2" not in said
    assert TOKEN not in said
    assert HIDDEN in said


@pytest.mark.parametrize(
    "text",
    [
        'level=error msg="fatal task error" module=node/agent/taskmanager task.id=abc',
        "listen tcp 0.0.0.0:7946: bind: address already in use",
        "KEYBOARD=de MONKEY=1 AUTHOR=me",
        "http://10.0.0.5:5000/v2/",
        "state: locked",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Or the report would be of no use."""
    assert redacted(text) == text


def test_data_is_hidden_by_its_name() -> None:
    """However deep; lists of variables by the name in each."""
    data = {
        "JoinTokens": {"Worker": "x1"},
        "Env": ["POSTGRES_PASSWORD=x2", "MODE=prod"],
        "UnlockKey": "x3",
        "auths": {"ghcr.io": {"auth": "x4", "identitytoken": "x5"}},
        "Data": "eDY=",
        "Replicas": 3,
    }
    said = redacted_data(data)

    assert said["Env"] == [f"POSTGRES_PASSWORD={HIDDEN}", "MODE=prod"]
    assert said["Replicas"] == 3
    assert all(secret not in json.dumps(said) for secret in ("x2", "x3", "x4", "x5", "eDY="))


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["PASSWORD", "db_password", "apiKey", "API_KEY", "secret", "X-Auth-Token"]),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=4, max_size=30),
)
def test_no_assignment_to_a_secret_name_survives(name: str, value: str) -> None:
    """In a shell's way of writing, and in JSON's."""
    assert looks_secret(name)
    assert value not in redacted(f"{name}={value} rest").replace(name, "").replace(HIDDEN, "")[:-4]
    assert redacted_data({name: value}) == {name: HIDDEN}
