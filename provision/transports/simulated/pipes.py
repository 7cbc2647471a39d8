"""A talk with a simulated command: the test says what it answers."""

import queue
from collections.abc import Callable, Sequence

from provision.transports.failures import lost


class SimulatedPipe:
    """Implements `provision.model.session.Pipe`.

    Args:
        words: the command.
        reply: the lines that the command says: at the start (None), then to each line sent to it.
        where: the host. end: called once, when it is closed.
    """

    def __init__(
        self,
        words: Sequence[str],
        reply: Callable[[Sequence[str], str | None], list[str]] | None,
        where: str,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self._words = tuple(words)
        self._reply = reply
        self._where = where
        self._end = end
        self._closed = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._hear(None)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def send(self, text: str) -> None:
        """Say a line to it; without an answer laid down it echoes."""
        if self._closed:
            raise lost(self._where, "the pipe was closed")
        for line in text.splitlines():
            self._hear(line)

    def readline(self, timeout: float) -> str | None:
        """Its next line; None where there is none, without waiting for it."""
        del timeout
        if not self._lines.empty():
            return self._lines.get()
        if self._closed:
            raise EOFError(f"{self._where}: the command has ended")
        return None

    def close(self) -> None:
        """Hang up."""
        if not self._closed:
            self._closed = True
            self._end()

    def _hear(self, line: str | None) -> None:
        if self._reply is not None:
            said = self._reply(self._words, line)
        else:
            said = [] if line is None else [line]
        for answer in said:
            self._lines.put(answer)
