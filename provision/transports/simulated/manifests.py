"""The manifest as a simulated host keeps it: the effects of the shell functions, not their text."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from provision.model.manifest import MANIFEST
from provision.model.probes import Answer
from provision.transports.simulated.disk import StoredFile

Entry: TypeAlias = tuple[str, str, str]


class ManifestFile:
    """``/var/lib/swarmlay/manifest.json`` and the originals of files that were there before.

    Args:
        files: the host's files, by path.
    """

    def __init__(self, files: dict[str, StoredFile]) -> None:
        self._files = files
        self._before: dict[str, StoredFile] = {}

    @property
    def entries(self) -> list[Entry]:
        """What is listed."""
        found = self._read()
        return [(e["kind"], e["name"], e["detail"]) for e in found.get("entries", ())]

    def names(self, kind: str) -> list[str]:
        """Names of all entries of *kind*."""
        return [name for known, name, _ in self.entries if known == kind]

    def record(self, cluster: str, wanted: Iterable[Sequence[str]]) -> Answer:
        """List entries that are not listed; another cluster's list is refused."""
        owner = self._read().get("cluster", cluster)
        if owner != cluster:
            why = f"this host is listed by the cluster '{owner}' ({MANIFEST}), not '{cluster}'"
            return Answer(4, "", why)
        entries = self.entries
        for kind, name, detail in wanted:
            self._note(entries, kind, name, detail)
        listed = [dict(zip(("kind", "name", "detail"), e, strict=True)) for e in entries]
        text = json.dumps({"schema": 1, "cluster": cluster, "entries": listed})
        self._files[MANIFEST] = StoredFile(text.encode())
        return Answer(0)

    def restore(self, path: str) -> None:
        """Put a file back as it was, or away."""
        if path in self._before:
            self._files[path] = self._before[path]
        else:
            self._files.pop(path, None)

    def forget(self) -> None:
        """The manifest itself goes."""
        self._files.pop(MANIFEST, None)
        self._before.clear()

    def _note(self, entries: list[Entry], kind: str, name: str, detail: str) -> None:
        if kind != "file":
            entries += [] if any(e[:2] == (kind, name) for e in entries) else [(kind, name, detail)]
            return
        if detail and ("content", name, detail) not in entries:
            entries.append(("content", name, detail))
        if any(e[:2] == ("file", name) for e in entries):
            return
        if name in self._files:
            self._before[name] = self._files[name]
        entries.append(("file", name, "kept" if name in self._files else "absent"))

    def _read(self) -> Mapping[str, Any]:
        text = self._files.get(MANIFEST)
        found = json.loads(text.content) if text else {}
        return found if isinstance(found, Mapping) else {}
