"""Write the tables of docs/playbook.md anew from the code."""

from pathlib import Path

from provision.load.compose import rows

BEGIN = "<!-- keys: written by scripts/write_tables.py -->\n"
END = "<!-- end of keys -->\n"
HEAD = "| key | in | becomes | why; instead |\n| --- | --- | --- | --- |\n"


def main() -> None:
    """Replace what stands between the marks."""
    path = Path(__file__).parents[1] / "docs/playbook.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = HEAD + "".join(f"{row}\n" for row in rows())
    path.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
