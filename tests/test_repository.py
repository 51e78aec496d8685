"""What must hold for the repository as a whole."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKER = ROOT / "dfbdesign" / "fdtd" / "worker.py"  # runs in MEEP's interpreter, not in ours


def distribution(name):
    """A distribution's name as the package index normalises it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(file):
    """Top-level names of everything a module imports, wherever in the module."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_the_citation_file_holds_the_version_of_the_package():
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited[1] == PROJECT["version"] == version("dfbdesign")


def test_every_import_is_of_the_standard_library_or_a_declared_dependency():
    declared = {distribution(re.match(r"[\w.-]+", text)[0]) for text in PROJECT["dependencies"]}
    extra = PROJECT["optional-dependencies"]["study"]  # what a study says is missing when it is
    extra = {distribution(re.match(r"[\w.-]+", text)[0]) for text in extra}
    origin = packages_distributions()
    for file in sorted((ROOT / "dfbdesign").rglob("*.py")):
        if file == WORKER:
            continue
        allowed = declared | extra if file.parent.name == "studies" else declared
        for name in set(imported(file)) - sys.stdlib_module_names - {"dfbdesign"}:
            found = {distribution(entry) for entry in origin.get(name, [])}
            assert found & allowed, f"{file.relative_to(ROOT)} imports {name}, not a dependency"


def test_every_declared_dependency_is_imported():
    modules = {name for file in (ROOT / "dfbdesign").rglob("*.py") for name in imported(file)}
    used = {
        distribution(entry)
        for module, entries in packages_distributions().items()
        if module in modules
        for entry in entries
    }
    declared = {distribution(re.match(r"[\w.-]+", text)[0]) for text in PROJECT["dependencies"]}
    assert declared <= used


@pytest.mark.parametrize(("required", "outcome"), [("1", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_a_skipped_meep_test_fails_where_meep_is_required(tmp_path, required, outcome):
    (tmp_path / "test_field.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.meep\ndef test_field():\n    pytest.skip('no MEEP')\n\n"
        "def test_other():\n    pytest.skip('for another reason')\n"
    )
    options = ["-p", "conftest", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", ROOT / "pyproject.toml", tmp_path],
        cwd=ROOT,
        env=os.environ | {"DFBDESIGN_REQUIRE_MEEP": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in run.stdout, run.stdout + run.stderr
