"""Checks between hosts, carried out; each answers with cells."""

from provision.verify.ports import underlay

__all__ = ["underlay"]
