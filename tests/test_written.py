"""What written chips will do: design against written, with lines displaced and fields slipped."""

import json
from pathlib import Path

import numpy as np
import pytest

from dfbdesign.device import PhaseShift, changed, load_device
from dfbdesign.lasers.laser import laser
from dfbdesign.layout import Chip, load_chip
from dfbdesign.layout.chip_file import Array
from dfbdesign.layout.process import Process, WriteField
from dfbdesign.units import nm, pm, um
from dfbdesign.verification.written import displaced, written_chip

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def device():
    return load_device(ROOT / "layouts" / "parts" / "laser.toml")


@pytest.fixture(scope="module")
def mode(device):
    return laser(device).modes[0]


def written(device, folder, process=None, **axes):
    chip = Chip(process=process or Process(), array=(Array(device=device, **axes),))
    return written_chip(chip, folder / "chip.gds")


def test_lines_displaced_evenly_are_a_grating_of_another_period(device, mode):
    for stretch in (-20 * pm, 50 * pm):
        number = np.arange(device.grating.periods)
        followed = displaced(device, mode, stretch * (number - number.mean()))
        period = device.grating.period + stretch
        length = (device.grating.periods + 0.01) * period
        solved = laser(changed(device, {"grating.period": period, "grating.length": length}))
        same = min(solved.modes, key=lambda one: abs(one.wavelength - followed.wavelength))
        shift = same.wavelength - mode.wavelength
        assert abs(shift) > 25 * pm
        # The full solve also sees the duty fixed and the period of the cell; that is small.
        assert followed.wavelength - mode.wavelength == pytest.approx(shift, rel=0.01)
        assert followed.threshold_fluence == pytest.approx(same.threshold_fluence, rel=1e-4)


def test_lines_displaced_from_the_middle_on_are_a_phase_shift(device):
    plain = laser(changed(device, {"grating.length": 200 * um})).modes[0]
    short = changed(device, {"grating.length": 200 * um})
    half = short.grating.periods // 2 // 16 * 16  # where a stretch of the followed cavity begins
    shift = 30 * nm
    moved = np.where(np.arange(short.grating.periods) < half, 0.0, shift)
    followed = displaced(short, plain, moved)
    place = PhaseShift(position=half / short.grating.periods, shift=shift)
    solved = laser(changed(short, {"grating.phase_shifts": (place,)})).modes
    gap = min(abs(one.wavelength - followed.wavelength) for one in solved)
    assert gap < 0.01 * pm
    assert abs(followed.wavelength - plain.wavelength) > 100 * pm


def test_a_grating_moved_as_a_whole_is_the_same(device, mode):
    moved = displaced(device, mode, np.full(device.grating.periods, 30 * nm))
    assert moved.wavelength == pytest.approx(mode.wavelength, abs=1e-6 * pm)


def test_a_period_on_the_grid_is_written_as_designed_and_one_off_it_within_5_pm(device, tmp_path):
    # Width errors are worth more than everything else: here all widths are whole nanometres.
    for period, duty in ((870 * nm, 0.4), (867.3 * nm, 347 / 867.3), (860.01 * nm, 344 / 860.01)):
        (one,) = written(device, tmp_path, period=(period,), duty=(duty,)).lasers
        assert abs(one.wavelength_error) < 1 * pm
        assert abs(one.written.kappa / one.design.kappa - 1) < 1e-4
        assert one.written.threshold_fluence == pytest.approx(
            one.design.threshold_fluence, rel=1e-4
        )


def test_half_a_nanometre_of_line_width_is_seen_as_the_laser_solved_again_says(device, tmp_path):
    found = written(device, tmp_path, duty=(348.5 / 870,))
    (one,) = found.lasers
    wide = changed(device, {"layers.0.lines.duty": 349 / 870})
    exact = laser(wide).modes[0].wavelength
    narrow = laser(changed(device, {"layers.0.lines.duty": 348.5 / 870})).modes[0].wavelength
    assert one.written.wavelength == pytest.approx(exact, abs=0.01 * pm)
    assert one.design.wavelength == pytest.approx(narrow, abs=0.01 * pm)
    assert abs(one.wavelength_error) > 15 * pm
    assert found.largest_wavelength_error == one.wavelength_error


def test_bias_is_taken_back_before_the_laser_is_solved(device, tmp_path):
    process = Process(bias=20 * nm)
    (one,) = written(device, tmp_path, process, duty=(0.4,)).lasers
    assert abs(one.wavelength_error) < 0.001 * pm


def test_slips_spread_the_wavelength_as_a_sample_of_slipped_gratings_says(device, tmp_path):
    device = changed(device, {"layers.0.lines.duty": 0.4})
    mode = laser(device).modes[0]
    process = Process(field=WriteField(size=150 * um, stitching=10 * nm))
    (one,) = written(device, tmp_path, process).lasers
    count = device.grating.periods
    field = np.arange(count) // int(150 / 0.87)
    rng = np.random.default_rng(0)
    sample = [
        displaced(device, mode, rng.normal(0, 10 * nm, field.max() + 1)[field]).wavelength
        for _ in range(60)
    ]
    # A sample of 60 knows its standard deviation to 9 %.
    assert one.slips == pytest.approx(np.std(sample), rel=0.25)
    assert one.slips > 20 * pm
    assert abs(one.wavelength_error) < 0.001 * pm  # what the file holds is not slipped


def test_a_device_in_one_field_does_not_slip(device, tmp_path):
    (one,) = written(device, tmp_path, Process(field=WriteField(size=600 * um))).lasers
    assert one.slips == 0


def test_predictions_stand_in_the_manifest_and_agree_with_the_laser(device, mode, tmp_path):
    found = written(device, tmp_path, dose=(0.9, 1.0))
    predicted = [one.prediction for one in found.layout.devices]
    assert predicted[0] == predicted[1]
    assert predicted[0].wavelength == pytest.approx(mode.wavelength, abs=0.01 * pm)
    assert predicted[0].threshold_fluence == pytest.approx(mode.threshold_fluence, rel=1e-6)
    text = (tmp_path / "chip.manifest.csv").read_text()
    assert f"{round(predicted[0].wavelength / nm, 6)}" in text


def test_a_device_that_the_model_does_not_speak_to_is_written_all_the_same(device, tmp_path):
    outside = changed(device, {"target.wavelength": 1670 * nm})
    found = written(outside, tmp_path, period=(870 * nm, 1400 * nm))
    assert [one.name for one in found.lasers] == ["A01"]
    assert list(found.left_out) == ["A02"]
    assert "is outside" in found.left_out["A02"]
    assert found.layout.devices[1].prediction is None


def test_every_device_of_both_chips_lases_within_5_pm_of_its_design(tmp_path):
    for name, count in (("reference", 65), ("dose-test", 78)):
        chip = load_chip(ROOT / "layouts" / f"{name}.toml")
        found = written_chip(chip, tmp_path / f"{name}.gds")
        assert len(found.lasers) + len(found.left_out) == count
        assert not found.left_out
        assert abs(found.largest_wavelength_error) < 5 * pm
        # The files in layouts/ are what `make layouts` writes; predictions move with the models.
        manifest = f"{name}.manifest.json"
        new, old = (
            json.loads((folder / manifest).read_text()) for folder in (tmp_path, ROOT / "layouts")
        )
        for fresh, kept in zip(new.pop("devices"), old.pop("devices"), strict=True):
            for key in fresh:
                if key.startswith("predicted") and isinstance(fresh[key], float):
                    assert fresh[key] == pytest.approx(kept[key], rel=0.02), "run make layouts"
                else:
                    assert fresh[key] == kept[key]
        assert new == old
        sheets = [
            (folder / f"{name}.process.md").read_text() for folder in (tmp_path, ROOT / "layouts")
        ]
        assert len({sheet.split("## Devices")[0] for sheet in sheets}) == 1
