r"""Modes of the infinite grating by time-domain simulation, extrapolated to fine grids.

Three runs on refinements of one grid give the values at vanishing pixels (`extrapolation`). Two
more causes of error are measured: a coarse run with half as much room again above and below shows
what the absorbing layers do, and the first two thirds of the finest record what its length does.

A conductivity $\sigma$ stands for $\epsilon''$ at the frequency of the run alone. At the complex
frequency of a mode, $\omega_0 (1 + \delta - i/2Q)$, it amounts to a permittivity that is off by
$-\epsilon''(1/2Q + i\delta)$; so much of a wavelength (half, relative) and of 1/Q is uncertain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


def band_edges(
    device: Device, wavelength: float, progress: Progress | None = None
) -> tuple[BandEdge, BandEdge]:
    """Both band edges by MEEP, at three resolutions.

    Args:
        device: Needs a grating with lines, mirror-symmetric. Its indices are frozen at
            `wavelength`.
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
) -> tuple[BandEdge, ...]:
    """Modes of one Bloch wavevector by MEEP, at three resolutions.

    Args:
        device: Needs a grating with lines. Its indices are frozen at `wavelength`.
        wavelength: Vacuum wavelength of the run, next to the modes [µm].
        expected: The modes to look for: symmetry and vacuum wavelength [µm]. Where there is no
            symmetry, the nearest oscillation counts.
        wavevector: Bloch wavevector in units of 2π/period; `None` for the band edges.
        progress: Called about five times a second with the done fraction and the time left [s].
        force: Start even what should be too much for this computer.

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
    jobs = planned_runs(device, wavelength, wavevector)
    roomy, *runs = run_all(jobs, progress, force)
    found = [_frequencies(one, expected) for one in (*runs, roomy)]
    found.append(_frequencies(runs[-1], expected, SHORTER))
    if not any(part < 0 for slab in jobs[0].slabs for v in slab.permittivity for part in v[1::2]):
        growth = float((np.imag(found) / np.real(found)).max())
        if growth > STABLE:
            raise NotConverged(
                f"the field grows (Im f / Re f = {growth:.1e}) without gain: the run is unstable."
            )
    tangent = max(abs(v[1] / v[0]) for slab in jobs[0].slabs for v in slab.permittivity)
    return tuple(
        _mode(sector, column, tangent, wavelength)
        for (sector, _), column in zip(expected, np.transpose(found), strict=True)
    )


def planned_runs(
    device: Device, wavelength: float, wavevector: float | None = None
) -> tuple[UnitCellJob, ...]:
    """The runs that `bloch_modes` makes.

    Args:
        device: As there.
        wavelength: As there.
        wavevector: As there.

    Returns:
        The one with more room, and all refinements.
    """
    return (
        unit_cell_job(device, wavelength, REFINEMENTS[0], wavevector, MORE_ROOM),
        *(unit_cell_job(device, wavelength, fine, wavevector) for fine in REFINEMENTS),
    )


def _mode(
    sector: Sector, frequency: NDArray[np.complex128], tangent: float, wavelength: float
) -> BandEdge:
    """From the runs, then the one with more room, then the shorter record."""
    length, loss = 1 / frequency.real, -2 * frequency.imag / frequency.real
    grids = [COARSE * fine for fine in REFINEMENTS]
    limit, decay = (extrapolated(values[:-2], grids).value for values in (length, loss))
    conductivity = tangent * abs(decay) / 4 * limit, tangent * abs(limit / wavelength - 1)
    found = [
        extrapolated(
            values[:-2],
            grids,
            {
                "absorber": float(values[-2] - values[0]),
                "run length": float(values[-1] - values[-3]),
                "conductivity": part,
            },
        )
        for values, part in zip((length, loss), conductivity, strict=True)
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
