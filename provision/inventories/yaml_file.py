"""No source: the inventory file lists its hosts itself."""

from provision.model.inventory import Source, SourcedHost, SourcePlaces


class YamlFile:
    """The file is the source."""

    name = "hosts"

    def matches(self, source: Source | None) -> bool:
        """Whether no source is named."""
        return source is None

    def hosts(self, source: Source | None, places: SourcePlaces) -> tuple[SourcedHost, ...]:
        """None but those that the file lists."""
        del source, places
        return ()


SOURCE = YamlFile()
