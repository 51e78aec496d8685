r"""Both band edges of the infinite grating by time-domain simulation, extrapolated to fine grids.

The error of a run falls as the square of its pixel $h$; two runs eliminate it (Richardson),
$v = v_2 + (v_2 - v_1)\,h_2^2/(h_1^2 - h_2^2)$. What remains is of third order and depends on where
the interfaces cut the pixels. It is estimated from a third, coarser run: three times the difference
between the two extrapolations (the factor is that of Roache, J. Fluids Eng. 116, 405 (1994)), and
at least one pixel's share of the correction, since two extrapolations may agree by chance.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.fdtd.job import Parity, UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import Recording, run
from dfbdesign.fdtd.ringdown import ringdown

Progress = Callable[[float, float], None]
"""Called with the done fraction and the time left [s]."""

RESOLUTIONS = (16, 24, 32)
"""Pixels per half wavelength in the guide."""
LOSS_FLOOR = 1e-8
"""1/Q that runs may show for modes without loss: from tails that reach the absorber, and rounding.
"""


@dataclass(frozen=True)
class Extrapolated:
    """A quantity at vanishing pixel size."""

    value: float
    uncertainty: float
    by_resolution: tuple[float, ...]
    """What each run gave, coarsest first."""


@dataclass(frozen=True)
class BandEdge:
    """One band edge as the time-domain runs see it."""

    parity: Parity
    """Symmetry of the field about the line's centre."""
    wavelength: Extrapolated
    """Vacuum wavelength [µm]."""
    quality_factor: Extrapolated | None
    """`None` for a mode that loses less than the runs can tell from nothing."""


def extrapolated(values: Sequence[float], resolutions: Sequence[int]) -> Extrapolated:
    """Value at vanishing pixel size of a quantity with an error of second order.

    Args:
        values: One per run, at least three.
        resolutions: Pixels per half wavelength of the runs, ascending.

    Returns:
        The value from the two finest runs, and its uncertainty.

    Examples:
        >>> found = extrapolated([1.16, 1.04, 1.01], [1, 2, 4])
        >>> round(found.value, 12), round(found.uncertainty, 12)
        (1.0, 0.0025)
    """
    v, square = np.array(values, dtype=float), np.array(resolutions, dtype=float) ** 2
    limits = v[1:] + np.diff(v) * square[:-1] / np.diff(square)
    value, other = float(limits[-1]), float(limits[-2])
    least = abs(value - values[-1]) / resolutions[-1]
    return Extrapolated(value, max(3 * abs(value - other), least), tuple(values))


def band_edges(
    device: Device, wavelength: float, progress: Progress | None = None
) -> tuple[BandEdge, BandEdge]:
    """Both band edges by MEEP, at three resolutions.

    Args:
        device: Needs a grating with lines; TE, without absorption or gain. Its indices are frozen
            at `wavelength`.
        wavelength: Vacuum wavelength next to the band edges, to 3 % [µm].
        progress: Called about five times a second with the done fraction and the time left [s].

    Returns:
        The even and the odd band edge.

    Raises:
        InputError: If the device is TM, has no lines, absorbs, or is too thick for a cell.
        NoGuidedMode: If the wave would leak sideways into the substrate or the superstrate.
        NotConverged: If a run diverges, takes too long or shows no lasting oscillation.
        PhysicsError: If a run fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    jobs = [unit_cell_job(device, wavelength, resolution) for resolution in RESOLUTIONS]
    recordings = _run_all(jobs, progress)
    signals = [recording.signals for recording in recordings]
    intervals = [recording.interval for recording in recordings]
    return (
        _band_edge("even", [both[0] for both in signals], intervals, wavelength),
        _band_edge("odd", [both[1] for both in signals], intervals, wavelength),
    )


def _band_edge(
    parity: Parity,
    signals: list[NDArray[np.float64]],
    intervals: list[float],
    wavelength: float,
) -> BandEdge:
    frequencies = [
        ringdown(signal, interval, 1 / wavelength).nearest(1 / wavelength)
        for signal, interval in zip(signals, intervals, strict=True)
    ]
    loss = extrapolated([-2 * f.imag / f.real for f in frequencies], RESOLUTIONS)
    uncertainty = loss.uncertainty + LOSS_FLOOR
    quality_factor = None
    if min(loss.value, *loss.by_resolution) > uncertainty:
        quality_factor = Extrapolated(
            1 / loss.value,
            uncertainty / loss.value**2,
            tuple(1 / value for value in loss.by_resolution),
        )
    return BandEdge(
        parity, extrapolated([1 / f.real for f in frequencies], RESOLUTIONS), quality_factor
    )


def _run_all(jobs: list[UnitCellJob], progress: Progress | None) -> list[Recording]:
    """Run the jobs one after the other; their time goes as pixels times steps."""
    weights = np.array([job.size * job.pixels for job in jobs], dtype=float)
    shares = weights / weights.sum()
    started = time.monotonic()
    recordings = []
    for before, share, job in zip(np.cumsum(shares) - shares, shares, jobs, strict=True):

        def tell(fraction: float, before: float = before, share: float = share) -> None:
            done = before + share * fraction
            if progress is not None and done > 0:
                progress(done, (time.monotonic() - started) * (1 - done) / done)

        recordings.append(run(job, tell))
        tell(1.0)
    return recordings
