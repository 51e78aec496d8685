import json
from math import pi

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.device import (
    Device,
    GainFilm,
    Grating,
    Layer,
    Lines,
    Pump,
    Spot,
    Target,
    save_device,
)
from dfbdesign.errors import InputError
from dfbdesign.gain.film import depth_gain, excitons_at_fluence, material_gain, resolve_film
from dfbdesign.gain.history import continuous_threshold
from dfbdesign.gain.pump import spot_area
from dfbdesign.gain.rates import Rates
from dfbdesign.lasers.pumping import pumped_gain, pumping
from dfbdesign.units import cm, nm, ps, uJ, um


def device(**changes) -> Device:
    lines = Lines(material="tio2-ald", duty=0.35)
    values = {
        "substrate": "sapphire-c",
        "layers": [
            Layer(thickness=50 * nm, material="cqd-film", lines=lines, gain=True),
            Layer(thickness=160 * nm, material="cqd-film", gain=True),
        ],
        "superstrate": "air",
        "grating": Grating(period=870 * nm, length=500 * um, width=500 * um),
        "target": Target(wavelength=1670 * nm),
        "film": {"preset": "taghipour2023-doped"},
        "pump": Pump(wavelength=1030 * nm, spot=Spot(shape="stripe", length=500 * um)),
    }
    return Device(**(values | changes))


@pytest.mark.parametrize("side", ["top", "substrate"])
def test_excitons_add_up_to_the_absorbed_photons(side):
    found = pumping(device(pump=Pump(wavelength=1030 * nm, side=side)), orders=3)
    fill = np.array(found.light.fill)[:, None]
    volume = np.trapezoid(fill * np.ones_like(found.light.height), found.light.height, axis=-1)
    mean = np.trapezoid(fill * found.light.relative_density, found.light.height, axis=-1).sum()
    assert mean / volume.sum() == pytest.approx(1, rel=1e-3)
    film = 0.160 + 0.65 * 0.050
    dots = 0.74 * film / (pi * 0.005**3 / 6)
    photons = found.transparency_fluence / (6.62607015e-22 * 299792458 / 1.03e-6)  # energy in pJ
    assert photons * found.light.film / dots == pytest.approx(found.transparency_excitons, rel=1e-6)


def test_a_weakly_absorbing_matched_film_fills_evenly_and_costs_nothing():
    plain = device(
        substrate=2.6,
        superstrate=2.6,
        layers=[Layer(thickness=160 * nm, material=2.7, gain=True)],
        grating=None,
        film={"preset": "taghipour2023-doped", "absorbed_fraction": 1e-3},
    )
    found = pumping(plain)
    assert found.unevenness < 1.1
    assert found.transparency_excitons == pytest.approx(found.even_excitons, rel=1e-3)


def test_the_standing_pump_wave_costs_the_doped_laser_a_twentieth_of_its_excitons():
    # why the depth is not neglected: more from below, where the film is lit against its far face
    top = pumping(device())
    below = pumping(device(pump=Pump(wavelength=1030 * nm, side="substrate")))
    assert 0.02 < top.transparency_excitons / top.even_excitons - 1 < 0.10
    assert top.unevenness < below.unevenness
    assert below.transparency_excitons > top.transparency_excitons


def test_diffraction_of_the_pump_changes_what_the_laser_absorbs_by_a_percent():
    averaged, rigorous, finer = (pumping(device(), orders=n).light.film for n in (0, 10, 20))
    assert 0.002 < abs(rigorous / averaged - 1) < 0.03
    assert abs(finer / rigorous - 1) < 2e-4


@pytest.mark.parametrize("side", ["top", "substrate"])
@pytest.mark.parametrize(("polarization", "rate"), [("TE", 2.5), ("TM", 1.5)])
def test_plane_waves_close_in_on_the_exact_absorption_of_the_film(side, polarization, rate):
    lit = device(pump=Pump(wavelength=1030 * nm, side=side))
    found = [pumping(lit, angle=0.3, polarization=polarization, orders=n) for n in (3, 6, 12)]
    gaps = np.array([abs(one.light.film - one.exact_absorption) for one in found])
    assert gaps[-1] < 1e-4  # another solver, in another basis
    assert np.log2(gaps[0] / gaps[-1]) / 2 > rate


def test_tilting_the_pump_either_way_is_the_same_for_symmetric_lines():
    left, right, straight = (pumping(device(), angle=a, orders=5) for a in (-0.4, 0.4, 0.0))
    assert left.light.film == pytest.approx(right.light.film, rel=1e-10)
    assert left.light.film != pytest.approx(straight.light.film, rel=1e-3)


def test_the_threshold_is_where_the_weighted_gain_vanishes():
    found = pumping(device())
    height, relative = found.light.height, found.light.relative_density
    flat = np.array(found.light.fill)[:, None] * np.ones_like(height)
    # the mode is nearly flat over the film: its weight moves the zero but little
    gain = depth_gain(found.film, found.transparency_excitons, relative.ravel(), flat.ravel())
    assert abs(float(gain)) < 0.02 * found.film.band_edge_absorption


def test_the_command_prints_the_fractions(dfb, tmp_path):
    file = tmp_path / "device.toml"
    save_device(device(), file)
    ran = dfb("pump", file, "--orders", "5", "--angle", "20", "--polarization", "TM", "--json")
    assert ran.code == 0, ran.err
    content = json.loads(ran.out)
    pump, layers = content["pump"], content["layers"]
    total = pump["reflectance"] + pump["transmittance"] + sum(row["absorbed"] for row in layers)
    assert_allclose(total, 1, atol=1e-9)
    assert content["transparency"][0]["fluence_uj_per_cm2"] > 50
    assert "excitons per dot" in dfb("pump", file).out
    pulse = json.loads(dfb("pump", file, "--energy", "250", "--json").out)["pulse"]
    assert pulse["peak_fluence_uj_per_cm2"] == pytest.approx(0.25 / (0.05 * 0.05))  # of 500 um
    assert dfb("pump", file, "--polarization", "TX").code == 2
    assert dfb("pump", file, "--angle", "95").code == 2


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
def test_the_fluence_over_a_spot_adds_up_to_the_pulse_energy(shape):
    radius = np.linspace(0, 1000, 200_001)
    peak = 3.0 / spot_area(Spot(shape=shape, length=300 * um))
    profile = np.exp(-2 * radius**2 / 150**2) if shape == "gaussian" else radius <= 150
    energy = np.trapezoid(2 * pi * radius * peak * profile, radius)
    assert energy == pytest.approx(3.0, rel=1e-4)


def test_right_after_the_pulse_the_gain_is_that_of_poisson_filling():
    fluence = np.array([50.0, 200.0, 900.0]) * uJ / cm**2
    found = pumped_gain(device(), fluence, Rates(biexciton_lifetime=1e5 * ps)).history
    film = resolve_film(device().film)
    expected = material_gain(film, excitons_at_fluence(film, fluence, 1030 * nm))
    assert_allclose(found.gain[:, 0], expected, rtol=1e-3, atol=1e-4)
    assert np.all(found.gain[:, 1] < found.gain[:, 0])


@pytest.mark.parametrize(
    ("preset", "threshold"), [("taghipour2023-doped", 0.56714), ("taghipour2023-core", 4.03548)]
)
def test_excitons_that_leave_one_by_one_need_the_poisson_threshold_in_continuous_light(
    preset, threshold
):
    film = resolve_film(GainFilm(preset=preset))
    rate = continuous_threshold(film, Rates(trapping_lifetime=500 * ps))
    assert rate * 500 == pytest.approx(threshold, abs=1e-5)


def test_auger_recombination_raises_the_continuous_threshold_to_where_the_rates_balance():
    # neutral dots near four excitons lose about n^2 / 4 tau_2 of them per time
    film = resolve_film(GainFilm(preset="taghipour2023-core"))
    rate = continuous_threshold(film, Rates(230 * ps, trapping_lifetime=3200 * ps))
    assert rate == pytest.approx(4.04 / 3200 + 4.04**2 / (4 * 230), rel=0.15)


def test_a_continuous_intensity_is_the_photons_it_needs():
    found = pumped_gain(device(), [1.0], Rates(trapping_lifetime=500 * ps))
    dots = 0.74 * 0.160 / (pi * 0.005**3 / 6)
    energy = 6.62607015e-22 * 299792458 / 1.03e-6  # pJ
    expected = 0.56714 / 500 * dots * energy / 0.19
    assert found.continuous_intensity == pytest.approx(expected, rel=1e-4)


def test_photons_at_the_band_edge_use_up_the_gain():
    fluence, rates = [500 * uJ / cm**2], Rates(485 * ps)
    dark, bright = (
        pumped_gain(device(), fluence, rates, photon_density=n).history.lifetime[0]
        for n in (0.0, 1e5)
    )
    assert bright < dark / 2


def test_a_red_shift_lowers_the_neutral_threshold_to_the_measured_one(dfb, tmp_path):
    file = tmp_path / "device.toml"
    film = {"preset": "taghipour2023-neutral", "absorption_over_emission": 1.0}
    save_device(device(film=film), file)
    words = "--biexciton-lifetime", "485", "--json"
    even, shifted = (
        json.loads(dfb("gain", file, *words, "--red-shift", shift).out)["transparency"]
        for shift in (0, 4.75)
    )
    assert even["excitons_per_dot"] == pytest.approx(4.03548, abs=1e-5)
    assert shifted["excitons_per_dot"] == pytest.approx(3.80, abs=0.005)


def test_the_command_prints_gain_against_fluence(dfb, tmp_path):
    file = tmp_path / "device.toml"
    save_device(device(), file)
    words = "--fluences", "50,200", "--biexciton-lifetime", "485", "--trapping-lifetime", "3200"
    content = json.loads(dfb("gain", file, *words, "--json").out)
    assert [row["fluence_uj_per_cm2"] for row in content["gain"]] == pytest.approx([50, 200])
    assert [row["gain_lifetime_ps"] > 0 for row in content["gain"]] == [False, True]
    assert content["transparency"]["fluence_uj_per_cm2"] == pytest.approx(104.14, abs=0.01)
    assert content["transparency"]["continuous_intensity_w_per_cm2"] > 1e5
    assert "gain lifetime" in dfb("gain", file, *words).out
    for wrong in ((), ("--fluences", "a"), ("--auger", "quartic"), (*words, "--after", "0.1")):
        ran = dfb("gain", file, *wrong)
        assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: pumping(device(pump=Pump(wavelength=1030 * nm)), energy=1.0), "has no area"),
        (lambda: pumping(device(), energy=-1.0), "energy"),
        (lambda: pumping(device(film=None)), r"needs \[film\] and \[pump\]"),
        (lambda: pumping(device(), polarization="TX"), "polarization must be TE or TM"),
        (lambda: pumping(device(), orders=-1), "orders must lie"),
        (lambda: pumping(device(pump=Pump(wavelength=1500 * nm))), "belongs to a pump at"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
