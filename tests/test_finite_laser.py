"""The verb `dfb laser --solver rigorous` and what lies under it."""

import json

import pytest
from finite_gratings import PERIOD, device

from dfbdesign import Device, GainFilm, InputError, PhysicsError, Pump, Spot, laser, save_device
from dfbdesign.gain.film import resolve_film, unpumped_absorption
from dfbdesign.lasers.finite_laser import rigorous_laser
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.finite_chain import GratingSection
from dfbdesign.units import cm, nm, um

FILM = {"film": GainFilm(preset="taghipour2023-doped")}


def pumped(periods, shape="uniform", length=None, **more):
    spot = Spot(shape=shape, length=length)
    pump = Pump(wavelength=1030 * nm, spot=spot)
    return Device(**{**dict(device(periods, **more)), **FILM, "pump": pump})


def test_the_verb_prints_the_numbers_of_the_coupled_mode_solver_by_the_other_way(dfb, tmp_path):
    file = tmp_path / "device.toml"
    save_device(pumped(400), file)
    rigorous, coupled = (
        json.loads(dfb("laser", file, "--json", *words).out)
        for words in (("--solver", "rigorous"), ())
    )
    first, other = rigorous["modes"][0], coupled["modes"][0]
    shared = set(other) - {"origin", "hole_burning"}  # of two waves, which this solver has not
    assert shared <= set(first)
    for key in shared:
        assert first[key] == pytest.approx(other[key], rel=5e-3), key
    assert first["wavelength_nm"] != other["wavelength_nm"]
    assert 0 < first["wavelength_error_nm"] < 2e-3
    assert rigorous["periods"] == 400
    assert rigorous["length_um"] == pytest.approx(346.0)


def test_film_beside_a_stripe_absorbs():
    made = pumped(300, "stripe", 200 * PERIOD)
    mode = rigorous_laser(made, count=1)[0]
    absorption = unpumped_absorption(resolve_film(made.film))
    assert absorption > 100 / cm
    beside = GratingSection(50, pump=0, gain=-absorption)
    sections = [beside, GratingSection(200), beside]
    by_hand = finite_modes(made, sections, absorption, count=1)[0]
    assert mode.threshold_material_gain == pytest.approx(by_hand.threshold.gain, rel=1e-9)
    # As the coupled waves have it; without the absorption the threshold would be far lower.
    coupled = laser(made).modes[0]
    assert mode.threshold_material_gain == pytest.approx(coupled.threshold_material_gain, rel=0.02)
    clear = finite_modes(made, [GratingSection(300)], count=1)[0]
    assert clear.threshold.gain < 0.8 * mode.threshold_material_gain


def test_a_film_with_too_little_gain_is_told_so():
    with pytest.raises(PhysicsError, match="no mode lases: the best one needs"):
        rigorous_laser(pumped(20))


def test_a_device_without_gain_cannot_lase():
    with pytest.raises(InputError, match="set gain = true"):
        rigorous_laser(device(100, gain=False))


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
def test_a_smooth_spot_is_refused_with_the_way_out(dfb, tmp_path, shape):
    file = tmp_path / "device.toml"
    save_device(pumped(100, shape, 80 * um), file)
    ran = dfb("laser", file, "--solver", "rigorous")
    assert ran.code == 2
    assert "sections that step through the spot" in ran.err
    assert ran.out == ""
