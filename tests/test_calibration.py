"""Calibrations against truths that are planted, closed forms, and devices solved in full."""

from dataclasses import replace

import numpy as np
import pytest
from test_tolerance import wanted

from dfbdesign.designs.calibration import (
    calibrate,
    next_ladder,
    prepared,
    updated,
)
from dfbdesign.designs.ladder import Goal, ladder, width_of
from dfbdesign.designs.readings import Reading, load_readings
from dfbdesign.designs.sampling import Part, effective, sampled
from dfbdesign.designs.spread import Spread, at
from dfbdesign.designs.swept import many_modes, solved_edges, waves_of_edges
from dfbdesign.device import changed, load_device, without_dispersion
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import cm, nm, uJ

SPREAD = Spread(film_index=0.03)
WINDOW = Goal((1665 * nm, 1675 * nm))

PLACES = [(period * nm, duty) for period in (850, 862, 874, 886) for duty in (0.3, 0.7)]


def chip(places=PLACES):
    return tuple(
        Reading(f"A{i}", "laser", period, duty, 1.0, 1.67 + 1.6 * (period - 0.868), 0.2 * nm)
        for i, (period, duty) in enumerate(places)
    )


@pytest.fixture(scope="module")
def fitted():
    return prepared(wanted(), SPREAD, chip())


def measured(fitted, amounts, seed, readings=None, edge=None):
    """Readings of one chip, solved in full, with errors of reading and of each device."""
    one, random = fitted.family, np.random.default_rng(seed)
    readings = readings or chip()
    local = random.standard_normal((len(readings), len(one.local)))
    period = np.array([reading.period for reading in readings])
    width = np.array([width_of(one, reading.duty, 1.0) for reading in readings])
    edges = solved_edges(one.device, one.changes(one.amounts(amounts[None], local, period, width)))
    modes = many_modes(laser(one.device), waves_of_edges(edges), quality=False)
    lased = modes.lasing("wavelength") if edge is None else modes.wavelength[:, edge]
    found = lased + 0.2 * nm * random.standard_normal(len(readings))
    pairs = zip(readings, found, strict=True)
    return tuple(replace(reading, wavelength=float(w)) for reading, w in pairs)


def truth(found, amounts):
    one = found.fitted.family
    device = at(one.device, one.causes, amounts)
    film, groove = device.layers[1], device.layers[0]
    return {
        "layers.0.material": float(film.material.index(1.67).real),
        "layers.1.thickness": film.thickness,
        "layers.0.thickness": groove.thickness,
        "layers.0.lines.duty": groove.lines.duty,
        "layers.0.lines.material": float(groove.lines.material.index(1.67).real),
    }


def test_intervals_cover_the_truth_of_every_value(fitted):
    covered, off, random = [], [], np.random.default_rng(8)
    for seed in range(60):
        amounts = random.standard_normal(len(fitted.family.causes))
        found = calibrate(fitted, measured(fitted, amounts, seed), draws=1500)
        assert found.effective_draws > 500
        true = truth(found, amounts)
        covered.append([one.low <= true[one.path] <= one.high for one in found.values])
        off.append([(true[one.path] - one.mean) / one.error for one in found.values])
    # 60 intervals of 90 %: 3.9 % is one standard error; all five of one chip are not independent
    assert (np.abs(np.mean(covered, axis=0) - 0.9) < 3 * 0.039).all()
    assert np.mean(covered) == pytest.approx(0.9, abs=0.05)
    # of 60 numbers of spread 1, the spread is known to 9 %
    assert np.std(off, axis=0) == pytest.approx(1, abs=0.27)
    assert np.mean(off, axis=0) == pytest.approx(0, abs=3 / np.sqrt(60))


@pytest.mark.parametrize("error", [0.2 * nm, 2 * nm])
def test_small_priors_and_known_edges_leave_what_the_normal_distribution_leaves(exact, error):
    one = exact.family
    # dips: the bright edge, exactly what `modes` solves
    dips = [replace(reading, kind="dip", error=error) for reading in chip(PLACES[:3])]
    slopes, there = [], []
    for dip in dips:
        shift = width_of(one, dip.duty, 1.0)
        width = next(cause for cause in one.moving if cause.name == "drawn width")
        device = changed(one.device, {"grating.period": dip.period})
        edge = modes(at(device, [width], np.array([shift / nm]))).band_edges[0]
        there.append(edge.wavelength)
        slopes.append(
            [
                sum(edge.wavelength_sensitivity(path) * by for path, by in cause.moves.items())
                for cause in one.causes
            ]
        )
    random = np.random.default_rng(5)
    read = np.array(there) + error * random.standard_normal(len(dips))
    pairs = zip(dips, read, strict=True)
    found = calibrate(exact, [replace(dip, wavelength=float(w)) for dip, w in pairs], 8000)
    slopes = np.array(slopes)
    covariance = np.linalg.inv(np.eye(len(one.causes)) + slopes.T @ slopes / error**2)
    mean = covariance @ slopes.T @ (read - there) / error**2
    for value in found.values:
        moves = np.array([cause.moves.get(value.path, 0.0) for cause in one.causes])
        assert value.error == pytest.approx(np.sqrt(moves @ covariance @ moves), rel=0.05)
        # outliers, one in twenty, pull a little less than in the closed form
        assert value.mean - value.nominal == pytest.approx(moves @ mean, abs=0.15 * value.error)
    left = np.sqrt(np.linalg.eigvalsh(covariance))
    assert found.directions[0].remaining == pytest.approx(left[0], rel=0.05)


@pytest.fixture(scope="module")
def exact():
    small = Spread(
        film_index=0.001, film_thickness=0.4 * nm, line_height=0.4 * nm, line_width=2 * nm,
        line_index=0.004, dose=0, local_thickness=0, local_width=0,
    )  # fmt: skip
    return prepared(wanted(), small, chip(PLACES[:3]))


def test_a_ladder_pins_one_combination_and_says_which_stay_open(fitted):
    found = calibrate(fitted, measured(fitted, np.zeros(len(fitted.family.causes)), 1))
    best, *_, last = found.directions
    assert best.remaining < 0.05
    assert last.remaining > 0.9
    # along it the wavelength changes: index and thickness of the film
    slope = fitted.slopes[: len(fitted.family.causes)]
    assert abs(best.weights @ slope) / np.linalg.norm(slope) > 0.99
    index, thickness = found.values[0], found.values[1]
    assert index.error < 0.6 * index.prior
    assert thickness.error > 0.7 * thickness.prior
    assert found.odd.mean() > 0.8  # the dark edge lases, though nobody said so


def test_one_device_is_worth_one_wide_answer(fitted):
    (one, *_) = measured(fitted, np.ones(len(fitted.family.causes)), 2)
    found = calibrate(fitted, [one])
    assert [direction.remaining > 0.9 for direction in found.directions].count(False) == 1
    assert 0.2 < found.odd[0] < 0.8  # either edge


def test_edges_are_told_apart_by_their_splits_even_where_the_other_one_lases(fitted):
    for edge in (0, 1):
        readings = measured(fitted, np.zeros(len(fitted.family.causes)), 6, edge=edge)
        found = calibrate(fitted, readings)
        assert (found.odd > 0.5).mean() == edge
        index = found.values[0]
        assert index.low < 2.53 < index.high


def test_an_outlier_is_found_and_changes_little(fitted):
    readings = list(measured(fitted, np.full(len(fitted.family.causes), 0.5), 3))
    good = calibrate(fitted, readings)
    readings[4] = replace(readings[4], wavelength=readings[4].wavelength - 15 * nm)
    found = calibrate(fitted, readings)
    assert found.outlier[4] > 0.99
    assert np.delete(found.outlier, 4).max() < 0.5
    assert abs(found.values[0].mean - good.values[0].mean) < found.values[0].error


def test_a_dip_is_the_bright_edge(fitted):
    readings = measured(fitted, np.zeros(len(fitted.family.causes)), 4)
    dips = tuple(replace(one, kind="dip") for one in readings)
    found = calibrate(fitted, dips)
    assert found.odd.max() < 1e-3


def test_draws_along_a_curve_have_the_moments_of_its_closed_form():
    # y is normal, x is 0.3 y² within 0.01
    maximum, inverse = np.zeros(2), np.diag([1e4, 1.0])
    part = Part.about(
        maximum, inverse, np.array([1.0, 0.0]), lambda z: z[:, 0] - 0.3 * z[:, 1] ** 2
    )
    z, weight = sampled(
        lambda z: -0.5 * ((z[:, 0] - 0.3 * z[:, 1] ** 2) / 0.01) ** 2 - 0.5 * z[:, 1] ** 2,
        [part], np.random.default_rng(2), 8000,
    )  # fmt: skip
    assert effective(weight) > 0.75 * len(z)  # the first draws lie along the curve already
    x, y = z.T
    assert weight @ x == pytest.approx(0.3, abs=0.02)
    assert weight @ y == pytest.approx(0, abs=0.04)
    assert weight @ (x - 0.3) ** 2 == pytest.approx(0.18, rel=0.15)
    assert weight @ (x - 0.3 * y**2) ** 2 == pytest.approx(1e-4, rel=0.06)


def test_draws_find_both_of_two_maxima_with_their_shares():
    def log_density(z):  # 30 % about (-3, 0), 70 % about (3, 0), narrow in x
        a, b = (-0.5 * (((z[:, 0] - x) / 0.1) ** 2 + z[:, 1] ** 2) for x in (-3, 3))
        return np.logaddexp(np.log(0.3) + a, np.log(0.7) + b)

    # one of the parts starts too wide and off its maximum, the other too narrow
    parts = [
        Part.about(np.array([x, 0.0]), inverse, np.array([1.0, 0.0]), lambda z: z[:, 0])
        for x, inverse in ((-2.6, np.diag([4.0, 0.3])), (3.05, np.diag([400.0, 8.0])))
    ]
    z, weight = sampled(log_density, parts, np.random.default_rng(4), 4000)
    assert weight[z[:, 0] < 0].sum() == pytest.approx(0.3, abs=0.04)
    assert weight @ z[:, 1] ** 2 == pytest.approx(1, rel=0.1)


def test_thresholds_tell_the_edge_as_their_likelihood_says(tmp_path):
    device = load_device("examples/reference.toml")
    device = changed(without_dispersion(device, 1.67), {"layers.0.lines.duty": 0.35})
    solved = laser(device).modes
    dark = solved[0]
    bright = next(mode for mode in solved if mode.mode.edge != dark.mode.edge)
    assert dark.origin == "dark"
    path = tmp_path / "measured.csv"
    row = f"A1,870,{(dark.wavelength + bright.wavelength) / 2 / nm}"  # of either edge, so far
    path.write_text(f"device,period_nm,wavelength_nm\n{row}\n")
    fitted = prepared(device, Spread(film_index=0.05), load_readings(path, device))
    said = [calibrate(fitted, load_readings(path, device), 6000).odd[0]]
    for one in (dark, bright):
        fluence = one.threshold_fluence * cm**2 / uJ
        columns = "device,period_nm,wavelength_nm,threshold_uj_per_cm2,threshold_error_percent"
        path.write_text(f"{columns}\n{row},{fluence},3\n")
        said.append(calibrate(fitted, load_readings(path, device), 6000).odd[0])
    apart = np.log(bright.threshold_fluence / dark.threshold_fluence) / 0.03
    odds = np.exp(0.5 * apart**2)
    assert odds > 2
    assert said == pytest.approx([0.5, odds / (1 + odds), 1 / (1 + odds)], abs=0.08)


def test_dips_of_a_file_pin_the_bright_edge_whatever_lases(tmp_path):
    device = wanted()
    edges = [
        modes(changed(device, {"grating.period": period * nm})).band_edges[0]
        for period in (860, 868)
    ]
    assert [edge.label for edge in edges] == ["bright", "bright"]
    path = tmp_path / "measured.csv"
    rows = [f"A{i},{860 + 8 * i},{edge.wavelength / nm:.3f}" for i, edge in enumerate(edges)]
    path.write_text("\n".join(["device,period_nm,dip_nm", *rows]))
    readings = load_readings(path, device)
    found = calibrate(prepared(device, SPREAD, readings), readings)
    assert found.odd.max() < 1e-3
    assert found.directions[0].remaining < 0.1
    index = found.values[0]
    assert index.mean == pytest.approx(2.53, abs=0.3 * index.error)  # nothing was off


def test_the_next_chip_is_surer_and_the_updated_device_nearer(fitted):
    amounts = np.zeros(len(fitted.family.causes))
    amounts[0] = 1.5
    found = calibrate(fitted, measured(fitted, amounts, 5))
    device = wanted()
    true = laser(at(device, fitted.family.causes, amounts)).modes[0].wavelength
    new = laser(updated(device, found)).modes[0].wavelength
    old = laser(device).modes[0].wavelength
    assert abs(new - true) < 1 * nm < 10 * nm < abs(old - true)
    next_one = next_ladder(device, found, 2)
    assert next_one.probability > 0.95 > ladder(device, SPREAD, 2, WINDOW, wafers=500).probability


def test_a_film_known_to_a_period_still_has_a_next_chip(fitted):
    readings = measured(fitted, np.full(len(fitted.family.causes), 0.5), 3)
    found = calibrate(fitted, readings)
    certain = replace(found, draws=np.repeat(found.draws.mean(axis=0)[None], 50, axis=0))
    planned = next_ladder(wanted(), certain, 9)
    assert len({rung.period for rung in planned.rungs}) == 9
    assert planned.probability > 0.95


def test_readings_are_joined_with_the_manifest(tmp_path):
    path, manifest = tmp_path / "measured.csv", tmp_path / "chip.manifest.csv"
    manifest.write_text("device,kind,period_nm,duty,dose\nA1,grating,860,0.35,1.1\n")
    path.write_text("device,wavelength_nm,dip_nm,threshold_uj_per_cm2\nA1,1660.5,1655,120\n")
    lasing, dip = load_readings(path, wanted(), manifest)
    assert (lasing.period, lasing.duty, lasing.dose) == pytest.approx((0.86, 0.35, 1.1))
    assert lasing.wavelength == pytest.approx(1660.5 * nm)
    assert lasing.threshold == pytest.approx(120 * uJ / cm**2)
    assert (dip.kind, dip.threshold) == ("dip", None)
    path.write_text("device,wavelength_nm\nA2,1660.5\n")
    with pytest.raises(InputError, match="A2"):
        load_readings(path, wanted(), manifest)
    path.write_text("device,wavelength\nA1,1660.5\n")
    with pytest.raises(InputError, match="wavelength_nm"):
        load_readings(path, wanted(), manifest)
    path.write_text("device,wavelength_nm\nA1,red\n")
    with pytest.raises(InputError, match="red"):
        load_readings(path, changed(wanted(), {}), None)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("device,wavelength_nm\nA,1670,3\n", "line 2: more cells"),
        ("device,wavelength_nm,wavelength_nm\nA,1670,1671\n", "one name"),
        ("device,wavelength_nm,duty\nA,1670,1.4\n", "duty"),
        ("device,wavelength_nm,dose\nA,1670,40\n", "dose"),
    ],
)
def test_a_file_of_readings_that_makes_no_sense_is_refused(text, match, tmp_path):
    path = tmp_path / "measured.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=match):
        prepared(wanted(), SPREAD, load_readings(path, wanted()))


@pytest.mark.parametrize("error", [0.0, -1 * nm, float("nan")])
def test_a_reading_without_error_is_refused(error, tmp_path):
    path = tmp_path / "measured.csv"
    path.write_text("device,wavelength_nm\nA,1670\n")
    with pytest.raises(InputError, match="error"):
        load_readings(path, wanted(), error=error)
