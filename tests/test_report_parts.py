"""Parts of a page that come and go with the inputs, and what is refused or fails."""

from math import inf

import pytest
from pages import DEVICE, plain_text, quick, written

from dfbdesign.device import Measured, PhaseShift, Spot, changed
from dfbdesign.errors import InputError, MeepMissing, NotConverged
from dfbdesign.fdtd import Extrapolated
from dfbdesign.lasers.laser import laser
from dfbdesign.materials import as_material
from dfbdesign.reports import findings
from dfbdesign.reports import report as module
from dfbdesign.reports.report import report
from dfbdesign.units import nm, um
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.verify import Verification

__all__ = ["plain_text", "quick"]


def film(offset):
    return as_material({"name": "cqd-film", "index_offset": offset})


@pytest.mark.usefixtures("quick")
def test_the_calibration_predicts_a_laser_made_with_the_same_model(tmp_path):
    made = changed(
        DEVICE,
        {f"layers.{number}.material": film(-0.08) for number in range(2)},
    )
    measured = [
        Measured(
            period=period,
            wavelength=laser(changed(made, {"grating.period": period})).modes[0].wavelength,
            note=note,
        )
        for period, note in ((860 * nm, "the <b>first</b>"), (864 * nm, ""))
    ]
    started = changed(
        made,
        {f"layers.{number}.material": film(0.02) for number in range(2)}
        | {"measured": tuple(measured), "grating.period": 855 * nm},
    )
    page = written(started, tmp_path, verification=False)
    text = page.section("calibration")
    assert "-0.0800 on the film's index data" in " ".join(text.split())
    assert "the <b>first</b>" in text
    fitted, predicted = page.rows("Lasers of the same stack")
    assert fitted[-1] == "fitted"
    assert predicted[0] == "864"
    assert float(predicted[3]) == pytest.approx(0, abs=0.011)
    assert predicted[-1] == "predicted"


def test_parts_without_their_input_are_left_out_and_say_what_is_missing(tmp_path):
    infinite = changed(
        DEVICE, {"grating.length": None, "film": None, "pump": None, "grating.width": None}
    )
    page = written(infinite, tmp_path, verification=False)
    assert "Left out: grating has no length" in page.section("laser")
    assert "grating has no" in page.section("layout")
    assert "bright mode" in page.section("answer")
    assert len(page.images()) == 2  # cross-section and bands
    assert not (tmp_path / "page.gds").exists()


@pytest.mark.usefixtures("quick")
def test_a_laser_without_film_shows_gains_and_no_fluence(tmp_path):
    bare = changed(DEVICE, {"film": None, "pump": None})
    page = written(bare, tmp_path, verification=False)
    assert all(row[-1] == row[-2] == "–" for row in page.rows("Threshold modes"))
    assert "µJ/cm²" not in page.section("answer")


@pytest.mark.parametrize(
    "changes",
    [
        {"grating.order": 1, "grating.period": 432.5 * nm, "layers.0.lines.duty": 0.4},
        {"layers.0.lines.duty": 0.5},
        {"grating.facets.left": "cleaved"},
        {"grating.phase_shifts": (PhaseShift(position=0.5, shift=865 * nm / 4),)},
        {"pump.spot": Spot(shape="gaussian", length=200 * um)},
    ],
    ids=["first order", "duty 0.5", "cleaved", "phase shift", "spot"],
)
def test_other_gratings_have_a_page_too(tmp_path, changes):
    page = written(changed(DEVICE, changes), tmp_path, verification=False)
    assert len(page.images()) == (12 if "gives a threshold" in page.section("light") else 9)
    assert page.rows("Threshold modes")


def test_a_disagreement_is_told_as_one(tmp_path, monkeypatch):
    comparisons = (
        Comparison("bright", "wavelength", 1.6663, 1e-7, Extrapolated(1.6673, 1e-6), 3e-5),
        Comparison("bright", "quality factor", 9000.0, 1.0, Extrapolated(9001.0, 20.0), 45.0),
        Comparison("dark", "quality factor", float("inf"), 0.0, Extrapolated(1e6, 1e3), inf),
    )
    monkeypatch.setattr(module, "find_meep", lambda: None)
    monkeypatch.setattr(
        findings, "verify", lambda device, progress: Verification(1.67, comparisons)
    )
    page = written(DEVICE, tmp_path)
    assert "not passed" in page.section("answer")
    assert "They agree" not in page.section("verification")
    rows = page.rows("Value ± uncertainty")
    assert [row[-1] for row in rows] == ["disagrees", "agrees", "disagrees"]
    assert rows[0][1:4] == ["1666.30000 ± 0.00010", "1667.3000 ± 0.0010", "-0.0600"]
    assert rows[2][1:4] == ["infinite", "1 000 000 ± 1000", "infinite"]


@pytest.mark.usefixtures("quick")
def test_a_device_the_time_domain_cannot_check_says_why(tmp_path, monkeypatch):
    def refuse(device, progress):
        raise InputError("the time-domain check handles TE devices only.")

    monkeypatch.setattr(module, "find_meep", lambda: None)
    monkeypatch.setattr(findings, "verify", refuse)
    text = written(DEVICE, tmp_path).section("verification")
    assert "Left out: the time-domain check handles TE devices only." in text


def test_without_meep_nothing_is_computed_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.setenv("DFBDESIGN_MEEP_PYTHON", str(tmp_path / "no-such-python"))
    steps = []
    with pytest.raises(MeepMissing):
        report(DEVICE, tmp_path / "page.html", progress=lambda step, _: steps.append(step))
    assert steps == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["page.json", "page", "page.gds", "missing/page.html"])
def test_a_page_that_cannot_be_written_is_refused_before_any_work(tmp_path, name):
    steps = []
    with pytest.raises(InputError, match=r"\.html|no folder"):
        report(DEVICE, tmp_path / name, progress=lambda step, _: steps.append(step))
    assert steps == []
    assert list(tmp_path.iterdir()) == []


def test_a_solve_that_fails_leaves_the_old_page_and_writes_nothing(tmp_path, monkeypatch):
    def fail(device):
        raise NotConverged("the gain profile of a mode did not settle.")

    (tmp_path / "page.html").write_text("old", encoding="utf-8")
    monkeypatch.setattr(findings, "laser", fail)
    with pytest.raises(NotConverged):
        report(DEVICE, tmp_path / "page.html", verification=False)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "old"


@pytest.mark.usefixtures("quick")
def test_progress_names_each_step_in_turn(tmp_path):
    steps = []
    written(DEVICE, tmp_path, verification=False, progress=lambda *told: steps.append(told))
    assert steps == [
        ("band structure", None),
        ("finite laser", None),
        ("tolerance", None),
        ("light against pump", None),
        ("thresholds of the published laser", None),
        ("layout", None),
        ("pictures and page", None),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lost.html", None),
        ("other.html", "<p>no report</p>"),
        ("other.json", '{"modes": []}'),
        ("broken.json", "{"),
    ],
)
def test_what_is_no_report_is_refused_before_any_work(tmp_path, name, content):
    steps, previous = [], tmp_path / name
    if content is not None:
        previous.write_text(content)
    with pytest.raises(InputError, match=name):
        report(
            DEVICE, tmp_path / "page.html", against=previous, progress=lambda *_: steps.append(_)
        )
    assert steps == []
