"""Doses for which edges develop where they are drawn, against sums and closed forms."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import erf

from dfbdesign.errors import InputError, NotConverged
from dfbdesign.layout import load_chip, write_layout
from dfbdesign.layout.check import open_layout, read_lines
from dfbdesign.layout.gratings import LineGrating
from dfbdesign.layout.library import dose_of
from dfbdesign.layout.proximity import (
    THRESHOLD,
    Exposure,
    corrected,
    developed_widths,
    gaussians,
    point_spread,
    summed_energy,
)
from dfbdesign.layout.waveguides import Straight
from dfbdesign.units import nm

ROOT = Path(__file__).parent.parent
SAPPHIRE = point_spread("sapphire", 50)
TRIPLE = gaussians((20 * nm, 0.8, 5.61), (0.2, 0.4))


def grating(period, duty, length, height, x=0.0, y=0.0):
    left = x + period * np.arange(round(length / period))
    return np.stack(
        [left, np.full_like(left, y), left + duty * period, np.full_like(left, y + height)], axis=1
    )


@pytest.fixture(scope="module")
def chip():
    """Two gratings of different duty, a pad between them and a pad far from all."""
    pads = [[33.0, 5.0, 45.0, 25.0], [110.0, 60.0, 130.0, 80.0]]
    return np.concatenate(
        [
            grating(870 * nm, 0.35, 30, 60),
            grating(860 * nm, 0.65, 30, 60, x=50),
            pads,
        ]
    )


def inner(points, rectangles, spread):
    """Points within the reach of the numerical integral."""
    (x0, y0, x1, y1), total = rectangles, 0.0
    for reach, weight in zip(spread.ranges, spread.weights, strict=True):
        value, _ = dblquad(
            lambda y, x, r=reach: np.exp(-((points[0] - x) ** 2 + (points[1] - y) ** 2) / r**2),
            x0, x1, y0, y1, epsabs=1e-12,
        )  # fmt: skip
        total += weight * value / (np.pi * reach**2)
    return total


def test_the_energy_of_a_rectangle_is_the_integral_of_the_point_spread():
    spread = gaussians((0.3, 1.1), (0.7,))
    rectangle = np.array([[-0.2, -0.5, 0.4, 0.9]])
    for point in ([0.1, 0.2], [0.4, 0.9], [1.5, -0.7]):
        found = summed_energy(np.array([point]), rectangle, np.ones(1), spread)
        assert found[0] == pytest.approx(inner(point, rectangle[0], spread), rel=1e-9)


@pytest.mark.parametrize("spread", [SAPPHIRE, TRIPLE, point_spread("silicon", 30)])
def test_plane_waves_agree_with_the_sum_over_all_rectangles_to_a_part_in_a_million(chip, spread):
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-10, 140, 400), rng.uniform(-10, 90, 400)], axis=1)
    doses = rng.uniform(0.7, 1.4, len(chip))
    fast = Exposure(points, chip, spread).energy(doses)
    exact = summed_energy(points, chip, doses, spread)
    assert exact.max() > 0.5
    assert np.abs(fast - exact).max() < 1e-8


def test_corrected_lines_and_pads_develop_within_a_nanometre_where_uncorrected_are_5_off(chip):
    widths = chip[:, 2] - chip[:, 0]
    plain = developed_widths(chip, np.ones(len(chip)), SAPPHIRE) - widths
    correction = corrected(chip, SAPPHIRE)
    after = developed_widths(chip, correction.doses, SAPPHIRE) - widths
    assert np.abs(plain).max() > 5 * nm
    assert np.abs(after).max() < 1 * nm
    assert correction.residual < 0.02
    assert len(correction.classes) < 40
    # The sum over rectangles, which the solver does not use, finds the threshold at both edges.
    middle = (chip[:, 1] + chip[:, 3]) / 2
    for side, sign in ((0, -1), (2, 1)):
        for shift, is_open in ((-0.5 * nm, True), (0.5 * nm, False)):
            points = np.stack([chip[:, side] + sign * shift, middle], axis=1)
            energy = summed_energy(points, chip, correction.doses, SAPPHIRE)
            assert ((energy > THRESHOLD) == is_open).all()


@pytest.mark.parametrize("duty", [0.25, 0.5, 0.75])
def test_the_dose_inside_a_large_grating_is_the_textbook_factor_of_its_density(duty):
    lines = grating(400 * nm, duty, 80, 80)
    correction = corrected(lines, SAPPHIRE, step=1e-5)
    ratio = 0.4
    expected = (1 + ratio) / (1 + 2 * ratio * duty)
    assert correction.doses[len(lines) // 2] == pytest.approx(expected, rel=2e-4)


def test_a_grating_cell_gets_the_dose_that_the_middle_of_a_large_grating_is_found_to_need():
    for duty in (0.3, 0.6):
        design = LineGrating(period=400 * nm, duty=duty, length=80, width=80)
        found = corrected(grating(400 * nm, duty, 80, 80), SAPPHIRE, step=1e-5).doses
        assert dose_of(design, SAPPHIRE) == pytest.approx(found[len(found) // 2], rel=2e-4)


def test_a_waveguide_gets_the_dose_that_a_long_line_by_itself_is_found_to_need():
    line = np.array([[0.0, 0.0, 0.8, 200.0]])
    found = corrected(line, SAPPHIRE, step=1e-6).doses[0]
    assert dose_of(Straight(length=200, width=0.8), SAPPHIRE) == pytest.approx(found, rel=2e-6)


def test_an_isolated_narrow_line_needs_the_dose_of_the_forward_beam_alone():
    line = np.array([[0.0, 0.0, 0.1, 40.0]])
    spread = gaussians((20 * nm, 5.61), (0.4,))
    dose = corrected(line, spread, step=1e-6).doses[0]
    forward, back = (
        w * erf(0.1 / r) / 2 for r, w in zip(spread.ranges, spread.weights, strict=True)
    )
    back *= erf(20 / 5.61)
    assert dose == pytest.approx(THRESHOLD / (forward + back), rel=2e-6)


def test_finer_dose_classes_leave_a_smaller_residual(chip):
    residuals = [corrected(chip, SAPPHIRE, step).residual for step in (0.04, 0.01)]
    assert residuals[0] / residuals[1] > 1.8
    assert residuals[0] < 0.04


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"no point spread for glass at 50 kV\. Did you mean"):
        point_spread("glass", 50)
    with pytest.raises(InputError, match="3 ranges need 2 energy ratios, got 1"):
        gaussians((0.02, 1, 5), (0.4,))
    with pytest.raises(InputError, match="must be a positive number, got 0"):
        gaussians((0.02, 0), (0.4,))
    user = tmp_path / "mine.toml"
    user.write_text(
        'forward = "15 nm"\n[[backscattering]]\nsubstrate = "glass"\nvoltage_kv = 80\n'
        'range = "20 um"\nratio = 0.5\n'
    )
    assert point_spread("glass", 80, user).ranges == (15 * nm, 20)


def test_a_dose_that_opens_no_edge_nearby_is_not_converged(chip):
    with pytest.raises(NotConverged, match="develops more than"):
        developed_widths(chip, np.full(len(chip), 30.0), SAPPHIRE)


@pytest.mark.parametrize(("name", "count"), [("reference", 65), ("dose-test", 78)])
def test_every_grating_written_to_the_chips_develops_within_a_nanometre(name, count, tmp_path):
    """From the written file: lines by KLayout, doses by datatype, without the ladder's part."""
    chip = load_chip(ROOT / "layouts" / f"{name}.toml")
    assert chip.process.point_spread() == SAPPHIRE
    made = write_layout(chip, tmp_path / "a.gds")
    dose_at = {(one.layer, one.datatype): one.factor for one in made.doses}
    file = open_layout(tmp_path / "a.gds")
    seen: dict[bytes, tuple[float, float]] = {}
    for device in made.devices:
        used = [n for n, dose in dose_at.items() if device.doses[0] <= dose <= device.doses[1]]
        found = [(read_lines(file, device.cell, [number]), dose_at[number]) for number in used]
        boxes = np.concatenate([lines for lines, _ in found]) * file.dbu
        doses = np.repeat([dose for _, dose in found], [len(lines) for lines, _ in found])
        doses /= device.dose
        key = boxes.tobytes() + np.round(doses, 3).tobytes()
        if key not in seen:
            widths = boxes[:, 2] - boxes[:, 0]
            seen[key] = tuple(
                float(np.abs(developed_widths(boxes, each, SAPPHIRE) - widths).max())
                for each in (doses, np.ones(len(doses)))
            )
    corrected_errors, plain_errors = np.transpose(list(seen.values()))
    assert len(made.devices) == count
    assert corrected_errors.max() < 0.5 * nm
    assert plain_errors.max() > 10 * nm
    assert np.median(plain_errors) > 5 * nm
