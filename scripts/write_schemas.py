"""Write docs/schema/*.json from the shapes in `provision.renderers.json_report`."""

import json
from pathlib import Path

from provision.renderers.json_report.schema import schemas


def main() -> None:
    """One file per document."""
    folder = Path(__file__).parents[1] / "docs" / "schema"
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
