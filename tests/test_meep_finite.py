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
from dfbdesign.fdtd.finite_cell import Grid, Stretch, finite_grid
from dfbdesign.fdtd.finite_job import (
    far_field,
    mode_job,
    oscillation,
    scattered,
    spectrum_job,
)
from dfbdesign.fdtd.grid_mode import film, guided, off_grid, on_grid
from dfbdesign.fdtd.launch import run_all
from dfbdesign.fdtd.nodes import nodes
from dfbdesign.fdtd.store import Recording
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.finite_spectra import finite_spectrum
from dfbdesign.solvers.slab import slab
from dfbdesign.units import cm, deg, nm, um
from dfbdesign.verification.finite import finite_runs, verify_finite
from dfbdesign.verification.ladders import parity, passive, stretches

SUBSTRATE, FILM, LINES = 1.444, 2.53, 2.2
PERIOD, DUTY, THICKNESS = 400 * nm, 0.43, 280 * nm  # no multiples of any pixel
SHIFT = 137 * nm


def device(periods: int = 16, **grating: object) -> Device:
    lines = Lines(material=LINES, duty=DUTY)
    return Device(
        substrate=SUBSTRATE,
        superstrate=1.0,
        layers=[Layer(thickness=THICKNESS, material=FILM, gain=True, lines=lines)],
        grating=Grating(period=PERIOD, order=1, length=periods * PERIOD, **grating),
        target=Target(wavelength=1550 * nm),
    )


# What lies where


def seen(grid: Grid, x: float, z: float) -> complex:
    """Permittivity at a place, by the slabs."""
    slab = next(one for one in grid.slabs if z < one.top)
    real, imaginary, *_ = slab.permittivity[sum(x > foot for foot, _ in slab.walls)]
    return complex(real, imaginary)


def test_shifts_pumped_parts_and_ends_lie_where_they_should():
    shift = PhaseShift(position=0.5, shift=SHIFT)
    cleaved = device(8, phase_shifts=(shift,), facets=Facets(right="cleaved"))
    gain = 0.5
    parts = [Stretch(4, 0.0), Stretch(4, gain, shift=SHIFT)]
    grid = mode_job(cleaved, parts, 1600 * nm, 8, absorption=0.3).grid
    assert grid.length == pytest.approx(8 * PERIOD + SHIFT)
    assert grid.fits
    pumped, absorbing = ((FILM - 0.25j * g * 1600 * nm / pi) ** 2 for g in (gain, -0.3))
    lines = [(k + 0.5) * PERIOD + (SHIFT if k > 3 else 0) for k in range(8)]
    for x in np.linspace(-1.0, 4.5, 700):
        if x < 0:
            expected = absorbing
        elif x > 8 * PERIOD + SHIFT:
            expected = 1.0
        elif min(abs(x - line) for line in lines) < DUTY * PERIOD / 2:
            expected = LINES**2
        else:
            expected = pumped if x > 4 * PERIOD else FILM**2
        assert seen(grid, x - grid.length / 2, 150 * nm) == pytest.approx(expected), x


def test_refinements_divide_the_same_pixels_wherever_a_shift_puts_the_walls():
    shifted = device(8, phase_shifts=(PhaseShift(position=0.5, shift=SHIFT),))
    parts = (Stretch(4), Stretch(4, shift=SHIFT))
    coarse, fine = (finite_grid(shifted, parts, 1600 * nm, n) for n in (8, 24))
    np.testing.assert_allclose(fine.x[::3], coarse.x, atol=1e-12)
    np.testing.assert_allclose(fine.z[::3], coarse.z, atol=1e-12)
    assert coarse.fits
    assert coarse.symmetric
    np.testing.assert_allclose(coarse.x, -coarse.x[::-1], atol=1e-12)
    assert coarse.courant == fine.courant
    slanted = finite_grid(
        changed(shifted, {"layers.0.lines.sidewall": 70 * deg}), parts, 1600 * nm, 8
    )
    assert not slanted.fits


def test_averages_conserve_area_with_upright_and_with_slanted_walls():
    for one in (device(4), changed(device(4), {"layers.0.lines.sidewall": 70 * deg})):
        job = mode_job(one, [Stretch(4)], 1600 * nm, 8)
        table = nodes(json.loads(job.text())).permittivity["y"]
        table[[0, -1]] /= 2  # half of their area lies outside
        (left, right), (low, high) = job.grid.x[[0, -1]], job.grid.z[[0, -1]]
        area = (right - left) * (high - THICKNESS - SUBSTRATE**2 * low + FILM**2 * THICKNESS)
        area += (LINES**2 - FILM**2) * 4 * DUTY * PERIOD * THICKNESS
        assert table.sum().real * job.grid.pixel**2 == pytest.approx(area, rel=1e-9)


def test_the_mode_of_the_grid_is_the_slab_mode_with_an_error_of_second_order():
    plain = changed(device(4), {"layers.0.lines": None})
    exact = slab(plain, 1550 * nm).fundamental("TE").n_eff.real
    errors = []
    for resolution in (8, 16, 32):
        grid = finite_grid(device(4), (Stretch(4),), 1550 * nm, resolution)
        errors.append(guided(film(grid), 1 / 1.55)[0] * 1.55 / (2 * pi) - exact)
    assert np.log2(np.abs(errors[:-1]) / np.abs(errors[1:])) == pytest.approx([2, 2], abs=0.1)
    coarse = finite_grid(device(4), (Stretch(4),), 1550 * nm, 8)
    (frequency,) = on_grid(coarse, [1 / 1.55])
    beta, _ = guided(film(coarse), float(frequency))
    assert beta * 1.55 / (2 * pi) == pytest.approx(exact, rel=3e-6)
    back = off_grid(coarse, complex(frequency, -1e-3))
    assert back.real == pytest.approx(1 / 1.55, rel=1e-9)
    away = off_grid(coarse, complex(frequency + 1e-3)) - off_grid(coarse, complex(frequency - 1e-3))
    assert back.imag == pytest.approx(-away.real / 2, rel=1e-5)


def test_what_is_launched_is_the_guided_wave_at_every_frequency_of_a_spectrum():
    job = spectrum_job(device(6), [Stretch(6)], [1500 * nm, 1700 * nm], 8)
    part, width = film(job.grid), job.source.bandwidth
    for turn in (-1.0, -0.37, 0.0, 0.61, 1.0):
        s = 2 * pi / 4.5 * turn  # of the bandwidth
        frequency = (1 + s * width / (2 * pi)) / job.wavelength
        sent = sum(s**power * np.array(one) for power, one in enumerate(job.source.profiles))
        _, profile = guided(part, frequency)
        np.testing.assert_allclose(sent / part.weight, profile, atol=3e-4)


def test_a_plane_beam_is_found_at_its_angle():
    job = mode_job(device(30), [Stretch(30)], 1600 * nm, 8, beam=True)
    (left, _), (right, _) = job.lines[0]
    middle = len(job.grid.x) // 2
    lines = job.grid.x[middle + left - 1 : middle + right + 2]
    x = (lines[1:] + lines[:-1]) / 2
    k = 2 * pi * job.frequencies[0]
    tilted = np.exp(1j * k * x * np.sin(12 * deg)) * np.exp(-((x / (3 * um)) ** 2))
    angles = np.linspace(0, 25, 501) * deg
    power = np.abs(far_field(job, tilted[None, None], angles)) ** 2
    assert angles[power.argmax()] == pytest.approx(12 * deg, abs=0.3 * deg)
    assert far_field(job, tilted[None, None], [12 * deg]).shape == (1,)


def test_waves_of_either_direction_are_told_apart_exactly():
    lopsided = [Stretch(4), Stretch(2, shift=SHIFT)]
    job = spectrum_job(device(6), lopsided, [1500 * nm, 1600 * nm], 8)
    r, t = 0.3 - 0.4j, 0.5 + 0.2j
    fields, part = [], film(job.grid)
    x = [job.grid.x[line[0][0] + len(job.grid.x) // 2] for line in job.lines]
    for frequency in job.frequencies:
        beta, profile = guided(part, frequency)
        along = [place + job.grid.length / 2 for place in x[:2]]
        waves = [(np.exp(1j * beta * a) + r * np.exp(-1j * beta * a)) * profile for a in along]
        waves.append(t * np.exp(1j * beta * (x[2] - job.grid.length / 2)) * profile)
        fields.append(waves)
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
    for grids in ([8], [16, 8], [8, 8]):
        with pytest.raises(InputError, match="from coarse to fine"):
            finite_runs(device(), resolutions=grids)


def test_noise_or_a_far_mode_is_no_mode():
    job = mode_job(device(4), [Stretch(4)], 1600 * nm, 8)
    interval, time = 0.1, np.arange(4000) * 0.1

    def recorded(signal: np.ndarray) -> Recording:
        return Recording({"signals": signal[None], "interval": np.array(interval)})

    slope = off_grid(job.grid, 1 / job.wavelength + 0.001j).imag / 0.001
    wave = np.exp(-time / 300) * np.cos(2 * pi * time / job.wavelength)
    found = oscillation(job, recorded(wave), 600)
    assert found.real == pytest.approx(1 / 1.6, rel=1e-9)  # where the job was told to look
    assert found.imag == pytest.approx(-slope / (2 * pi * 300), rel=1e-6)
    growing = oscillation(job, recorded(wave[::-1].copy()), 600, lives=True)
    assert growing.imag == pytest.approx(slope / (2 * pi * 300), rel=1e-6)
    with pytest.raises(NotConverged, match="no sum of a few"):
        oscillation(job, recorded(np.random.default_rng(0).normal(size=4000)), 600)
    far = np.cos(2 * pi * time / (0.96 * job.wavelength))
    with pytest.raises(NotConverged, match="from where the mode is expected"):
        oscillation(job, recorded(far), 600)


def test_a_mode_is_told_from_the_many_that_a_long_grating_has_beside_it():
    job = mode_job(device(4), [Stretch(4)], 1600 * nm, 8)
    time, slope = (
        np.arange(6400) * 0.1,
        off_grid(job.grid, 1 / job.wavelength + 0.001j).imag / 0.001,
    )
    signal = sum(  # 0.4 % apart, those farther away dying faster
        np.exp(-(1 + abs(n)) * time / 300)
        * np.cos(2 * pi * (1 + 0.004 * n) * time / job.wavelength)
        for n in range(-5, 6)
    )
    found = oscillation(job, Recording({"signals": signal[None], "interval": np.array(0.1)}), 600)
    assert found.real == pytest.approx(1 / 1.6, rel=1e-7)
    assert found.imag == pytest.approx(-slope / (2 * pi * 300), rel=1e-4)


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


def shifted(periods: int, **changes: object) -> Device:
    """With walls on either side of a shift that fits no grid of equal pixels."""
    one = device(periods, phase_shifts=(PhaseShift(position=0.5, shift=SHIFT),))
    return changed(one, changes)


def stripe(length: float) -> Pump:
    return Pump(wavelength=1030 * nm, spot=Spot(shape="stripe", length=length))


@pytest.mark.parametrize("length", [6.0 * um, 2.4 * um])
def test_a_mode_that_unpumped_parts_hold_needs_gain_by_its_share_of_light(length):
    def threshold_and_share(spot: float) -> tuple[float, float]:
        one = shifted(24, pump=stripe(spot))
        (mode,) = finite_modes(one, count=1, accuracy=1e-5)
        sections, x = stretches(one, 1.0), np.linspace(0.01, 24 * PERIOD + SHIFT - 0.01, 4001)
        ends = np.cumsum([part.shift + part.periods * PERIOD for part in sections])
        pumped = np.array([part.gain for part in sections])[np.searchsorted(ends, x)]
        away = np.where(x < 12 * PERIOD, x, x - SHIFT) % PERIOD - PERIOD / 2
        gap = (x > 12 * PERIOD) & (x < 12 * PERIOD + SHIFT)
        light = np.abs(mode.field(x, [THICKNESS / 2])[0]) ** 2
        light[(np.abs(away) < DUTY * PERIOD / 2) & ~gap] = 0  # lines have no gain
        return mode.threshold.gain, float((light * pumped).sum() / light.sum())

    (gain, share), (reference, all_but) = (threshold_and_share(one) for one in (length, 4 * um))
    assert share != pytest.approx(all_but, rel=0.1)
    assert gain * share == pytest.approx(reference * all_but, rel=0.015)


# MEEP


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_cold_mode_is_that_of_the_rigorous_solver_and_is_kept(monkeypatch):
    found = verify_finite(shifted(16), resolutions=(12, 16))
    for one, most in zip(found.comparisons, (2e-5, 5e-3), strict=True):
        coarse, fine = np.array(one.time_domain.by_resolution) - one.solver
        assert coarse / fine == pytest.approx((16 / 12) ** 2, rel=0.1)
        assert abs(one.difference) < most
        assert abs(one.solver - one.fdtd) < one.uncertainty
        assert one.time_domain.causes["absorber"] < 1e-4 * one.solver
        assert "walls" not in one.time_domain.causes
    monkeypatch.setattr("dfbdesign.fdtd.launch._Queue", None)  # nothing is run any more
    assert verify_finite(shifted(16), resolutions=(12, 16)) == found


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
def test_a_partly_pumped_laser_begins_to_grow_at_its_threshold_gain():
    lines, thick = Lines(material=2.0, duty=0.35), {"layers.0.thickness": 300 * nm}
    laser = changed(device(20), {"pump": stripe(5.6 * um), "layers.0.lines": lines, **thick})
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
    grids = np.array([8, 12, 16])
    jobs = [spectrum_job(short, [Stretch(8)], wavelengths, int(n), cycles=100) for n in grids]
    runs = run_all(jobs)
    seen = np.array([scattered(job, one.fields) for job, one in zip(jobs, runs, strict=True)])
    for number, ours in enumerate((solved.reflection, solved.transmission)):
        values = seen[:, number]
        ratio = np.abs(values[:2] - ours) / np.abs(values[1:] - ours)
        second_order = ((grids[1:] / grids[:2]) ** 2)[:, None] * np.ones(4)
        assert ratio == pytest.approx(second_order, rel=0.1)
        weight = (grids[:2] ** 2 / (grids[1:] ** 2 - grids[:2] ** 2))[:, None]
        limits = values[1:] + (values[1:] - values[:2]) * weight
        # What is left is of fourth order: it falls as the product of both pixels squared.
        left = np.abs(limits - ours)
        assert left[0] / left[1] == pytest.approx(np.full(4, 4.0), rel=0.1)
        assert left[1].max() < 1e-3
    earlier = scattered(jobs[0], runs[0].arrays["earlier"])
    assert 0 < np.abs(np.array(earlier) - seen[0]).max() < 1e-3
