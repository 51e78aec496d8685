"""The documentation: theory of every method, README, gallery, API; readable without a network."""

import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from chromium import chromium, find_chromium

import dfbdesign

PROJECT = Path(__file__).parents[1]
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


THEORY = runpy.run_path(str(PROJECT / ".ci" / "theory.py"))


@pytest.mark.parametrize("name", THEORY["METHODS"])
def test_every_method_has_a_page_with_equations_and_references(name):
    method = THEORY["METHODS"][name]
    text = THEORY["page"](method)
    assert text.count("$$") >= 2
    assert text.count("$$") % 2 == 0
    assert sum(bool(re.search(r"\((?:18|19|20)\d\d\)", one)) for one in method.references) > 0
    for module in method.modules.split():
        assert f"`dfbdesign.{module}`" in text
    assert f"(theory/{name}.html)" in THEORY["pages"]()["theory"]


@pytest.mark.parametrize(
    "asked",
    ["unit_cell", "multilayer", "ridge_operator", "coupled_mode", "transfer_matrix", "finite",
     "scattering", "kinetics", "cascade", "rate_equations", "beam", "tolerance", "ladder",
     "calibration", "proximity", "fdtd.cell"],
)  # fmt: skip
def test_what_is_computed_stands_on_a_theory_page(asked):
    shown = " ".join(method.modules for method in THEORY["METHODS"].values())
    assert re.search(rf"\b{re.escape(asked)}\b", shown)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The documentation with two pages of the API."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    names = ["dfbdesign.solvers.modal", "dfbdesign.device"]
    subprocess.run([sys.executable, PROJECT / ".ci" / "docs", folder, *names], check=True)
    return folder


def test_equations_are_in_the_pages_themselves(site):
    page = (site / "dfbdesign" / "solvers" / "modal.html").read_text(encoding="utf-8")
    prose = page.partition('<div class="docstring">')[2].partition("</div>")[0]
    assert "$" not in prose
    assert prose.count("<mtr>") == 4  # the rows of a matrix and of a vector
    for path in (site / "theory").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<math" in text
        assert "$$" not in text
        assert not re.search(r"FORMULA\d", text)
    assert "<script src=" not in page + (site / "index.html").read_text(encoding="utf-8")


def test_fields_of_a_device_are_documented_without_what_reads_them(site):
    page = (site / "dfbdesign" / "device.html").read_text(encoding="utf-8")
    assert "BeforeValidator" not in page.partition("View Source")[0]
    assert 'class="annotation">: float' in page
    assert 'class="default_value">PydanticUndefined' not in page


def test_the_first_page_is_the_readme_and_leads_to_files_that_are_there(site):
    text = (site / "index.html").read_text(encoding="utf-8").partition("<script")[0]
    assert "First design, first study, first GDS" in text
    links = set(re.findall(r'(?:href|src)="([^"#:]+)"', text)) - {"dfbdesign.html"}
    assert {"theory.html", "gallery.html", "troubleshooting.html"} < links
    for name in links:
        notebook = name.startswith("examples/") and name.endswith(".html")
        found = PROJECT / name.replace(".html", ".ipynb") if notebook else site / name
        assert found.exists(), name


@pytest.mark.browser
def test_pages_of_the_documentation_open_without_a_network(site, tmp_path):
    if find_chromium() is None:
        pytest.skip("no Chromium found; .ci/setup installs it")
    with chromium(tmp_path / "profile") as tab:
        for name in ("index", "theory/one_period", "theory/light", "gallery", "dfbdesign/device"):
            for width in (390, 1280):
                tab.open(site / f"{name}.html", width=width, height=900)
                assert tab.complaints() == []
                assert all(one.startswith("file:") for one in tab.requests())
                assert tab.value("document.documentElement.scrollWidth") <= width, name
        tab.open(site / "theory" / "one_period.html")
        assert tab.value("document.querySelector('mfrac').getBoundingClientRect().height") > 20
