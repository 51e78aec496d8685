"""A whole finite grating in the time domain: its grid, and MEEP against the rigorous solver."""

import json
from math import pi

import numpy as np
import pytest

from dfbdesign.device import (
    Device,
    Facets,
    GainFilm,
    Grating,
    Layer,
    Lines,
    PhaseShift,
    Pump,
    Spot,
    Target,
    changed,
)
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.fdtd.finite_cell import Cell, Stretch, slab_mode
from dfbdesign.fdtd.finite_job import (
    FiniteJob,
    far_field,
    mode_job,
    oscillation,
    scattered,
    spectrum_job,
)
from dfbdesign.fdtd.finite_worker import permittivity
from dfbdesign.fdtd.launch import run_all
from dfbdesign.fdtd.store import Recording
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.finite_spectra import finite_spectrum
from dfbdesign.solvers.slab import slab
from dfbdesign.units import cm, deg, nm, um
from dfbdesign.verification.finite import finite_runs, verify_finite
from dfbdesign.verification.ladders import parity, passive, stretches

SUBSTRATE, FILM, LINES, DUTY = 1.444, 2.53, 2.2, 0.5  # all walls between pixels
PERIOD = 400 * nm


def device(periods: int = 16, **grating: object) -> Device:
    lines = Lines(material=LINES, duty=DUTY)
    return Device(
        substrate=SUBSTRATE,
        superstrate=1.0,
        layers=[Layer(thickness=300 * nm, material=FILM, gain=True, lines=lines)],
        grating=Grating(period=PERIOD, order=1, length=periods * PERIOD, **grating),
        target=Target(wavelength=1550 * nm),
    )


# What lies where


def sampled(job: FiniteJob, columns: slice, row: float) -> np.ndarray:
    """Permittivity in the middle of pixels, where it is what the walls say."""
    x = np.arange(-job.cells[0] // 2, job.cells[0] // 2)[columns] + 0.5
    numbers = json.loads(job.text())
    numbers["faces"] = [1e3 * face for face in numbers["faces"]]  # tents much smaller than pixels
    for region in numbers["regions"]:
        region["walls"] = [1e3 * wall for wall in region["walls"]]
    return permittivity(numbers, 1e3 * x, np.array([1e3 * row]))[0]


def test_shifts_pumped_parts_and_ends_lie_where_they_should():
    shift = PhaseShift(position=0.5, shift=100 * nm)
    cleaved = device(8, phase_shifts=(shift,), facets=Facets(right="cleaved"))
    gain = 0.5
    parts = [Stretch(4, 0.0), Stretch(4, gain, shift=100 * nm)]
    job = mode_job(cleaved, parts, 1600 * nm, 8)
    assert job.length * job.pixel == pytest.approx(3.3)
    row = sampled(job, slice(None), 150 * nm / job.pixel)
    x = (np.arange(len(row)) + 0.5 - len(row) / 2) * job.pixel + 3.3 / 2
    pumped = (FILM - 0.25j * gain * 1600 * nm / pi) ** 2
    lines = [(k + 0.5) * 0.4 + (0.1 if k > 3 else 0) for k in range(8)]
    for place, value in zip(x, row, strict=True):
        away = min(abs(place - line) for line in lines)
        if place > 3.3:
            expected = 1.0
        elif away < 0.1:
            expected = LINES**2
        else:
            expected = pumped if 1.6 < place else FILM**2
        if min(abs(away - 0.1), abs(place - 1.6), abs(place - 3.3)) > 1e-6:
            assert value == pytest.approx(expected), place


def test_averages_conserve_area_and_slanted_walls_become_stairs():
    slanted = changed(device(4), {"layers.0.lines.sidewall": 70 * deg})
    for one in (device(4), slanted):
        job = mode_job(one, [Stretch(4)], 1600 * nm, 8)
        x = np.arange(-job.cells[0] / 2, job.cells[0] / 2)
        z = np.arange(-10.0, 20.0)
        plain = changed(one, {"layers.0.lines": None})
        bare = Cell(plain, (Stretch(4),), 1600 * nm, 8, 0.0)
        numbers = {"faces": bare.faces, "regions": [vars(region) for region in bare.regions]}
        missing = permittivity(json.loads(job.text()), x, z) - permittivity(numbers, x, z)
        area = 4 * DUTY * PERIOD * 300 * nm / job.pixel**2
        assert missing.sum().real == pytest.approx((LINES**2 - FILM**2) * area, rel=1e-9)
    assert len(job.regions) == 16 + 2


def test_the_mode_of_the_grid_is_the_slab_mode_with_an_error_of_second_order():
    film = changed(device(4), {"layers.0.lines": None})
    exact = slab(film, 1550 * nm).fundamental("TE").n_eff.real
    errors = []
    for resolution in (8, 16, 32):
        cell = Cell(film, (Stretch(4),), 1550 * nm, resolution, 0.0)
        nodes = np.arange(cell.cells[1] + 1.0) - cell.cells[1] // 2 - cell.surface
        beta, _ = cell.guided(1 / 1.55, nodes)
        errors.append(beta / cell.pixel * 1.55 / (2 * pi) - exact)
    assert np.log2(np.abs(errors[:-1]) / np.abs(errors[1:])) == pytest.approx([2, 2], abs=0.1)
    (frequency,) = cell.on_grid([1 / 1.55])
    beta, _ = cell.guided(float(frequency), nodes)
    assert beta / cell.pixel * 1.55 / (2 * pi) == pytest.approx(exact, rel=1e-6)


def test_a_plane_beam_is_found_at_its_angle():
    job = mode_job(device(30), [Stretch(30)], 1600 * nm, 8)
    (left, _), (right, _) = job.lines[0]
    x = np.arange(left, right + 1.0)
    k = 2 * pi * job.frequencies[0] * job.pixel
    tilted = np.exp(1j * k * x * np.sin(12 * deg)) * np.exp(-((x / 60) ** 2))
    angles = np.linspace(0, 25, 501) * deg
    power = np.abs(far_field(job, tilted[None, None], angles)) ** 2
    assert angles[power.argmax()] == pytest.approx(12 * deg, abs=0.3 * deg)
    assert far_field(job, tilted[None, None], [12 * deg]).shape == (1,)


def test_waves_of_either_direction_are_told_apart_exactly():
    job = spectrum_job(device(6), [Stretch(6)], [1500 * nm, 1600 * nm], 8)
    r, t = 0.3 - 0.4j, 0.5 + 0.2j
    fields = []
    (_, low), (_, high) = job.lines[0]
    x0 = -job.length / 2
    outside = permittivity(
        json.loads(job.text()), np.array([-job.cells[0] / 2]), np.arange(low, high + 1.0)
    )[:, 0].real
    for frequency in job.frequencies:
        beta, profile = slab_mode(outside, frequency * job.pixel)
        along = [np.array(line[0][0] - x0) for line in job.lines]
        waves = [np.exp(1j * beta * x) + r * np.exp(-1j * beta * x) for x in along[:2]]
        waves.append(t * np.exp(1j * beta * (along[2] - job.length)))
        fields.append([wave * profile for wave in waves])
    found = scattered(job, np.array(fields))
    np.testing.assert_allclose(found, [[r, r], [t, t]], atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"polarization": "TM"}, InputError, "TE only"),
        ({"grating.chirp": 1 * nm}, InputError, "equal periods only"),
        ({"grating.facets.left": "unpumped"}, InputError, 'must be "open" or "cleaved"'),
        ({"superstrate.material": 2.3}, NoGuidedMode, "guides no wave against an index of 2.3"),
    ],
)
def test_devices_that_are_not_handled_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        mode_job(changed(device(4), changes), [Stretch(4)], 1600 * nm, 8)


def test_jobs_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="multiple of 4"):
        mode_job(device(4), [Stretch(4)], 1600 * nm, 9)
    with pytest.raises(InputError, match="at least one period"):
        mode_job(device(4), [], 1600 * nm, 8)
    with pytest.raises(InputError, match="without mirror symmetry"):
        mode_job(device(4), [Stretch(2, 0.1), Stretch(2)], 1600 * nm, 8, mirror=1)
    cleaved = device(4, facets=Facets(left="cleaved"))
    with pytest.raises(InputError, match='needs facets = "open"'):
        spectrum_job(cleaved, [Stretch(4)], [1600 * nm], 8)
    with pytest.raises(InputError, match=r"must be one of modes, .* Did you mean"):
        finite_runs(device(), "mode")
    with pytest.raises(InputError, match="nothing can lase"):
        finite_runs(passive(device()), "threshold")


def test_noise_or_a_far_mode_is_no_mode():
    job = mode_job(device(4), [Stretch(4)], 1600 * nm, 8)
    interval, time = 0.1, np.arange(4000) * 0.1

    def seen(signal: np.ndarray) -> Recording:
        return Recording({"signals": signal[None], "interval": np.array(interval)})

    wave = np.exp(-time / 300) * np.cos(2 * pi * time / job.wavelength)
    found = oscillation(job, seen(wave), 600)
    assert found.real * job.wavelength == pytest.approx(1, rel=1e-9)
    assert found.imag == pytest.approx(-1 / (2 * pi * 300), rel=1e-6)
    growing = oscillation(job, seen(wave[::-1].copy()), 600, lives=True)
    assert growing.imag == pytest.approx(1 / (2 * pi * 300), rel=1e-6)
    with pytest.raises(NotConverged, match="no sum of a few"):
        oscillation(job, seen(np.random.default_rng(0).normal(size=4000)), 600)
    far = np.cos(2 * pi * time / (0.96 * job.wavelength))
    with pytest.raises(NotConverged, match="from where the mode is expected"):
        oscillation(job, seen(far), 600)


def test_the_rows_of_a_laser_are_those_of_its_pump_and_its_shifts():
    pumped = changed(
        device(20, phase_shifts=(PhaseShift(position=0.5, shift=200 * nm),)),
        {
            "pump": Pump(wavelength=1030 * nm, spot=Spot(shape="stripe", length=4 * um)),
            "film": GainFilm(preset="taghipour2023-doped"),
        },
    )
    found = stretches(pumped, 0.2)
    assert [one.periods for one in found] == [5, 5, 5, 5]
    assert [one.shift for one in found] == [0, 0, pytest.approx(0.2), 0]
    assert [one.gain > 0 for one in found] == [False, True, True, False]
    assert found[0].gain < 0  # the film absorbs


def test_the_symmetry_of_a_mode_is_that_of_its_field():
    cold = passive(device())
    odd, even = finite_modes(cold, count=2, accuracy=1e-5)
    # The middle is between lines: there the waves of the lower band edge have their antinodes.
    assert odd.wavelength < 1.5 < even.wavelength
    assert (parity(cold, odd), parity(cold, even)) == (-1, 1)
    lopsided = device(facets=Facets(left="cleaved"))
    assert parity(passive(lopsided), even) == 0


# The rigorous spectrum


def test_nothing_is_lost_but_what_the_ends_scatter():
    found = finite_spectrum(device(20), np.linspace(1.4, 1.75, 8))
    power = np.abs(found.reflection) ** 2 + np.abs(found.transmission) ** 2
    assert (power < 1).all()
    assert (power > 0.9).all()
    assert found.error.max() < 1e-5


def test_a_grating_without_contrast_only_delays():
    plain = changed(device(6), {"layers.0.lines.material": FILM})
    found = finite_spectrum(plain, [1.55])
    n_eff = slab(changed(plain, {"layers.0.lines": None}), 1.55).fundamental("TE").n_eff.real
    assert abs(found.reflection[0]) < 1e-9
    assert found.transmission[0] == pytest.approx(
        np.exp(2j * pi * n_eff * 6 * 0.4 / 1.55), rel=1e-5
    )


# MEEP


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_cold_mode_is_that_of_the_rigorous_solver_and_is_kept(monkeypatch):
    found = verify_finite(device(), resolutions=(8, 12))
    for one, most in zip(found.comparisons, (5e-5, 5e-3), strict=True):
        coarse, fine = np.array(one.time_domain.by_resolution) - one.solver
        assert coarse / fine == pytest.approx((12 / 8) ** 2, rel=0.1)
        assert abs(one.difference) < most
        assert abs(one.solver - one.fdtd) < one.uncertainty
        assert one.time_domain.causes["absorber"] < 1e-3 * one.solver
    monkeypatch.setattr("dfbdesign.fdtd.launch._Queue", None)  # nothing is run any more
    assert verify_finite(device(), resolutions=(8, 12)) == found


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_partly_pumped_laser_begins_to_grow_at_its_threshold_gain():
    stripe = Pump(wavelength=1030 * nm, spot=Spot(shape="stripe", length=6 * um))
    lines = Lines(material=2.0, duty=0.35)
    laser = changed(device(20), {"pump": stripe, "layers.0.lines": lines})
    (compared,) = verify_finite(laser, "threshold", resolutions=(8, 12)).comparisons
    coarse, fine = np.array(compared.time_domain.by_resolution) - compared.solver
    assert coarse / fine == pytest.approx((12 / 8) ** 2, rel=0.2)
    assert compared.solver * cm > 500
    assert abs(compared.difference) < 0.01


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_reflected_and_transmitted_amplitudes_are_those_of_the_rigorous_solver():
    short, wavelengths = device(8), np.array([1.5, 1.55, 1.6, 1.65])
    solved = finite_spectrum(short, wavelengths)
    jobs = [spectrum_job(short, [Stretch(8)], wavelengths, n, cycles=100) for n in (8, 12)]
    seen = [scattered(job, one.fields) for job, one in zip(jobs, run_all(jobs), strict=True)]
    for ours, coarse, fine in zip((solved.reflection, solved.transmission), *seen, strict=True):
        ratio = np.abs(coarse - ours) / np.abs(fine - ours)
        assert ratio == pytest.approx(np.full(4, (12 / 8) ** 2), rel=0.1)
        limit = fine + (fine - coarse) * 8**2 / (12**2 - 8**2)
        assert np.abs(limit - ours).max() < 5e-3
