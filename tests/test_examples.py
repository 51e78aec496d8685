"""Every example runs and asserts its number; every picture the README shows is there."""

import re
import runpy
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPTS = sorted((PROJECT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_runs(script, capsys):
    runpy.run_path(str(script))
    assert capsys.readouterr().out


def test_readme_shows_pictures_that_exist():
    shown = re.findall(r'src="([^"]+)"', (PROJECT / "README.md").read_text(encoding="utf-8"))
    assert shown
    for picture in shown:
        assert (PROJECT / picture).read_bytes().startswith(b"\x89PNG")
