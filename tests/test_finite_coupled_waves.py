"""Coupled waves against the rigorous finite solver, which they approach with the coupling."""

from dataclasses import replace
from functools import cache
from math import pi

import numpy as np
import pytest
from finite_gratings import PERIOD, chain, device

from dfbdesign import laser, modes
from dfbdesign.device import PhaseShift
from dfbdesign.lasers.cavity import FilmCavity, Stretch
from dfbdesign.lasers.waves import waves_of
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.transfer_matrix import Cavity, Section, cold_mode_near, threshold_modes
from dfbdesign.units import cm


@cache
def both_solved(line, periods):
    """A grating by both solvers: coupled waves, and for both first modes the rigorous one.

    Everything to 1e-8, as Q of a few thousand magnifies an error of k as often.
    """
    made = device(periods, line=line)
    cell = modes(made, accuracy=1e-8)
    return made, cell, finite_modes(made, count=2, accuracy=1e-7)


def cold_gaps(line, periods):
    """How far rigorous cold modes lie from those of coupled waves, and what explains it.

    Returns:
        Gap of the complex detuning times length; the part of it that group-velocity dispersion
        makes; and the reflection of both ends that would make the rest; shape (mode,) each.
    """
    made, cell, found = both_solved(line, periods)
    waves, length = waves_of(cell), periods * PERIOD
    cavity = Cavity((Section(length, waves.kappa(0.0), gain=-waves.loss),))
    # The mean of both bands bends, which coupled waves of one group index do not know.
    q = 0.004 * 2 * pi / PERIOD
    near = sorted(modes(made, wavevector=0.004, accuracy=1e-8).modes, key=lambda mode: abs(
        mode.wavenumber - waves.centre))[:2]  # fmt: skip
    bend = sum(mode.wavenumber - waves.centre for mode in near) / q**2
    rows = []
    for mode in found:
        exact = waves.n_group * (mode.cold_wavenumber - waves.centre.real)
        own = cold_mode_near(cavity, exact).detuning
        square = (own + 0.5j * waves.loss) ** 2 - waves.kappa(0.0) ** 2
        bent = waves.n_group * bend * square / 2
        step = 1e-4
        moved = [
            cold_mode_near(replace(cavity, left=r, right=r), own).detuning for r in (step, -step)
        ]
        per_end = (moved[0] - moved[1]) / (2 * step)
        rows.append(((exact - own) * length, bent * length, (exact - own - bent) / per_end))
    return np.array(rows).T


def coupling_slope(line, periods):
    """Half the change of the coupling with detuning, from the scattering of one period."""
    made, cell, _ = both_solved(line, periods)
    waves, part, h = waves_of(cell), chain(made), 1e-4
    ratios = []
    for k in (waves.centre.real - h, waves.centre.real + h):
        solved = part.at(k, k)
        block, guided = solved.period(0.0)[0], solved.guided
        ratios.append(block.reflection[guided, guided] / block.transmission[guided, guided])
    return abs(ratios[1] - ratios[0]) / (2 * h * waves.n_group) / (2 * PERIOD)


GRATINGS = ((2.2, 103), (2.31, 160), (2.42, 320))
"""Lines of falling contrast in as many more periods: kappa L stays."""


def test_cold_modes_of_coupled_waves_close_in_at_first_order_of_the_coupling():
    # Complex detuning times length: wavelength and loss together. Q alone shows no clean order:
    # dispersion and ends, below, move it to opposite sides.
    gaps = np.abs([cold_gaps(*one)[0] for one in GRATINGS])
    kappas = [both_solved(*one)[1].kappa.real for one in GRATINGS]
    orders = np.diff(np.log(gaps), axis=0) / np.diff(np.log(kappas))[:, None]
    assert (gaps[0] < 2.5e-3).all()
    assert ((orders > 1.0) & (orders < 1.5)).all()
    assert (orders[1] < orders[0]).all()  # towards 1


def test_what_coupled_waves_leave_out_is_dispersion_and_a_reflection_at_the_ends():
    found = []
    for one in GRATINGS[1:]:
        gap, bent, ends = cold_gaps(*one)
        assert (np.abs(bent) > 0.4 * np.abs(gap)).all()
        # What dispersion leaves looks the same to the bright and the dark mode: real reflections
        # of the ends, where the lines stop. They follow from one period: the coupling itself
        # changes with detuning, and a finite sum of lines shows that at its ends.
        assert abs(ends[1] / ends[0] - 1) < 0.12
        assert (np.abs(ends.imag) < 0.1 * ends.real).all()
        found.append(ends.real.mean() / coupling_slope(*one) - 1)
    assert found[0] == pytest.approx(0, abs=0.35)
    assert found[1] < 0.7 * found[0]


def test_wavelengths_close_in_at_second_order_and_thresholds_at_first():
    gaps = []
    for line, periods in GRATINGS:
        _, cell, found = both_solved(line, periods)
        waves, length = waves_of(cell), periods * PERIOD
        pumped = FilmCavity(waves, (Stretch(length, 1.0, 1.0, 0.0, waves),), None, (0j, 0j))
        rows = []
        for mode in found:
            cavity = pumped.at(mode.threshold.gain)  # coupled waves settle within 0.5 % of it
            coupled = threshold_modes(cavity, pumped.detunings, (0.0, 8 / length))
            delta = waves.n_group * (mode.threshold.wavenumber - waves.centre.real)
            near = min(coupled, key=lambda other, d=delta: abs(other.detuning - d))
            k = waves.centre.real + near.detuning.real / waves.n_group
            gain = near.gain / waves.confinement
            rows.append((k / mode.threshold.wavenumber - 1, gain / mode.threshold.gain - 1))
        gaps.append(rows)
    # The two edges move oppositely and together: half the difference, and the mean.
    (k, gain), kappas = (
        np.moveaxis(gaps, -1, 0),
        [both_solved(*one)[1].kappa.real for one in GRATINGS],
    )
    slopes = np.diff(np.log(kappas))
    apart = np.diff(np.log(np.abs(k[:, 0] - k[:, 1]))) / slopes
    together = np.diff(np.log(np.abs(gain.mean(axis=1)))) / slopes
    assert np.abs(k).max() < 1.2e-6
    assert apart == pytest.approx(2, abs=0.6)
    assert together == pytest.approx(1.2, abs=0.35)


def test_at_a_kappa_of_100_per_cm_and_160_periods_coupled_modes_are_quantitative():
    made = device(160)
    assert modes(made).kappa.real == pytest.approx(100 / cm, rel=0.04)
    for mode, coupled in zip(finite_modes(made, count=4), laser(made).modes, strict=False):
        assert coupled.wavelength == pytest.approx(mode.wavelength, rel=3e-5)
        assert coupled.cold_quality_factor == pytest.approx(mode.quality_factor, rel=5e-3)
        assert coupled.threshold_material_gain == pytest.approx(mode.threshold.gain, rel=1e-2)


def test_a_quarter_wave_shift_puts_the_mode_into_the_gap():
    quarter = PhaseShift(position=0.5, shift=PERIOD / 4)
    made = device(300, phase_shifts=[quarter])
    first = finite_modes(made, count=1)[0]
    bright, dark = modes(made).band_edges
    centre = (bright.wavelength + dark.wavelength) / 2
    assert first.wavelength == pytest.approx(centre, rel=1e-5)
    coupled = laser(made).modes[0]
    assert coupled.threshold_material_gain == pytest.approx(first.threshold.gain, rel=5e-3)
    # The field of such a mode is largest at the shift and falls to both sides.
    x = np.linspace(0, 300 * PERIOD, 4001)
    peak = np.abs(first.field(x, np.array([0.1])))[0].argmax() / 4001
    assert peak == pytest.approx(0.5, abs=0.02)
