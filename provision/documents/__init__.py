"""YAML text → a tree that remembers file:line:column. Not what the words mean: that is `load`."""

from provision.documents.files import read
from provision.documents.yaml import parse

__all__ = ["parse", "read"]
