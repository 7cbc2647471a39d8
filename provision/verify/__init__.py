"""Checks between hosts, carried out; each answers with cells."""

from provision.verify.expecting import expect
from provision.verify.matrix import check
from provision.verify.ports import underlay

__all__ = ["check", "expect", "underlay"]
