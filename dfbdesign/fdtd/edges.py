r"""Modes of the infinite grating by time-domain simulation, extrapolated to fine grids.

Three runs on refinements of one grid give the values at vanishing pixels (`extrapolation`). In TM
the electric field is singular at the corners of lines, $E \propto r^{\nu - 1}$ with

$$ \cos\frac{\nu\pi}{2} = \frac{\kappa - 1}{2(\kappa + 1)} $$

for a right angle and the ratio κ of permittivities (Meixner, IEEE Trans. Antennas Propag. 20, 442
(1972)), which leaves an error that falls with the power 2ν of the pixel beside the usual square.
Two more causes of error are measured: a coarse run with half as much room again above and below
shows what the absorbing layers do, and the first two thirds of the finest record what its length
does.

Materials are run as `dispersion` fits them. What a fit leaves depends on where a mode has its
field, so whoever knows that adds it: `BandEdge.with_fit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import acos, hypot, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import NotConverged
from dfbdesign.fdtd.extrapolation import Extrapolated, extrapolated, reciprocal
from dfbdesign.fdtd.job import COARSE, UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import Progress, run_all
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.fdtd.store import Recording

Sector = Literal["even", "odd", "none"]
"""Symmetry of E_y (TE) or H_y (TM) about the period's middle."""

REFINEMENTS = (2, 3, 4)
"""Of the coarse grid, in the three runs."""
HIGHEST_CORNER = 1.95
"""Power of the pixel that still can be told from 2."""
FINER = 6
"""Of the coarse grid, in a fourth run where three leave a question open."""
MORE_ROOM = 1.5
"""Times the usual room above and below, in the run that shows what the absorbing layers do."""
SHORTER = 2 / 3
"""Share of the record that shows what its length does."""
LOSS_FLOOR = 1e-8
"""1/Q that runs may show for modes without loss: from tails that reach the absorber, and rounding.
"""
STABLE = 1e-7
"""Largest relative growth rate of a field without gain."""


@dataclass(frozen=True)
class BandEdge:
    """One mode of the infinite grating as the time-domain runs see it."""

    sector: Sector
    wavelength: Extrapolated
    """Vacuum wavelength [µm]."""
    loss: Extrapolated
    """1/Q, negative for a mode that grows."""

    @property
    def quality_factor(self) -> Extrapolated | None:
        """Negative for a mode that grows; `None` for one that loses too little to be seen."""
        return reciprocal(self.loss, LOSS_FLOOR)

    def with_fit(self, wavelength: float, loss: float) -> "BandEdge":
        """With what the fits of the materials leave open as one more cause of uncertainty.

        Args:
            wavelength: Change of the wavelength with what the fits miss [µm].
            loss: The same of 1/Q.

        Returns:
            The mode with larger uncertainties.
        """
        return BandEdge(
            self.sector, _widened(self.wavelength, wavelength), _widened(self.loss, loss)
        )


def _widened(found: Extrapolated, change: float) -> Extrapolated:
    causes = {**found.causes, "fit": abs(change)}
    return replace(found, causes=causes, uncertainty=hypot(found.uncertainty, change))


def band_edges(
    device: Device, wavelength: float, progress: Progress | None = None
) -> tuple[BandEdge, BandEdge]:
    """Both band edges by MEEP, at three resolutions.

    Args:
        device: Needs a grating with lines, mirror-symmetric.
        wavelength: Vacuum wavelength next to the band edges, to 3 % [µm].
        progress: Called about five times a second with the done fraction and the time left [s].

    Returns:
        The even and the odd band edge.

    Raises:
        InputError: If the device has no lines, or is too thick for a cell.
        NoGuidedMode: If the wave would leak sideways into the substrate or the superstrate.
        NotConverged: If a run diverges, takes too long or shows no lasting oscillation.
        PhysicsError: If a run fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    even, odd = bloch_modes(
        device, wavelength, (("even", wavelength), ("odd", wavelength)), progress=progress
    )
    return even, odd


def bloch_modes(
    device: Device,
    wavelength: float,
    expected: Sequence[tuple[Sector, float]],
    wavevector: float | None = None,
    progress: Progress | None = None,
    force: bool = False,
    finer: bool = False,
) -> tuple[BandEdge, ...]:
    """Modes of one Bloch wavevector by MEEP, at three or four resolutions.

    Args:
        device: Needs a grating with lines.
        wavelength: Vacuum wavelength of the run, next to the modes [µm]; there indices that depend
            on it are fitted.
        expected: The modes to look for: symmetry and vacuum wavelength [µm]. Where there is no
            symmetry, the nearest oscillation counts.
        wavevector: Bloch wavevector in units of 2π/period; `None` for the band edges.
        progress: Called about five times a second with the done fraction and the time left [s].
        force: Start even what should be too much for this computer.
        finer: Run a fourth grid, which takes three times as long as the others together.

    Returns:
        One per expected mode.

    Raises:
        InputError: If the device has no lines, or is too thick for a cell.
        NoGuidedMode: If the wave would leak sideways into the substrate or the superstrate.
        NotConverged: If a run diverges, takes too long or shows no lasting oscillation, or one
            oscillation for two expected modes.
        PhysicsError: If a run fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    jobs = planned_runs(device, wavelength, wavevector, finer)
    roomy, *runs = run_all(jobs, progress, force)
    found = [_frequencies(one, expected) for one in (*runs, roomy)]
    found.append(_frequencies(runs[-1], expected, SHORTER))
    if not any(part < 0 for slab in jobs[0].slabs for v in slab.permittivity for part in v[1::2]):
        growth = float((np.imag(found) / np.real(found)).max())
        if growth > STABLE:
            raise NotConverged(
                f"the field grows (Im f / Re f = {growth:.1e}) without gain: the run is unstable."
            )
    grids = [COARSE * fine for fine in _refinements(finer)]
    return tuple(
        _mode(sector, column, grids, _corner(jobs[0]))
        for (sector, _), column in zip(expected, np.transpose(found), strict=True)
    )


def planned_runs(
    device: Device, wavelength: float, wavevector: float | None = None, finer: bool = False
) -> tuple[UnitCellJob, ...]:
    """The runs that `bloch_modes` makes.

    Args:
        device: As there.
        wavelength: As there.
        wavevector: As there.
        finer: As there.

    Returns:
        The one with more room, and all refinements.
    """
    return (
        unit_cell_job(device, wavelength, REFINEMENTS[0], wavevector, MORE_ROOM),
        *(unit_cell_job(device, wavelength, fine, wavevector) for fine in _refinements(finer)),
    )


def _refinements(finer: bool) -> tuple[int, ...]:
    return (*REFINEMENTS, FINER) if finer else REFINEMENTS


def _corner(job: UnitCellJob) -> float | None:
    """Power of the pixel in the error that the sharpest corner leaves; `None` for TE."""
    ratios = [
        max(pair[0][0] / pair[1][0], pair[1][0] / pair[0][0])
        for slab in job.slabs
        for pair in pairwise(slab.permittivity)
    ]
    if job.polarization == "TE" or not ratios:
        return None
    most = max(ratios)
    return min(HIGHEST_CORNER, 4 / pi * acos((most - 1) / (2 * (most + 1))))


def _mode(
    sector: Sector, frequency: NDArray[np.complex128], grids: Sequence[int], corner: float | None
) -> BandEdge:
    """From the runs, then the one with more room, then the shorter record."""
    length, loss = 1 / frequency.real, -2 * frequency.imag / frequency.real
    found = [
        extrapolated(
            values[:-2],
            grids,
            {
                "absorber": float(values[-2] - values[0]),
                "run length": float(values[-1] - values[-3]),
            }
            | more,
            corner=corner,
        )
        for values, more in ((length, {}), (loss, {"rounding": LOSS_FLOOR}))
    ]
    return BandEdge(sector, *found)


def _frequencies(
    recording: Recording, expected: Sequence[tuple[Sector, float]], share: float = 1.0
) -> NDArray[np.complex128]:
    """One per expected mode, from a share of the record."""
    even, odd = recording.signals[:, : int(share * recording.signals.shape[1])]
    signals = {"even": even, "odd": odd, "none": even + odd}
    found = np.zeros(len(expected), dtype=complex)
    for sector, signal in signals.items():
        places = [i for i, (one, _) in enumerate(expected) if one == sector]
        if places:
            wanted = [1 / expected[i][1] for i in places]
            parts = ringdown(signal, recording.interval, sum(wanted) / len(wanted))
            found[places] = parts.matched(wanted)
    return found
