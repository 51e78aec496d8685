"""Spectrum and beam of a finite device, by our models and in the time domain."""

from collections.abc import Sequence
from math import hypot, inf, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, changed
from dfbdesign.errors import NotConverged
from dfbdesign.fdtd.extrapolation import Extrapolated
from dfbdesign.fdtd.finite_job import FiniteJob, far_field, mode_job, scattered, spectrum_job
from dfbdesign.fdtd.store import Recording
from dfbdesign.lasers.beam import beam
from dfbdesign.lasers.laser import laser
from dfbdesign.lasers.laser_spectra import laser_spectra
from dfbdesign.lasers.lobes import Lobe, lobes
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.solvers.finite_spectra import finite_spectrum
from dfbdesign.units import deg, nm
from dfbdesign.verification.certificate import Comparison, ModelError
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
LIFETIMES, RECORDED = 5.0, (200, 800)
"""Optical cycles until all light has left, over the quality factor; least and most."""
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
    cycles = int(np.clip(LIFETIMES * (best.quality_factor or 0.0), *RECORDED))
    jobs = ladder(
        lambda resolution, room: spectrum_job(cold, parts, wavelengths, resolution, cycles, room),
        resolutions,
    )

    def compare(runs: Sequence[Recording]) -> tuple[Comparison, ...]:
        solved = finite_spectrum(cold, wavelengths)
        seen = [scattered(job, run.fields) for job, run in zip(jobs, runs, strict=True)]
        seen.append(scattered(jobs[0], runs[0].arrays["earlier"]))
        found = []
        for number, amplitude in enumerate((solved.reflection, solved.transmission)):
            for point, ours in enumerate(np.abs(amplitude) ** 2):
                found.append(
                    Comparison(
                        f"{wavelengths[point] / nm:.2f} nm",
                        ("reflectance", "transmittance")[number],
                        float(ours),
                        2 * float(solved.error[point]),
                        _power(np.array(seen)[:, number, point], jobs, resolutions),
                        SHARPEST_SHARE,
                    )
                )
        return tuple(found)

    return Plan(jobs, compare, lambda: _by_coupled_waves(cold, wavelengths))


def _by_coupled_waves(device: Device, wavelengths: Real) -> tuple[ModelError, ...]:
    """Reflectance and transmittance by the coupled waves, in the order of the comparisons."""
    everywhere = {f"layers.{number}.gain": True for number in range(len(device.layers))}
    model = laser_spectra(laser(changed(device, everywhere)), share=0.0, points=SCANNED)
    exact = finite_spectrum(device, wavelengths)
    return tuple(
        ModelError(f"{wavelength / nm:.2f} nm", quantity, float(ours), float(rigorous))
        for quantity, amplitude, solved in (
            ("reflectance", model.reflection, exact.reflection),
            ("transmittance", model.transmission, exact.transmission),
        )
        for wavelength, ours, rigorous in zip(
            wavelengths,
            np.interp(wavelengths, model.wavelength, np.abs(amplitude) ** 2),
            np.abs(solved) ** 2,
            strict=True,
        )
    )


def _power(
    amplitudes: Complex, jobs: Sequence[FiniteJob], resolutions: Sequence[int]
) -> Extrapolated:
    """Of an amplitude on each grid, with more room, and earlier: its parts are of second order."""
    parts = [
        limit(one[:-1], jobs, resolutions, **{"run length": float(one[-1] - one[0])})
        for one in (amplitudes.real, amplitudes.imag)
    ]
    modulus = hypot(parts[0].value, parts[1].value)
    error = hypot(parts[0].uncertainty, parts[1].uncertainty)
    return Extrapolated(
        value=modulus**2,
        uncertainty=2 * modulus * error + error**2,
        by_resolution=tuple((np.abs(amplitudes[:-2]) ** 2).tolist()),
        resolutions=parts[0].resolutions,
        causes={
            name: 2 * modulus * hypot(parts[0].causes[name], parts[1].causes[name])
            for name in parts[0].causes
        },
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
            device, parts, mode.wavelength, resolution, mirror, beyond, *record, room, beam=True
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
