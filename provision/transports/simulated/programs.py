"""Commands that are talked with: the holder of the lock, and the check of the ports."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from provision.transports.simulated.machine import Machine

Reply: TypeAlias = Callable[[str | None], list[str]]
End: TypeAlias = Callable[[], None]

_FIRST = re.compile(r"deadline \d+")
_UNKNOWN = "LOST a simulated host has no containers that could be entered"


class Programs:
    """Starts them on one machine."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine

    def start(self, words: Sequence[str]) -> tuple[Reply, End]:
        """What *words* says to each line, and what its end does."""
        if "swarmlay-lock" in words:
            cluster, operator = words[words.index("swarmlay-lock") + 1 :][:2]
            return self._lock(cluster, operator)
        return _Ports(self._machine).hear, lambda: None

    def _lock(self, cluster: str, operator: str) -> tuple[Reply, End]:
        locks = self._machine.locks
        held = locks.get(cluster)
        if held is None:
            locks[cluster] = operator

        def reply(line: str | None) -> list[str]:
            if line is None:
                return [f"HELD {held}" if held else "LOCKED"]
            if line == "bye":
                end()
            return [line]

        def end() -> None:
            if held is None:
                locks.pop(cluster, None)

        return reply, end


@dataclass(slots=True)
class _Ports:
    """The underlay program: who gets through to whom follows from the packet filters."""

    machine: "Machine"
    begun: bool = False
    known: bool = False
    listens: list[tuple[str, int]] = field(default_factory=list)
    peers: dict[str, str] = field(default_factory=dict)
    probes: list[tuple[str, str, int]] = field(default_factory=list)

    def hear(self, line: str | None) -> list[str]:
        """Take a line; its own text comes first."""
        if line is None:
            return []
        if not self.begun:
            self.known = self.known or "The underlay between hosts" in line
            self.begun = bool(_FIRST.fullmatch(line))
            return [] if self.known or not self.begun else [_UNKNOWN]
        verb, *rest = line.split()
        return list(self._said(verb, rest))

    def _said(self, verb: str, rest: list[str]) -> Iterator[str]:
        match verb, rest:
            case "listen", [protocol, port]:
                self.listens.append((protocol, int(port)))
            case "peer", [index, address]:
                self.peers[index] = address
            case "probe", [index, protocol, port]:
                self.probes.append((index, protocol, int(port)))
            case "ready", _:
                yield "READY"
            case "go", _:
                yield from self._went()
                yield "DONE"
            case "end", _:
                yield "BYE"
            case _:
                pass

    def _went(self) -> Iterator[str]:
        for index, address in self.peers.items():
            for protocol, port in self.listens:
                if not self.machine.filter.walled:
                    yield f"nic {_name(protocol, port)} {index} {address}"
                if self.machine.filter.admits(protocol, port, address):
                    yield f"past {_name(protocol, port)} {index} {address}"
        for index, protocol, port in self.probes:
            yield f"left {_name(protocol, port)} {index}"
            if protocol == "tcp":
                yield self._tried(index, port)

    def _tried(self, index: str, port: int) -> str:
        there = [m for m in self.machine.machines.values() if m.address == self.peers[index]]
        if any(m.filter.admits("tcp", port, self.machine.address) for m in there):
            return f"open {_name('tcp', port)} {index} 0.2"
        return f"closed {_name('tcp', port)} {index} timeout"


def _name(protocol: str, port: int) -> str:
    return f"{protocol}/{port}" if port else protocol


__all__ = ["Programs"]
