"""Light in, light out: rate equations against limits, books and other calculations."""

import json
from dataclasses import replace
from math import log, pi, sqrt

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.device import changed, save_device
from dfbdesign.errors import InputError
from dfbdesign.gain.published import SHELL
from dfbdesign.gain.rates import Rates
from dfbdesign.lasers.envelope import GaussianPulse, Steady
from dfbdesign.lasers.light_curve import continuous_light, light, pulse_threshold
from dfbdesign.lasers.light_model import light_model
from dfbdesign.lasers.light_reading import LightCurve
from dfbdesign.lasers.output import output
from dfbdesign.lasers.overlap import pieces_of
from dfbdesign.lasers.published_lasers import LOSS, published_laser, published_threshold
from dfbdesign.lasers.rate_equations import simulate
from dfbdesign.plots import light_curve, light_pulse, light_spectrum
from dfbdesign.solvers.transfer_matrix import cold_mode_near
from dfbdesign.units import SPEED_OF_LIGHT, cm, fs, nm, ps, uJ, um

UNIT = uJ / cm**2
DOPED = published_laser("doped")
PULSE = GaussianPulse(300 * fs)
ALL = Rates(485 * ps, "cubic", 3200 * ps, 3e6 * ps)


def books(found) -> float:
    return max(np.abs(found.exciton_gap).max(), np.abs(found.photon_gap).max())


@pytest.fixture(scope="module")
def doped() -> LightCurve:
    return light(DOPED, SHELL)


def test_the_photons_that_leave_add_up_to_those_lost(doped):
    found = doped.simulation
    steps = np.diff(found.times)[:, None, None]
    total = np.sum(steps * (found.leaving[1:] + found.leaving[:-1]) / 2, axis=0)
    lit = found.lost > 1e6
    assert_allclose(total[lit], found.lost[lit], rtol=5e-3)


def test_continuous_light_starts_at_the_static_threshold_of_the_long_run():
    """Which is that of detailed balance, with Auger recombination, in the real device."""
    model = light_model(DOPED, SHELL, 34 / cm, along=2, deep=3)
    rate = model.static_threshold(continuous=True)
    model = model.with_room(8 * rate * 485)
    levels = rate * np.array([1 - 1e-4, 1 + 1e-4, 1.3])
    found = simulate(model.rates, Steady(), levels, 1e5, 1e-3)
    photons = found.photons.sum(axis=-1).max(axis=0)
    assert photons[0] < 1e5 < 1e8 < photons[1]
    assert abs(found.growth[-1, 2, 0]) < 1e-4 * model.rates.loss[0]  # gain is clamped
    assert books(found) < 1e-9


def test_with_even_depth_the_static_threshold_is_that_of_the_finite_laser():
    device = changed(DOPED, {"pump.spot.length": 250 * um, "pump.spot.shape": "stripe"})
    model = light_model(device, SHELL)
    pumped = (model.rates.filling > 0).astype(float)
    even = replace(model, rates=replace(model.rates, filling=pumped))
    for number, mode in enumerate(model.modes[:2]):
        assert even.static_threshold(number) == pytest.approx(mode.excitons_per_dot, rel=1e-7)
    assert model.static_threshold() > 1.03 * model.modes[0].excitons_per_dot  # unevenness costs


def test_loss_costs_the_gain_that_makes_up_for_it():
    plain, lossy = (light_model(DOPED, SHELL, loss) for loss in (0.0, 50 / cm))
    confinement = plain.modes[0].pumped.waves.confinement
    more = (lossy.rates.loss - plain.rates.loss)[0] / (
        2 * SPEED_OF_LIGHT * plain.overlaps[0].slope.sum().imag
    )
    assert more == pytest.approx(50 / cm / confinement, rel=0.03)  # a mode is not quite a wave
    assert lossy.shares[0, 3] > 0.3
    assert_allclose(lossy.shares.sum(axis=1), 1, rtol=1e-12)


# Overlaps


@pytest.mark.parametrize("shape", ["stripe", "gaussian"])
def test_growth_changes_with_the_gain_of_a_piece_as_the_cold_mode_does(shape):
    device = changed(DOPED, {"pump.spot.length": 250 * um})
    device = changed(device, {"pump.spot.shape": shape})
    model = light_model(device, SHELL)
    mode, found = model.modes[0], model.overlaps[0]
    gains = mode.pumped.gains(mode.threshold_material_gain)[0]
    pieces = pieces_of(model.laser, 4)
    group = mode.pumped.waves.n_group
    for stretch in (len(gains) // 4, len(gains) // 2):
        moved = []
        for step in (1e-7, -1e-7):
            changed_gains = gains.copy()
            changed_gains[stretch] += step
            moved.append(
                cold_mode_near(mode.pumped.frozen(changed_gains), mode.mode.detuning).detuning
            )
        expected = (moved[0] - moved[1]) / 2e-7 / group
        ours = found.slope[pieces.stretch == stretch].sum()
        assert ours == pytest.approx(expected, rel=2e-4)


def test_what_the_film_gives_is_what_leaves():
    model = light_model(changed(DOPED, {"layers.0.lines.duty": 0.47}), SHELL)
    pieces = pieces_of(model.laser, 4)
    for mode, one in zip(model.modes, model.overlaps, strict=True):
        given = one.given @ pieces.gains(mode)
        assert given == pytest.approx(one.upwards + one.downwards + one.sideways, rel=1e-5)


def test_light_is_shared_out_as_by_the_power_balance_of_the_mode():
    model = light_model(DOPED, SHELL)
    for number, ours in enumerate(model.shares):
        theirs = output(model.laser, number)
        out = np.array([theirs.up, theirs.down, theirs.left + theirs.right, theirs.materials])
        assert_allclose(ours, out / out.sum(), atol=2e-5)


def test_the_spontaneous_factor_is_that_of_mode_volume_and_density_of_states():
    """β = Γ λ⁴ / (8π n² n_g V Δλ), the textbook's, for a mode that fills the film evenly."""
    model = light_model(DOPED, SHELL)
    mode, film = model.modes[0], model.film
    waves, material = mode.pumped.waves, DOPED.layers[1].material
    index = complex(material.index(mode.wavelength)).real
    volume = model.rates.dots.sum() * (pi * film.dot_diameter**3 / 6) / film.packing_fraction
    line = 85 * nm * sqrt(pi / (4 * log(2)))
    textbook = (
        waves.confinement * mode.wavelength**4 / (8 * pi * index**2 * waves.n_group * volume * line)
    )
    # a standing wave of either edge sees more or less of the film than the running wave between
    own = model.spontaneous_factor / model.rates.excess
    edges = [[one.origin for one in model.modes].index(edge) for edge in ("dark", "bright")]
    assert own[edges].mean() == pytest.approx(textbook, rel=1.5e-2)


def test_finer_parts_move_the_light_little():
    coarse = light_model(DOPED, SHELL)
    fine = light_model(DOPED, SHELL, along=12, deep=10)
    assert coarse.static_threshold() == pytest.approx(fine.static_threshold(), rel=3e-3)
    excitons = fine.static_threshold() * np.array([1.6, 3.0])
    out = []
    for model in (coarse, fine):
        sized = model.with_room(excitons.max())
        found = simulate(sized.rates, PULSE, excitons, 300.0, 1e-3)
        out.append((found.lost * sized.energies) @ sized.shares)
    assert_allclose(out[0], out[1], rtol=0.02)


# What is read off


def test_a_chirped_gaussian_pulse_has_the_width_of_the_closed_form(doped):
    tau, chirp = 12.0, 0.03
    time = np.linspace(-60, 60, 4001)
    found = doped.simulation
    photons = np.zeros((len(time), 1, len(doped.model.modes)))
    photons[:, 0, 0] = 1e6 * np.exp(-4 * log(2) * (time / tau) ** 2)
    detuning = np.zeros_like(photons)
    detuning[:, 0, 0] = chirp * time
    curve = replace(
        doped, simulation=replace(found, times=time, photons=photons, detuning=detuning)
    )
    spectrum = curve.spectrum(0, span=4 * nm)
    wavelength = doped.model.modes[0].wavelength
    angular = sqrt((4 * log(2) / tau) ** 2 + (chirp * tau) ** 2)
    assert spectrum.width == pytest.approx(
        angular * wavelength**2 / (2 * pi * SPEED_OF_LIGHT), rel=2e-3
    )
    assert spectrum.peak == pytest.approx(wavelength, abs=2e-6)


def test_a_higher_frequency_is_a_shorter_wavelength(doped):
    found = doped.simulation
    moved = replace(found, detuning=found.detuning + 0.5)
    curve = replace(doped, simulation=moved)
    assert curve.spectrum(20).peak < doped.spectrum(20).peak - 0.5 * nm


def test_the_threshold_of_two_straight_lines_is_where_they_meet(doped):
    pump = np.linspace(1.0, 3.0, 41)
    out = 1e-6 * pump + 5 * np.maximum(pump - 1.62, 0)
    curve = replace(doped, pump=pump, light=out[:, None] * np.ones(4), absorbed=0.2 * pump)
    assert curve.threshold == pytest.approx(1.62, rel=1e-5)
    assert curve.slope_efficiency == pytest.approx(25, rel=1e-3)
    assert curve.saturation == pytest.approx(1, rel=1e-3)


def test_the_pulse_widens_without_chirp_only_by_its_own_length(doped):
    still = light(DOPED, SHELL, doped.pump[18:20], linewidth_enhancement=0.0)
    chirped = doped.spectrum(19)
    assert still.spectrum(1).width < chirped.width
    assert doped.schawlow_townes[19] < 1e-6 * chirped.width


def test_more_pump_makes_light_sooner_shorter_and_stronger(doped):
    lit = doped.pump > 1.2 * doped.threshold
    assert np.all(np.diff(doped.build_up[lit]) < 0)
    assert np.all(np.diff(doped.width[lit]) < 0)
    assert np.all(np.diff(doped.output[lit]) > 0)
    assert np.all(doped.light.sum(axis=1) < doped.absorbed)  # a photon holds less than the pump's


def test_the_pulsed_threshold_lies_above_the_static_one_by_what_light_waits_for(doped):
    """Gain has to outlast some thirty e-foldings: the faster it decays, the more must be there."""
    fast = pulse_threshold(DOPED, Rates(250 * ps, trapping_lifetime=3200 * ps))
    slow = pulse_threshold(DOPED, Rates(20000 * ps, trapping_lifetime=3200 * ps))
    assert slow < doped.threshold < fast


def test_a_first_order_laser_is_seen_from_its_end():
    first = {"grating.period": 435 * nm, "grating.order": 1, "pump.spot.shape": "uniform"}
    found = light(changed(DOPED, first), SHELL, doped_levels())
    assert np.all(found.light[:, :2] == 0)
    assert found.threshold > 0.9 * found.static_threshold
    assert_allclose(found.output, found.light[:, 2])
    assert found.spectrum(len(found.pump) - 1).width > 0


def doped_levels() -> np.ndarray:
    """Fluences around the threshold of the doped laser."""
    return np.array([110, 120, 130, 140, 150, 160, 165, 170, 175, 180, 190]) * UNIT


# The published lasers


def test_the_ratio_of_the_published_thresholds_follows_from_the_films_alone():
    ratio = published_threshold("neutral") / published_threshold("doped")
    assert 430 / 160 / 1.5 < ratio < 430 / 160 * 1.5
    bare = [
        pulse_threshold(published_laser(kind), SHELL) for kind in ("neutral", "doped")
    ]  # presets and lifetimes alone, no loss
    assert 430 / 160 / 1.5 < bare[0] / bare[1] < 430 / 160 * 1.5


@pytest.mark.parametrize(("kind", "measured"), [("neutral", 430), ("doped", 160)])
def test_the_published_thresholds_lie_within_what_duty_and_length_span(kind, measured):
    lowest = published_threshold(kind, 0.25, 2000 * um) / UNIT
    highest = published_threshold(kind, 0.502, 200 * um) / UNIT
    assert lowest < measured < highest
    assert LOSS[f"taghipour2023-{kind}"] > 0


# Input


def test_what_is_missing_or_wrong_is_named(doped):
    for device, rates, fluence, words in (
        (changed(DOPED, {"grating.width": None}), SHELL, [1.0], "width"),
        (changed(DOPED, {"pump": None}), SHELL, [1.0], "pump"),
        (DOPED, SHELL, [2.0, 1.0], "ascending"),
        (DOPED, SHELL, [-1.0], "ascending"),
    ):
        with pytest.raises(InputError, match=words):
            light(device, rates, fluence)
    with pytest.raises(InputError, match="loss"):
        light(DOPED, SHELL, [1.0], loss=-1.0)
    with pytest.raises(InputError, match="trapping"):
        continuous_light(DOPED, Rates(485 * ps), [0.01])
    with pytest.raises(InputError, match="kink"):
        _ = light(DOPED, SHELL, [0.1, 0.2, 0.3, 0.4]).threshold


# The command, the pictures, the report


@pytest.fixture
def device_file(tmp_path):
    save_device(DOPED, tmp_path / "device.toml")
    return tmp_path / "device.toml"


def test_the_command_prints_light_threshold_and_books(dfb, device_file):
    picture = device_file.with_suffix(".png")
    ran = dfb("light", device_file, "--json", "--plot", picture)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["threshold_uj_per_cm2"] == pytest.approx(165, abs=2)  # measured 160
    assert found["static_threshold_uj_per_cm2"] < found["threshold_uj_per_cm2"]
    assert len(found["light"]) == 40
    assert found["largest_gap_of_the_books"] < 1e-9
    first = found["modes"][0]
    shares = [first[f"share_{name}"] for name in ("up", "down", "sideways", "absorbed")]
    assert sum(shares) == pytest.approx(1)
    lit = [row for row in found["light"] if row["linewidth_nm"] is not None]
    assert 0.1 < lit[0]["linewidth_nm"] < 2
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_command_takes_pulses_lifetimes_and_continuous_light(dfb, device_file):
    shape = device_file.with_name("pulse.csv")
    shape.write_text("time_ps,power\n0,0\n1,2\n2,1\n3,0\n")
    words = "--biexciton-lifetime", "300", "--loss", "0", "--json"
    ran = dfb("light", device_file, "--fluences", "100,300", "--pulse", shape, *words)
    found = json.loads(ran.out)
    assert found["threshold_uj_per_cm2"] is None  # two points hold no kink
    assert found["light"][1]["up_nj"] > 1e3 * found["light"][0]["up_nj"]
    steady = json.loads(dfb("light", device_file, "--intensities", "2e5,1e6", "--json").out)
    assert steady["light"][1]["up_w"] > 1e3 * steady["light"][0]["up_w"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("time_ps,power\n0,0\n1,-2\n2,0\n", "negative"), ("time,power\n0,1\n", "time_ps")],
)
def test_a_bad_pulse_file_is_one_clear_error(dfb, device_file, content, words):
    shape = device_file.with_name("pulse.csv")
    shape.write_text(content)
    ran = dfb("light", device_file, "--pulse", shape)
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_film_without_published_lifetimes_needs_them(dfb, device_file):
    film = {"film.preset": "cascade-layers"}
    save_device(changed(DOPED, film), device_file)
    ran = dfb("light", device_file)
    assert ran.code == 2
    assert "lifetime" in ran.err


def test_the_pictures_show_every_pulse(doped):
    drawn = plt.figure().subplots(3)
    light_curve(drawn[0], [doped])
    assert len(drawn[0].lines[0].get_xdata()) == len(doped.pump)
    assert "145" in drawn[0].get_legend().get_texts()[0].get_text()
    light_pulse(drawn[1], doped, [20, 30])
    assert drawn[1].lines[1].get_ydata().max() == doped.power[:, 30].max()
    light_spectrum(drawn[2], doped, 20)
    assert drawn[2].lines[0].get_ydata().max() == 1
    plt.close("all")
