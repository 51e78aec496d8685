"""Every notebook runs in a fresh kernel and says and shows what is stored in it."""

import re

import nbformat
import pytest
from notebooks import NOTEBOOKS, run

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def said(notebook):
    """What every cell printed."""
    return [
        "".join(one.text for one in cell.outputs if one.output_type == "stream")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def shown(notebook):
    """How many pictures every cell shows."""
    return [
        sum("image/png" in one.get("data", {}) for one in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.meep if "meep" in path.stem else ())
        for path in NOTEBOOKS
    ],
    ids=lambda path: path.stem,
)
def test_a_notebook_says_what_is_stored_in_it(path):
    stored, fresh = nbformat.read(path, as_version=4), run(path)
    for before, now in zip(said(stored), said(fresh), strict=True):
        assert NUMBER.sub("#", now) == NUMBER.sub("#", before)
        numbers = [[float(one) for one in NUMBER.findall(text)] for text in (now, before)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-3, abs=0.011)  # the last digit shown
    assert shown(fresh) == shown(stored)
    assert sum(shown(stored)) > 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_small_and_clean(path):
    assert path.stat().st_size < 300_000
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type in ("stream", "display_data", "execute_result")
            assert output.get("name") != "stderr"


def test_there_is_a_notebook_for_every_study_the_project_promises():
    names = " ".join(path.stem for path in NOTEBOOKS)
    for wanted in (
        "first_design", "duty_and_height", "film_thickness", "pump_spot", "gain_and_cascade",
        "meep", "measured_to_next_chip",
    ):  # fmt: skip
        assert wanted in names
