"""The manifest of a host, for those who plan: see `provision.model.manifest`."""

from provision.model.manifest import Entry, Manifest, decode, file_entry, forget, record

__all__ = ["Entry", "Manifest", "decode", "file_entry", "forget", "record"]
