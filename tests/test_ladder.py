"""Ladders and calibrations against devices that are solved in full."""

from dataclasses import replace

import numpy as np
import pytest
from test_tolerance import wanted

from dfbdesign.designs.calibration import calibrate, next_ladder, prepared, updated
from dfbdesign.designs.ladder import Goal, _counts, chip_of, ladder, simulated, width_of
from dfbdesign.designs.readings import Reading, load_readings
from dfbdesign.designs.spread import Spread, at
from dfbdesign.designs.swept import many_modes, solved_edges, waves_of_edges
from dfbdesign.device import changed
from dfbdesign.errors import InputError
from dfbdesign.lasers.laser import laser
from dfbdesign.units import cm, nm, uJ

SPREAD = Spread(film_index=0.03)
WINDOW = Goal((1665 * nm, 1675 * nm))


@pytest.fixture(scope="module")
def planned():
    return ladder(wanted(), SPREAD, 5, WINDOW, wafers=2000)


def test_wafers_solved_in_full_hit_as_often_as_promised(planned):
    wafers = 400
    rate = simulated(planned, planned.rungs, wafers)
    error = np.sqrt(planned.probability * (1 - planned.probability) / wafers)
    assert abs(rate - planned.probability) < 3 * np.hypot(error, planned.probability_error)


def test_no_evenly_spaced_ladder_is_better(planned):
    assert planned.probability > planned.even_probability - 2 * planned.probability_error
    own = [rung.probability for rung in planned.rungs]
    assert max(own) < planned.probability <= sum(own)
    for rung in planned.rungs:
        assert rung.period / nm == pytest.approx(round(rung.period / nm), abs=1e-6)


def test_of_two_useful_duties_the_ladder_beats_one():
    two = ladder(wanted(), SPREAD, 4, WINDOW, duties=(0.3, 0.7), wafers=1500)
    assert two.probability > two.even_probability


def test_counts_of_hits_are_those_of_all_outcomes():
    hits = np.array([[0.2, 0.5, 0.9]])
    expected = np.zeros(4)
    for outcome in np.ndindex(2, 2, 2):
        chance = np.prod([p if hit else 1 - p for p, hit in zip(hits[0], outcome, strict=True)])
        expected[sum(outcome)] += chance
    assert _counts(hits, [0, 1, 2], 3)[0] == pytest.approx(expected[:3])


def test_a_ladder_feeds_a_chip(planned, tmp_path):
    chip = chip_of(planned)
    (array,) = chip.array
    assert array.period == tuple(rung.period for rung in planned.rungs)
    assert array.device == planned.device
    (row,) = array.rows()
    assert [one.grating.period for one in row] == list(array.period)


def test_a_ladder_says_what_is_wrong():
    with pytest.raises(InputError, match="at_least"):
        ladder(wanted(), SPREAD, 2, Goal(WINDOW.window, at_least=3))
    with pytest.raises(InputError, match=r"\[film\]"):
        ladder(wanted(), SPREAD, 2, Goal(WINDOW.window, fluence=1.0))


# Calibration

PLACES = [(period * nm, duty) for period in (850, 862, 874, 886) for duty in (0.3, 0.7)]


def chip(places=PLACES):
    return tuple(
        Reading(f"A{i}", "laser", period, duty, 1.0, 1.67 + 1.6 * (period - 0.868), 0.2 * nm)
        for i, (period, duty) in enumerate(places)
    )


@pytest.fixture(scope="module")
def fitted():
    return prepared(wanted(), SPREAD, chip())


def measured(fitted, amounts, seed, readings=None):
    """Readings of one chip, solved in full, with errors of reading and of each device."""
    one, random = fitted.family, np.random.default_rng(seed)
    readings = readings or chip()
    local = random.standard_normal((len(readings), len(one.local)))
    period = np.array([reading.period for reading in readings])
    width = np.array([width_of(one, reading.duty, 1.0) for reading in readings])
    edges = solved_edges(one.device, one.changes(one.amounts(amounts[None], local, period, width)))
    modes = many_modes(laser(one.device), waves_of_edges(edges), quality=False)
    found = modes.lasing("wavelength") + 0.2 * nm * random.standard_normal(len(readings))
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


def test_intervals_cover_the_truth(fitted):
    covered, random = [], np.random.default_rng(8)
    for seed in range(30):
        amounts = random.standard_normal(len(fitted.family.causes))
        found = calibrate(fitted, measured(fitted, amounts, seed), draws=1500)
        true = truth(found, amounts)
        covered += [one.low <= true[one.path] <= one.high for one in found.values]
    # 150 intervals of 90 %, some of them of one chip: 5 % is two standard errors
    assert 0.80 < np.mean(covered) < 0.98


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
