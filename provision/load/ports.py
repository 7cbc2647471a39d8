"""``ports``: ``80``, ``"8080:80/udp"``, ``"127.0.0.1:8080:80"``, ranges, or the long form."""

import re
from collections.abc import Iterator
from typing import Final

from provision.load import compose, naming
from provision.load.problems import Problems
from provision.load.shapes import made, text
from provision.model.tree import Node

MOST: Final = 1000
"""Ports one range may publish."""

_SHORT: Final = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]{2,45}\]|[0-9.]{7,15}):)?"
    r"(?:(?P<published>[0-9]{1,5}(?:-[0-9]{1,5})?)?:)?"
    r"(?P<target>[0-9]{1,5}(?:-[0-9]{1,5})?)"
    r"(?:/(?P<protocol>[a-z]{1,5}))?"
)


def ports(node: Node, problems: Problems) -> Node:
    """A list of ports in whatever form → the long form, one entry a port."""
    if not node.is_list:
        return node
    found: list[Node] = []
    for child in node.elements:
        found.extend(_long(child, problems) if child.is_mapping else _short(child, problems))
    return node.with_value(tuple(found))


def _short(node: Node, problems: Problems) -> Iterator[Node]:
    match = _SHORT.fullmatch(text(node, problems).value) if node.is_scalar else None  # type: ignore[arg-type]
    if match is None or isinstance(node.value, (bool, float)):
        problems.error(
            node,
            f"{node.shown} is no port",
            hint='write "PUBLISHED:TARGET", such as "8080:80" or "53:53/udp"',
        )
        return
    yield from _expanded(node, problems, **match.groupdict())


def _expanded(
    node: Node,
    problems: Problems,
    *,
    ip: str | None,
    published: str | None,
    target: str,
    protocol: str | None,
) -> Iterator[Node]:
    targets = _range(node, target, problems)
    outside = _range(node, published, problems) if published else [None] * len(targets)
    if len(targets) != len(outside):
        problems.error(
            node,
            f"{node.shown}: the two ranges differ in length",
            hint="publish as many as there are",
        )
        return
    for inner, outer in zip(targets, outside, strict=True):
        yield _port(node, problems, ip=ip, published=outer, target=inner, protocol=protocol)


def _port(
    node: Node,
    problems: Problems,
    *,
    ip: str | None,
    published: int | None,
    target: int,
    protocol: str | None,
) -> Node:
    entries: dict[str, str | int] = {"target": target, "protocol": protocol or "tcp"}
    if published is not None:
        entries["published"] = published
    if ip:
        address = ip.strip("[]")
        if not naming.is_ip(address):
            problems.error(node, f"{node.shown}: {address!r} is no address")
        entries["host_ip"] = address
    return made(node, **entries)


def _range(node: Node, written: str, problems: Problems) -> list[int]:
    first, _, last = written.partition("-")
    low, high = int(first), int(last or first)
    if high < low or high - low >= MOST:
        problems.error(node, f"{node.shown}: {written} is no range of at most {MOST} ports")
        return []
    return list(range(low, high + 1))


def _long(node: Node, problems: Problems) -> Iterator[Node]:
    """The long form; ``published`` may be text there."""
    node = compose.known(node, "port", problems)
    published = node.items.get("published")
    if published is None or not isinstance(published.value, str):
        yield node
    elif naming.is_port(published.value):
        yield node.with_value(
            {**node.items, "published": published.with_value(int(published.value))}
        )
    else:
        problems.error(
            published, f"{published.shown} is no port", hint="write a number from 1 to 65535"
        )
