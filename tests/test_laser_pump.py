"""A pumped laser: modes on the gain profile they lase with, and what the film can feed."""

from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from math import pi, sqrt

import numpy as np
import pytest
from lasers import DOPED, NEUTRAL, cavity_of, detunings, gains, made, one_cell_per_stack
from scipy.linalg import expm

from dfbdesign.device import Facets, GainFilm, changed
from dfbdesign.errors import InputError, NoGuidedMode, PhysicsError
from dfbdesign.gain.film import (
    excitons_at_fluence,
    material_gain,
    resolve_film,
    unpumped_absorption,
)
from dfbdesign.lasers.laser import laser
from dfbdesign.lasers.waves import waves_of
from dfbdesign.pump import FluenceProfile
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.transfer_matrix import threshold_modes
from dfbdesign.units import nm

__all__ = ["one_cell_per_stack"]
laser_module, stretches_module = (
    import_module("dfbdesign.lasers.laser"),
    import_module("dfbdesign.lasers.stretches"),
)


# Pump


def own_gain(device, mode, x):
    """Material gain at x, and the film's share of it, written down once more."""
    spot, length = device.pump.spot, device.grating.periods * device.grating.period
    peak, offset = mode.threshold_material_gain, abs(x - length / 2)
    film = resolve_film(device.film) if device.film else None
    absorption = unpumped_absorption(film) if film else 0.0
    if not 0 < x < length:
        return -absorption
    if spot.shape == "uniform":
        return peak
    if spot.shape == "stripe":
        return peak if offset < spot.length / 2 else -absorption
    if spot.shape == "disk":
        chord = 2 * sqrt(max((spot.length / 2) ** 2 - offset**2, 0))
        part = min(chord / device.grating.width, 1)
        return part * peak - (1 - part) * absorption
    fluence = mode.threshold_fluence * np.exp(-8 * offset**2 / spot.length**2)
    return float(material_gain(film, excitons_at_fluence(film, fluence, 1030 * nm)))


def defect(device, found, mode, marks):
    """Sine of the angle between the outgoing waves of both ends, met in the middle."""
    even, odd = found.cell.band_edges
    wavenumber, n_group = 2 * pi / mode.wavelength, found.cell.n_group
    pieces = []
    for begin, end in pairwise(marks):
        gain = own_gain(device, mode, (begin + end) / 2)
        edges = [edge.wavenumber + edge.gain_slope * gain for edge in (even, odd)]
        delta = n_group * (wavenumber - (edges[0] + edges[1]) / 2)
        kappa = n_group * (edges[0] - edges[1]) / 2
        matrix = 1j * np.array([[delta, -kappa], [kappa, -delta]])
        pieces.append(expm(matrix * (end - begin) / 2))  # of half a piece
    steps = [half for half in pieces for _ in range(2)]
    left, right = np.array([0, 1], dtype=complex), np.array([1, 0], dtype=complex)
    for step in steps[: len(pieces)]:
        left = step @ left
        left /= np.linalg.norm(left)
    for step in steps[: len(pieces) - 1 : -1]:
        right = np.linalg.solve(step, right)
        right /= np.linalg.norm(right)
    return abs(left[0] * right[1] - left[1] * right[0])


@pytest.mark.parametrize(
    ("spot", "film"),
    [
        ({"shape": "uniform"}, DOPED),
        ({"shape": "stripe", "length": 200}, None),
        ({"shape": "stripe", "length": 200}, DOPED),
        ({"shape": "disk", "length": 300}, DOPED),
        ({"shape": "gaussian", "length": 400}, DOPED),
        ({"shape": "gaussian", "length": 250}, NEUTRAL),
    ],
)
def test_modes_settle_on_the_gain_profile_they_lase_with(spot, film):
    device = made(film=film, spot=spot, width=250)
    found = laser(device)
    length = found.length
    inner = []
    if spot["shape"] != "uniform":
        reach = spot["length"] / (1 if spot["shape"] == "gaussian" else 2)
        ends = max(length / 2 - reach, 0), min(length / 2 + reach, length)
        inner = list(np.linspace(*ends, 2 if spot["shape"] == "stripe" else 41))
    marks = sorted({0.0, *inner, length})
    assert len(found.modes) >= 2
    for mode in found.modes:
        assert defect(device, found, mode, marks) < 1e-7
        off = replace(mode, threshold_material_gain=1.001 * mode.threshold_material_gain)
        if mode.threshold_fluence is not None:
            off = replace(off, threshold_fluence=1.001 * mode.threshold_fluence)
        assert defect(device, found, off, marks) > 1e-5


@pytest.mark.parametrize("shape", ["stripe", "gaussian", "disk"])
def test_a_spot_longer_than_the_grating_is_refused_and_one_as_long_is_not(shape):
    with pytest.raises(InputError, match=r"spot length \(600 um\) must not exceed .*\(499\.97 um"):
        laser(made(film=DOPED, spot={"shape": shape, "length": 600}))
    assert laser(made(film=DOPED, spot={"shape": shape, "length": 500})).modes


def test_a_stripe_as_long_as_the_grating_is_a_uniform_pump():
    long = laser(made(film=DOPED, spot={"shape": "stripe", "length": 500}))
    uniform = laser(made(film=DOPED, spot={"shape": "uniform"}))
    assert gains(long) == pytest.approx(gains(uniform), rel=1e-12)
    assert gains(long) == pytest.approx(gains(laser(made(film=DOPED))), rel=1e-12)


def measured(fluence, x):
    """A spot of a measured profile."""
    values = fluence(x)
    profile = FluenceProfile("made here", tuple(x), tuple(values / values.max()))
    return {"shape": "profile", "file": profile}


def test_a_wide_gaussian_profile_becomes_uniform_as_the_square_of_its_width():
    uniform, x = laser(made(film=DOPED)).modes[0], np.linspace(-300, 300, 301)
    excess = [
        laser(made(film=DOPED, spot=measured(lambda x, w=w: np.exp(-8 * (x / w) ** 2), x))).modes[0]
        for w in (8000, 16000)
    ]
    first, second = (mode.threshold_material_gain for mode in excess)
    assert first > second > uniform.threshold_material_gain
    ratio = (first - uniform.threshold_material_gain) / (second - uniform.threshold_material_gain)
    assert ratio == pytest.approx(4, rel=0.01)


def test_a_disk_wider_than_the_lines_becomes_a_stripe():
    def first(shape, width):
        spot = {"shape": shape, "length": 300}
        return laser(made(film=DOPED, spot=spot, width=width)).modes[0].threshold_material_gain

    stripe = first("stripe", 500)
    wide, middle, narrow = (first("disk", width) / stripe - 1 for width in (250, 150, 50))
    assert narrow == pytest.approx(0, abs=1e-12)
    assert 0 < middle < wide < 1


@pytest.mark.parametrize("shape", ["stripe", "gaussian", "disk"])
def test_slopes_of_the_gain_profile_are_those_of_the_profile(shape):
    cavity = cavity_of(made(film=DOPED, spot={"shape": shape, "length": 300}, width=200))
    (low, _), (_, slope), (high, _) = (cavity.gains(peak) for peak in (0.0199, 0.02, 0.0201))
    assert slope == pytest.approx((high - low) / 0.0002, rel=1e-4, abs=1e-9)


def test_steps_of_a_smooth_spot_err_in_second_order(monkeypatch):
    device = made(film=DOPED, spot={"shape": "gaussian", "length": 300})
    found = []
    for steps in (20, 40, 80):
        monkeypatch.setattr(stretches_module, "SPOT_STEPS", steps)
        found.append(laser(device).modes[0].threshold_material_gain)
    assert (found[0] - found[1]) / (found[1] - found[2]) == pytest.approx(4, rel=0.1)
    assert found[1] == pytest.approx(found[2], rel=5e-3)


def test_unpumped_facets_are_a_longer_grating_pumped_in_its_middle():
    period = made().grating.period
    facets = Facets(left="unpumped", right="unpumped")
    short = made(film=DOPED, length=400 * period, facets=facets)
    spot = {"shape": "stripe", "length": 400 * period}
    long = made(film=DOPED, length=3000 * period, spot=spot)
    assert gains(laser(short)) == pytest.approx(gains(laser(long)), rel=1e-6)
    assert detunings(laser(short)) == pytest.approx(detunings(laser(long)), abs=1e-9)


def test_weak_gratings_between_unpumped_facets_keep_their_modes():
    # kappa L = 1: modes lie well outside the stop band, at the spacing of the pumped part.
    facets = Facets(left="unpumped", right="unpumped")
    found = laser(made(0.02, film=NEUTRAL, length=500, facets=facets))
    assert len(found.modes) == 6
    assert np.abs(detunings(found)).max() > 1.5 * pi / found.length


def test_absorbing_film_beside_the_spot_raises_the_threshold():
    spot = {"shape": "stripe", "length": 250}
    clear, doped, neutral = (
        laser(made(film=film, spot=spot)).modes[0].threshold_material_gain
        for film in (None, DOPED, NEUTRAL)
    )
    assert clear < doped < neutral


def test_threshold_rises_steeply_below_a_critical_spot():
    lengths = np.array([800, 400, 200, 100, 50])
    fluences = np.array(
        [
            laser(made(film=DOPED, spot={"shape": "stripe", "length": length}, length=1000))
            .modes[0]
            .threshold_fluence
            for length in lengths.tolist()
        ]
    )
    rise = np.diff(fluences)
    assert (rise > 0).all()
    assert (rise[1:] > 1.5 * rise[:-1]).all()
    assert fluences[1] < 1.1 * fluences[0]
    assert fluences[-1] > 1.5 * fluences[1]


def test_a_small_spot_keeps_its_modes_beyond_the_usual_window():
    device = made(film=DOPED, spot={"shape": "stripe", "length": 20})
    found = laser(device)
    assert {mode.origin for mode in found.modes} == {"bright", "dark"}
    window = 2 * cavity_of(device).detunings[1]
    reach = 0.99 * resolve_film(device.film).largest_gain * waves_of(found.cell).confinement
    near = cavity_of(device).at(found.modes[0].threshold_material_gain)
    wider = threshold_modes(near, (-window, 1.01 * window), (0, reach))
    assert wider[0].gain == pytest.approx(found.modes[0].threshold_modal_gain, rel=1e-8)
    assert wider[0].detuning.real == pytest.approx(detunings(found)[0], abs=1e-9)


# Film


def test_excitons_and_fluence_give_back_the_threshold_gain():
    found = laser(made(film=DOPED, spot={"shape": "stripe", "length": 300}))
    for mode in found.modes:
        back = material_gain(found.film, mode.excitons_per_dot)
        assert float(back) == pytest.approx(mode.threshold_material_gain, rel=1e-9)
        excitons = excitons_at_fluence(found.film, mode.threshold_fluence, 1030 * nm)
        assert float(excitons) == pytest.approx(mode.excitons_per_dot, rel=1e-12)
        modal = waves_of(found.cell).confinement * mode.threshold_material_gain
        assert mode.threshold_modal_gain == pytest.approx(modal, rel=1e-12)


def test_without_film_or_pump_there_is_no_fluence():
    for mode in laser(made()).modes:
        assert mode.excitons_per_dot is None
        assert mode.threshold_fluence is None
    for mode in laser(made(film=DOPED)).modes:
        assert mode.excitons_per_dot > 0
        assert mode.threshold_fluence is None


@pytest.mark.parametrize(
    "spot",
    [
        {"shape": "uniform"},
        measured(lambda x: np.exp(-8 * (x / 60) ** 2), np.linspace(-60, 60, 241)),
    ],
)
def test_modes_the_film_cannot_feed_are_left_out(spot):
    film = resolve_film(GainFilm(preset=DOPED))
    clear, fed = laser(made(length=25)), laser(made(length=25, film=DOPED, spot=spot))
    assert max(mode.threshold_material_gain for mode in clear.modes) > film.largest_gain
    assert 0 < len(fed.modes) < len(clear.modes)
    assert all(mode.threshold_material_gain < film.largest_gain for mode in fed.modes)


def test_a_mode_that_passes_the_reach_of_the_film_on_its_way_is_left_out(monkeypatch):
    search = laser_module._lowest

    def unlimited(cavity, peak):
        return search(replace(cavity, film=None), peak)

    monkeypatch.setattr(laser_module, "_lowest", unlimited)
    found = laser(made(length=25, film=DOPED))
    assert all(mode.threshold_material_gain < found.film.largest_gain for mode in found.modes)
    assert 0 < len(found.modes) < len(laser(made(length=25)).modes)
    with pytest.raises(PhysicsError, match=r"best one needs .* gives less than 4100 1/cm"):
        laser(made(length=10, film=DOPED))


@pytest.mark.parametrize("shape", ["uniform", "stripe", "gaussian", "disk"])
def test_a_device_the_film_cannot_feed_says_so_in_one_line(shape):
    with pytest.raises(PhysicsError, match=r'film "taghipour2023-doped"') as error:
        laser(made(film=DOPED, length=10, spot={"shape": shape, "length": 8}))
    assert "\n" not in str(error.value)


def test_unpumped_facets_need_a_film_that_absorbs():
    facets = Facets(left="unpumped")
    with pytest.raises(InputError, match=r"facets .* need a \[film\] that absorbs"):
        laser(made(facets=facets))
    film = GainFilm(preset=DOPED, doping=7.99999, doping_distribution="mixture")
    with pytest.raises(InputError, match="further than 50 times"):
        laser(changed(made(facets=facets), {"film": film}))


def test_nothing_feeds_back_without_lines():
    with pytest.raises(NoGuidedMode, match="duty"):
        laser(made(0.0))
    gap = changed(made(), {"layers.0.gain": False, "layers.1.gain": False})
    with pytest.raises(InputError, match="gain = true"):
        waves_of(unit_cell.modes(gap))


def test_a_grating_without_length_is_refused():
    with pytest.raises(InputError, match="length"):
        laser(changed(made(), {"grating.length": None}))
