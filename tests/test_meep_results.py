"""The recorded comparisons with MEEP: the page shows them, and they mean something."""

import sys
from math import hypot, isfinite
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks" / "meep"))
import table

LARGEST = {"wavelength": 2e-5, "quality factor": 5e-3}
DEVICES = [
    *(f"reference, duty {duty}" for duty in (0.35, 0.5, 0.65)),
    "reference in TM, film of 260 nm",
]


def test_the_page_shows_the_recorded_results():
    assert table.PAGE.read_text(encoding="utf-8") == table.page(table.recorded())


@pytest.mark.parametrize("name", DEVICES)
def test_every_quantity_agrees_within_a_small_uncertainty(name):
    rows = [row for row in table.recorded() if row["device"] == name]
    assert [(row["label"], row["quantity"]) for row in rows] == [
        (label, quantity) for label in ("bright", "dark") for quantity in LARGEST
    ]
    for row in rows:
        solver, meep = float(row["solver"]), float(row["meep"])
        assert row["verdict"] == "agrees"
        if not isfinite(meep):
            assert solver == meep
            continue
        combined = hypot(float(row["solver_uncertainty"]), float(row["meep_uncertainty"]))
        assert abs(solver - meep) <= combined < LARGEST[row["quantity"]] * meep


def test_a_result_takes_the_place_of_an_older_one(tmp_path, monkeypatch):
    from dfbdesign.fdtd import Extrapolated
    from dfbdesign.verification.certificate import Comparison

    monkeypatch.setattr(table, "RESULTS", tmp_path / "results.csv")
    monkeypatch.setattr(table, "PAGE", tmp_path / "README.md")
    monkeypatch.setattr(table, "find_meep", lambda: type("Meep", (), {"version": "1.25.0"}))
    for value in (1.5, 1.6):
        one = Comparison("bright", "wavelength", value, 0.0, Extrapolated(value, 1e-6), 1e-5)
        table.record("unit cell", "first", [one])
        table.record("unit cell", "second", [one])
    rows = table.recorded()
    assert [(row["device"], row["solver"]) for row in rows] == [("first", "1.6"), ("second", "1.6")]
    assert table.PAGE.read_text(encoding="utf-8").count("| agrees |") == 2
