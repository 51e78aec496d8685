"""Spectrum and beam of a finite device, by our models and in the time domain."""

from collections.abc import Sequence
from math import hypot, inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import NotConverged
from dfbdesign.fdtd.extrapolation import Extrapolated
from dfbdesign.fdtd.finite_job import FiniteJob, far_field, mode_job, scattered, spectrum_job
from dfbdesign.fdtd.store import Recording
from dfbdesign.lasers.beam import beam
from dfbdesign.lasers.laser import laser
from dfbdesign.lasers.lobes import Lobe, lobes
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.finite_spectra import finite_spectrum
from dfbdesign.units import deg, nm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.ladders import (
    Plan,
    absorption,
    ladder,
    limit,
    parity,
    passive,
    record_length,
    stretches,
)
from dfbdesign.verification.mode_plans import lasing_modes

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

POINTS = 9
"""Wavelengths of a spectrum."""
SHARPEST_ANGLE, SHARPEST_SHARE = 0.2 * deg, 0.02
"""Largest combined uncertainty of a statement on an angle; on reflectance and transmittance."""
SCANNED = 4001
"""Angles on which a lobe is scanned."""


def spectrum_plan(device: Device, _count: int, resolutions: Sequence[int]) -> Plan:
    """Reflectance and transmittance of the passive grating for the guided wave.

    Args:
        device: With frozen indices.
        resolutions: Of the runs.

    Returns:
        The runs and the comparison.
    """
    cold = passive(device)
    wavelengths, parts = _around_stop_band(cold), stretches(cold, 0.0)
    best, *_ = finite_modes(cold, count=1, accuracy=1e-4)
    cycles = int(np.clip(3 * (best.quality_factor or 0.0), 150, 800))
    jobs = ladder(
        lambda resolution, room: spectrum_job(cold, parts, wavelengths, resolution, cycles, room),
        resolutions,
    )

    def compare(runs: Sequence[Recording]) -> tuple[Comparison, ...]:
        solved = finite_spectrum(cold, wavelengths)
        seen = np.array([scattered(job, run.fields) for job, run in zip(jobs, runs, strict=True)])
        left = max(float(_end(run.signals[0])) for run in runs)
        found = []
        for number, amplitude in enumerate((solved.reflection, solved.transmission)):
            for point, ours in enumerate(np.abs(amplitude) ** 2):
                power = _power(seen[:, number, point], jobs, resolutions, left)
                found.append(
                    Comparison(
                        f"{wavelengths[point] / nm:.2f} nm",
                        ("reflectance", "transmittance")[number],
                        float(ours),
                        2 * float(solved.error[point]),
                        power,
                        SHARPEST_SHARE,
                    )
                )
        return tuple(found)

    return Plan(jobs, compare)


def _power(
    amplitudes: Complex, jobs: Sequence[FiniteJob], resolutions: Sequence[int], left: float
) -> Extrapolated:
    """Of an amplitude on each grid and with more room: its parts have errors of second order."""
    left_over = {"run length": left}
    parts = [
        limit(one, jobs, resolutions, **left_over) for one in (amplitudes.real, amplitudes.imag)
    ]
    modulus = hypot(parts[0].value, parts[1].value)
    error = hypot(parts[0].uncertainty, parts[1].uncertainty)
    return Extrapolated(
        value=modulus**2,
        uncertainty=2 * modulus * error + error**2,
        by_resolution=tuple((np.abs(amplitudes[:-1]) ** 2).tolist()),
        resolutions=parts[0].resolutions,
    )


def _around_stop_band(device: Device) -> Real:
    """Wavelengths across the stop band and a mode's distance beyond."""
    cell, grating = unit_cell.modes(device), device.need_grating()
    even, odd = cell.band_edges
    centre = pi / even.wavenumber.real + pi / odd.wavenumber.real
    length = grating.periods * grating.period
    reach = abs(even.wavelength - odd.wavelength) / 2
    reach += centre**2 / (2 * (cell.n_group or 1.0) * length)
    return np.linspace(centre - reach, centre + reach, POINTS)


def _end(signal: Real) -> float:
    """What is left at the end of a record, over the largest."""
    tail = signal[-max(8, len(signal) // 50) :]
    return float(np.abs(tail).max() / np.abs(signal).max())


def far_field_plan(device: Device, _count: int, resolutions: Sequence[int]) -> Plan:
    """Angle and width of the lobes above the device, of the mode with the lowest threshold.

    Args:
        device: With frozen indices.
        resolutions: Of the runs.

    Returns:
        The runs and the comparison.
    """
    solved = laser(device)
    expected = lobes(beam(solved), "up")
    near = sorted(
        lasing_modes(device, 2), key=lambda one: abs(one[0].wavelength - solved.modes[0].wavelength)
    )
    mode, threshold = near[0]
    mirror, beyond, gain = parity(device, mode), absorption(device), threshold.gain
    parts, record = stretches(device, gain), record_length(mode.quality_factor or inf)
    if mirror:  # what is left and right is the same
        expected = tuple(lobe for lobe in expected if lobe.angle > -1e-9)
    jobs = ladder(
        lambda resolution, room: mode_job(
            device, parts, mode.wavelength, resolution, mirror, beyond, *record, room
        ),
        resolutions,
    )

    def compare(runs: Sequence[Recording]) -> tuple[Comparison, ...]:
        found: list[Comparison] = []
        for number, lobe in enumerate(expected, start=1):
            seen = [_lobe(job, run, lobe, 0) for job, run in zip(jobs, runs, strict=True)]
            seen.append(_lobe(jobs[0], runs[0], lobe, 1))
            rows = zip(("angle", "width"), (lobe.angle, lobe.width), np.array(seen).T, strict=True)
            for quantity, ours, values in rows:
                change = {"height": float(values[-1] - values[0])}
                seen_there = limit(values[:-1], jobs, resolutions, **change)
                label = f"lobe {number}"
                # The coupled waves are right to first order in the coupling; by how much is theirs.
                found.append(Comparison(label, quantity, ours, 0.0, seen_there, SHARPEST_ANGLE))
        return tuple(found)

    return Plan(jobs, compare)


def _lobe(job: FiniteJob, run: Recording, near: Lobe, height: int) -> tuple[float, float]:
    """Angle and full width at half maximum of the lobe near an expected one [rad]."""
    reach = 2 * near.width
    low = max(near.angle - reach, 0.0) if near.angle > near.width / 4 else near.angle - reach
    angle = np.linspace(low, near.angle + reach, SCANNED)  # not the twin on the other side
    power = np.abs(far_field(job, run.fields, angle, height)) ** 2
    top = int(power.argmax())
    below = np.flatnonzero(power < power[top] / 2)
    left, right = below[below < top], below[below > top]
    if not (left.size and right.size):
        raise NotConverged(
            f"the time domain shows no lobe within {reach / deg:.2g} degrees of the expected "
            f"{near.angle / deg:.3g}."
        )
    return float(angle[top]), float(angle[right[0]] - angle[left[-1]])
