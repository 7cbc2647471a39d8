"""What really passes between the machines, seen at their network cards."""

import select
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

_ALL = 0x0003
_IPV4, _UDP, _ESP, _VXLAN = 0x0800, 17, 50, 4789
_ETHERNET = 14


@dataclass
class Seen:
    """Frames, each at every card it passed."""

    frames: list[bytes] = field(default_factory=list)

    @property
    def esp(self) -> int:
        """Frames of IP protocol 50."""
        return sum(_protocol(frame) == _ESP for frame in self.frames)

    def vxlan(self, vni: int) -> int:
        """Frames of VXLAN in the clear, of one network."""
        return sum(_vni(frame) == vni for frame in self.frames)

    def holds(self, pattern: bytes) -> bool:
        """Whether any frame has *pattern* in it."""
        return any(pattern in frame for frame in self.frames)


@contextmanager
def sniffing(cards: Sequence[str]) -> Iterator[Seen]:
    """Everything that passes *cards* until the end of the block."""
    seen, end = Seen(), threading.Event()
    with ExitStack() as stack:
        sockets = [stack.enter_context(_listening(card)) for card in cards]
        reader = threading.Thread(target=_read, args=(sockets, seen, end))
        reader.start()
        try:
            yield seen
        finally:
            end.set()
            reader.join()


def _listening(card: str) -> socket.socket:
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sniffer.bind((card, 0))
    return sniffer


def _read(sockets: Sequence[socket.socket], seen: Seen, end: threading.Event) -> None:
    """Until nothing more has come for a moment after the end."""
    while True:
        ready, _, _ = select.select(sockets, [], [], 0.3)
        seen.frames += [sniffer.recv(65536) for sniffer in ready]
        if not ready and end.is_set():
            return


def _protocol(frame: bytes) -> int:
    kind = struct.unpack_from("!H", frame, 12)[0] if len(frame) > _ETHERNET + 20 else 0
    return frame[_ETHERNET + 9] if kind == _IPV4 else 0


def _vni(frame: bytes) -> int:
    if _protocol(frame) != _UDP:
        return 0
    start = _ETHERNET + 4 * (frame[_ETHERNET] & 15)
    if len(frame) < start + 16 or struct.unpack_from("!H", frame, start + 2)[0] != _VXLAN:
        return 0
    return int(struct.unpack_from("!I", frame, start + 12)[0]) >> 8
