"""The theory pages stand on the pages of their folders and lead to modules that exist."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import dfbdesign

PACKAGE = Path(dfbdesign.__file__).parent
PAGES = sorted(PACKAGE.glob("*/theory.md"))
NAME = re.compile(r"`(dfbdesign(?:\.\w+)+)`")
YEAR = re.compile(r"\((?:18|19|20)\d\d\)|\b(?:18|19|20)\d\d\)")


@pytest.mark.parametrize("folder", ["solvers", "gain", "lasers", "fdtd", "designs", "layout"])
def test_every_folder_of_methods_has_a_theory_page(folder):
    assert ".. include:: theory.md" in (PACKAGE / folder / "__init__.py").read_text("utf-8")
    text = (PACKAGE / folder / "theory.md").read_text(encoding="utf-8")
    assert text.startswith("## Theory")
    assert "$$" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_a_theory_page_leads_to_modules_that_exist(page):
    text = page.read_text(encoding="utf-8")
    names = NAME.findall(text)
    assert names or page.parent.name == "fdtd"
    for name in names:
        assert find_spec(name) is not None, name
    assert text.count("$$") % 2 == 0
    assert text.replace("$$", "").count("$") % 2 == 0


def test_the_theory_pages_cite_papers_with_their_years():
    cited = [line for page in PAGES for line in page.read_text("utf-8").splitlines()]
    assert sum(bool(YEAR.search(line)) for line in cited) > 20


def test_the_package_page_leads_to_every_folder():
    folders = {f"dfbdesign.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(NAME.findall(dfbdesign.__doc__))
