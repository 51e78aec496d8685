"""Cold modes and threshold of a finite device, rigorously and in the time domain."""

from collections.abc import Sequence
from functools import partial
from math import inf

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError, NotConverged, PhysicsError
from dfbdesign.fdtd.extrapolation import reciprocal
from dfbdesign.fdtd.finite_job import FiniteJob, mode_job, oscillation
from dfbdesign.fdtd.store import Recording
from dfbdesign.solvers.finite import FiniteMode, finite_modes
from dfbdesign.solvers.finite_search import Threshold
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.ladders import (
    Ladder,
    Plan,
    absorption,
    ladder,
    limit,
    parity,
    passive,
    record_length,
    stretches,
)

AROUND = (0.9, 1.1)
"""Gains over the predicted threshold between which the time domain looks for its own."""
FARTHEST = 0.25
"""Of that threshold over the predicted one, minus one, on the coarsest grid."""
SHARPNESS = {"wavelength": 3e-4, "quality factor": 0.02, "threshold gain": 0.05}
"""Largest combined uncertainty of a statement, relative."""
LEAST_WAIT = 60
"""Optical cycles in which, near the threshold of one mode, the others go."""
FLOOR = 1e-8
"""Rounding of a loss 1/Q."""


def modes_plan(device: Device, count: int, resolutions: Sequence[int]) -> Plan:
    """Wavelength and quality factor of the cold modes.

    Args:
        device: With frozen indices.
        count: How many modes, highest quality factor first.
        resolutions: Of the runs.

    Returns:
        The runs and the comparison.
    """
    cold = passive(device)
    modes = finite_modes(cold, count=count)
    each = [_cold_jobs(cold, mode, resolutions) for mode in modes]

    def compare(runs: Sequence[Recording]) -> tuple[Comparison, ...]:
        found: list[Comparison] = []
        for number, (mode, jobs) in enumerate(zip(modes, each, strict=True)):
            own = runs[number * len(jobs) : (number + 1) * len(jobs)]
            frequency = Ladder(jobs, own).frequencies(_quality(mode))
            found += _cold_comparisons(f"mode {number + 1}", mode, frequency, jobs, resolutions)
        return tuple(found)

    return Plan(tuple(job for jobs in each for job in jobs), compare)


def _cold_jobs(
    device: Device, mode: FiniteMode, resolutions: Sequence[int]
) -> tuple[FiniteJob, ...]:
    cycles, wait = record_length(_quality(mode))
    mirror, parts = parity(device, mode), stretches(device, 0.0)
    return ladder(
        lambda resolution, room: mode_job(
            device, parts, mode.wavelength, resolution, mirror, 0.0, cycles, wait, room
        ),
        resolutions,
    )


def _quality(mode: FiniteMode) -> float:
    return mode.quality_factor or inf


def _cold_comparisons(
    label: str,
    mode: FiniteMode,
    frequency: NDArray[np.complex128],
    jobs: Sequence[FiniteJob],
    resolutions: Sequence[int],
) -> tuple[Comparison, Comparison]:
    quality, wavelength = _quality(mode), mode.wavelength
    length, losses = 1 / frequency.real, -2 * frequency.imag / frequency.real
    causes = {"rounding": FLOOR, "run length": float(losses[-1] - losses[0])}
    loss = reciprocal(limit(losses[:-1], jobs, resolutions, **causes))
    if loss is None:
        raise NotConverged(f"{label} loses less than the time domain can tell from nothing.")
    return (
        Comparison(
            label,
            "wavelength",
            wavelength,
            mode.error * wavelength,
            limit(length[:-1], jobs, resolutions, **{"run length": float(length[-1] - length[0])}),
            SHARPNESS["wavelength"] * wavelength,
        ),
        Comparison(
            label,
            "quality factor",
            quality,
            2 * quality**2 * mode.error,
            loss,
            SHARPNESS["quality factor"] * quality,
        ),
    )


def lasing_modes(device: Device, count: int) -> tuple[tuple[FiniteMode, Threshold], ...]:
    """Threshold modes, lowest first.

    Args:
        device: The device.
        count: How many.

    Returns:
        Modes and their thresholds.

    Raises:
        InputError: If nothing carries gain.
    """
    modes = finite_modes(device, absorption=absorption(device), count=count)
    found = tuple((mode, mode.threshold) for mode in modes if mode.threshold is not None)
    if not found:
        raise InputError("nothing can lase: set gain = true in the layer that has the gain.")
    return found


def threshold_plan(device: Device, count: int, resolutions: Sequence[int]) -> Plan:
    """Threshold gain of the modes.

    Args:
        device: With frozen indices.
        count: How many modes, lowest threshold first.
        resolutions: Of the runs.

    Returns:
        The runs and the comparison.
    """
    modes = lasing_modes(device, count)
    each = [_growth_jobs(device, mode, threshold.gain, resolutions) for mode, threshold in modes]

    def compare(runs: Sequence[Recording]) -> tuple[Comparison, ...]:
        found = []
        for number, ((mode, threshold), jobs) in enumerate(zip(modes, each, strict=True)):
            own = runs[number * len(jobs) : (number + 1) * len(jobs)]
            relative, bend = _crossing(jobs, own, _quality(mode))
            gain = threshold.gain
            error = mode.error * threshold.wavenumber / abs(threshold.gain_slope)
            found.append(
                Comparison(
                    f"mode {number + 1}",
                    "threshold gain",
                    gain,
                    error,
                    limit(
                        gain * relative[:-1],
                        jobs[: len(jobs) // 2],
                        resolutions,
                        bend=gain * bend,
                        **{"run length": gain * float(relative[-1] - relative[0])},
                    ),
                    SHARPNESS["threshold gain"] * gain,
                )
            )
        return tuple(found)

    return Plan(tuple(job for jobs in each for job in jobs), compare)


def _growth_jobs(
    device: Device, mode: FiniteMode, gain: float, resolutions: Sequence[int]
) -> tuple[FiniteJob, ...]:
    """A little below threshold, a little above, and in between on the coarsest grid."""
    mirror, beyond = parity(device, mode), absorption(device)
    cycles, wait = record_length(_quality(mode))
    record = cycles, max(wait, LEAST_WAIT)

    def job(share: float, resolution: int, room: float) -> FiniteJob:
        parts, length = stretches(device, share * gain), mode.wavelength
        return mode_job(device, parts, length, resolution, mirror, beyond, *record, room)

    low, high = (ladder(partial(job, share), resolutions) for share in AROUND)
    return (*low, *high, job(1.0, resolutions[0], 1.0))


def _crossing(
    jobs: Sequence[FiniteJob], runs: Sequence[Recording], quality_factor: float
) -> tuple[NDArray[np.float64], float]:
    """Share of the predicted gain at which the growth rate passes through zero.

    And what a straight line through the two gains misses of it on the coarsest grid, whose lines
    feed back less than they should, so that it crosses farthest from the prediction.
    """
    size = len(jobs) // 2
    low, high = (
        Ladder(jobs[part], runs[part]).frequencies(quality_factor, lives=True).imag
        for part in (slice(size), slice(size, 2 * size))
    )
    crossing = AROUND[0] + (AROUND[1] - AROUND[0]) * low / (low - high)
    if not ((low < high) & (np.abs(crossing - 1) < FARTHEST)).all():
        raise PhysicsError(
            f"on one of the grids the mode does not begin to grow within {FARTHEST:.0%} of the "
            "predicted threshold gain. Take finer grids; if that does not help, both differ."
        )
    middle = oscillation(jobs[-1], runs[-1], quality_factor, lives=True).imag
    curve = np.polynomial.Polynomial.fit([AROUND[0], 1.0, AROUND[1]], [low[0], middle, high[0]], 2)
    bend = np.abs(curve.roots() - crossing[0]).min()
    return np.asarray(crossing), float(bend)
