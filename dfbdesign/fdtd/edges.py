r"""Both band edges of the infinite grating by time-domain simulation, extrapolated to fine grids.

The error of a run falls as the square of its pixel $h$; two runs eliminate it (Richardson),
$v = v_2 + (v_2 - v_1)\,h_2^2/(h_1^2 - h_2^2)$. What remains is of third order and depends on where
the interfaces cut the pixels. It is estimated from a third, coarser run: three times the difference
between the two extrapolations (the factor is that of Roache, J. Fluids Eng. 116, 405 (1994)), and
at least one pixel's share of the correction, since two extrapolations may agree by chance.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device
from dfbdesign.fdtd.job import Parity, UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import run
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


def extrapolated(values: ArrayLike, resolutions: ArrayLike) -> Extrapolated:
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
    v, n = np.asarray(values, dtype=float), np.asarray(resolutions, dtype=float)
    limits = v[1:] + np.diff(v) * n[:-1] ** 2 / np.diff(n**2)
    spread = 3 * abs(limits[-1] - limits[-2])
    least = abs(limits[-1] - v[-1]) / n[-1]
    return Extrapolated(float(limits[-1]), float(max(spread, least)), tuple(v.tolist()))


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
    even, odd = np.transpose(_frequencies(jobs, progress))
    return _band_edge("even", even), _band_edge("odd", odd)


def _band_edge(parity: Parity, frequency: NDArray[np.complex128]) -> BandEdge:
    wavelength = extrapolated(1 / frequency.real, RESOLUTIONS)
    loss = extrapolated(-2 * frequency.imag / frequency.real, RESOLUTIONS)
    uncertainty = loss.uncertainty + LOSS_FLOOR
    quality_factor = None
    if min(loss.value, *loss.by_resolution) > uncertainty:
        quality_factor = Extrapolated(
            1 / loss.value,
            uncertainty / loss.value**2,
            tuple(1 / value for value in loss.by_resolution),
        )
    return BandEdge(parity, wavelength, quality_factor)


def _frequencies(
    jobs: list[UnitCellJob], progress: Progress | None
) -> list[tuple[complex, complex]]:
    """Even and odd mode of each job, run one after the other; time goes as pixels times steps."""
    work = np.cumsum([0.0, *(job.size * job.pixels for job in jobs)])
    began = time.monotonic()
    found = []
    for start, end, job in zip(work[:-1] / work[-1], work[1:] / work[-1], jobs, strict=True):

        def tell(fraction: float, start: float = start, end: float = end) -> None:
            done = float((1 - fraction) * start + fraction * end)
            if progress is not None and done > 0:
                progress(done, (time.monotonic() - began) * (1 - done) / done)

        recording, centre = run(job, tell), 1 / job.wavelength
        even, odd = (
            ringdown(signal, recording.interval, centre).nearest(centre)
            for signal in recording.signals
        )
        found.append((even, odd))
        tell(1.0)
    return found
