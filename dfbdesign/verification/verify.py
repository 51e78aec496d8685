r"""Our unit-cell solver against MEEP, on the same device with the same frozen indices.

Both witnesses give a value and an uncertainty, $v_s \pm u_s$ and $v_f \pm u_f$. With
$u = \sqrt{u_s^2 + u_f^2}$ and a tolerance $t$ they agree when $|v_s - v_f| + u \le t$, disagree
when $|v_s - v_f| - u > t$, and in between nothing can be said at this resolution.
"""

from dataclasses import dataclass
from math import hypot, inf
from typing import Literal

from dfbdesign.device import Device, without_dispersion
from dfbdesign.errors import InputError
from dfbdesign.fdtd import BandEdge, band_edges, unit_cell_job
from dfbdesign.fdtd.edges import LOSS_FLOOR, RESOLUTIONS, Progress
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.cell_mode import CellMode, Label
from dfbdesign.units import nm

Quantity = Literal["wavelength", "quality factor"]
Verdict = Literal["agrees", "disagrees", "undecided"]

TOLERANCE: dict[Quantity, float] = {"wavelength": 5e-5, "quality factor": 0.01}
"""Largest relative difference of two witnesses that agree."""

ACCURACY = 1e-7
"""Relative, of the solver: the quality factor then is good to Q times as much."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of one mode, as both witnesses give it."""

    label: Label
    """Which band edge."""
    quantity: Quantity
    """Wavelengths are in µm; quality factors may be infinite for both."""
    solver: float
    solver_uncertainty: float
    fdtd: float
    """Extrapolated to vanishing pixels."""
    fdtd_uncertainty: float

    @property
    def difference(self) -> float:
        """Solver over time domain, minus one; 0 when both are infinite."""
        return 0.0 if self.solver == self.fdtd else self.solver / self.fdtd - 1

    @property
    def verdict(self) -> Verdict:
        """Whether both agree to `TOLERANCE`, as far as their uncertainties allow to say."""
        uncertainty = hypot(self.solver_uncertainty, self.fdtd_uncertainty) / abs(self.fdtd)
        if abs(self.difference) + uncertainty <= TOLERANCE[self.quantity]:
            return "agrees"
        if abs(self.difference) - uncertainty > TOLERANCE[self.quantity]:
            return "disagrees"
        return "undecided"


@dataclass(frozen=True)
class Verification:
    """What two independent methods say about the band edges of a device."""

    wavelength: float
    """Vacuum wavelength at which both froze the indices [µm]."""
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Whether every quantity agrees."""
        return all(comparison.verdict == "agrees" for comparison in self.comparisons)


def verify(
    device: Device, level: str = "unit-cell", progress: Progress | None = None
) -> Verification:
    """Compare the band edges of the infinite grating with MEEP's.

    The indices are frozen at the target wavelength for both, so that a time-domain run without
    dispersion solves the same problem; wavelengths and quality factors of the dispersive device
    differ from these.

    Args:
        device: Needs a grating with lines and a target; TE, without absorption or gain.
        level: What to compare; "unit-cell" is one period of the infinite grating.
        progress: Called about five times a second with the done fraction and the time left [s].

    Returns:
        Wavelength and (unless infinite) quality factor of both band edges, compared.

    Raises:
        InputError: If the level is unknown, or the device is not one the check handles.
        NoGuidedMode: If there is no pair of band edges around the target.
        NotConverged: If one of the two does not converge.
        PhysicsError: If MEEP fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    if level != "unit-cell":
        raise InputError(f'level must be "unit-cell", got "{level}".')
    target = device.need_target().wavelength
    frozen = without_dispersion(device, target)
    unit_cell_job(frozen, target, RESOLUTIONS[0])  # refuse before the work starts
    pair = unit_cell.modes(frozen, accuracy=ACCURACY).band_edges
    between = sum(mode.wavelength for mode in pair) / 2
    edges = band_edges(frozen, round(between / nm) * nm, progress)  # a stored run is found again
    comparisons = [
        comparison
        for mode, edge in zip(pair, edges, strict=True)
        for comparison in _compared(mode, edge)
    ]
    return Verification(target, tuple(comparisons))


def _compared(mode: CellMode, edge: BandEdge) -> tuple[Comparison, Comparison]:
    """Wavelength and quality factor; a loss too small for MEEP to see counts as none for both."""
    relative = mode.wavelength_error / mode.wavelength  # of the complex wavenumber
    wavelength = Comparison(
        mode.label,
        "wavelength",
        mode.wavelength,
        mode.wavelength_error,
        edge.wavelength.value,
        edge.wavelength.uncertainty,
    )
    lossless = mode.quality_factor * LOSS_FLOOR >= 1
    quality_factor = Comparison(
        mode.label,
        "quality factor",
        inf if lossless else mode.quality_factor,
        0.0 if lossless else 2 * mode.quality_factor**2 * relative,
        edge.quality_factor.value if edge.quality_factor else inf,
        edge.quality_factor.uncertainty if edge.quality_factor else 0.0,
    )
    return wavelength, quality_factor
