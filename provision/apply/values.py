"""Values captured while a plan is carried out; secrets never leave in a text."""

import threading
from collections.abc import Iterator, Mapping

from provision.model.actions import Ref

HIDDEN = "<hidden>"


class Values(Mapping[Ref, str]):
    """What steps produced, by name; filled by one action, read by those after it."""

    def __init__(self) -> None:
        self._values: dict[Ref, str] = {}
        self._lock = threading.Lock()

    def __getitem__(self, ref: Ref) -> str:
        return self._values[ref]

    def __iter__(self) -> Iterator[Ref]:
        return iter(dict(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def keep(self, ref: Ref, value: str) -> None:
        """Remember what a step produced."""
        with self._lock:
            self._values[ref] = value

    def redacted(self, text: str) -> str:
        """*text* without any secret captured so far."""
        for ref, value in list(self._values.items()):
            if ref.secret and value:
                text = text.replace(value, HIDDEN)
        return text

    def __repr__(self) -> str:
        return f"Values({', '.join(str(r) for r in self._values)})"
