"""The import contracts of pyproject.toml, run by pytest so that nobody can forget them."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.architecture.source import ROOT


def test_the_import_contracts_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Layers point one way, the core is pure, members of a family do not know one another."""
    monkeypatch.chdir(ROOT)

    code = lint_imports(str(ROOT / "pyproject.toml"), cache_dir=str(tmp_path), no_logo=True)

    assert code == 0, capsys.readouterr().out
