"""Unlock keys of autolocked swarms: handed to the operator in a file that only they can read."""

import os
import tempfile
from pathlib import Path

from provision.api.settings import Environment
from provision.model.secret_text import NO_TEXT, SecretText
from provision.model.session import Session


def key_file(env: Environment, cluster: str, swarm_id: str) -> Path:
    """Where the unlock key of this swarm is kept."""
    return env.state_dir / "unlock-keys" / f"{cluster}-{swarm_id}.key"


def known_key(env: Environment, cluster: str) -> SecretText:
    """The newest key that was handed over for *cluster*, if there is one."""
    found = (env.state_dir / "unlock-keys").glob(f"{cluster}-*.key")
    newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    return SecretText(newest.read_text().strip()) if newest else NO_TEXT


def hand_over(env: Environment, cluster: str, swarm_id: str, session: Session) -> SecretText:
    """Read the unlock key and write it where the operator is told; nothing where autolock is off.

    The key before stays beside it: a manager that was down while it was rotated still needs it.
    """
    key = str(session.docker("swarm.unlock_key", {}))
    if not key:
        return NO_TEXT
    path = key_file(env, cluster, swarm_id)
    before = path.read_text().strip() if path.exists() else ""
    if before == key:
        return SecretText(key)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if before:
        _write(path.with_suffix(".old-key"), before)
    _write(path, key)
    if env.notice is not None:
        env.notice(f"the unlock key of cluster {cluster} is in {path}: keep a copy elsewhere")
    return SecretText(key)


def _write(path: Path, key: str) -> None:
    """All of it or nothing, and never readable by others (mkstemp makes it 0600)."""
    number, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "w") as file:
        file.write(f"{key}\n")
    Path(name).replace(path)
