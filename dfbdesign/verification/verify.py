"""Our unit-cell solver against MEEP, on the same device with the same frozen indices.

The time domain has no dispersion, so both freeze the indices at the middle of the modes that the
dispersive device has, and so solve the same problem; how far the frozen modes are from the
dispersive ones is stated. Wavelength and quality factor of each mode get a verdict as
`dfbdesign.verification.certificate` has it.
"""

from contextlib import suppress
from dataclasses import dataclass
from math import inf

from dfbdesign.device import Device, without_dispersion
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.fdtd.edges import LOSS_FLOOR, BandEdge, bloch_modes, planned_runs
from dfbdesign.fdtd.extrapolation import Extrapolated
from dfbdesign.fdtd.job import UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import Progress
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.units import nm
from dfbdesign.verification.certificate import Comparison

SHARPNESS = {"wavelength": 2e-5, "quality factor": 5e-3}
"""Largest relative uncertainty of a difference that makes agreement a statement."""
ACCURACY, USUAL = 1e-7, 2e-6
"""Relative, of the solver's wavelengths: wanted, unless the usual one is worse than that."""
UNSEEN_LOSS = 1e-6
"""Largest uncertainty of 1/Q with which a mode can be said to lose nothing."""


@dataclass(frozen=True)
class Verification:
    """What two independent methods say about the modes of a device."""

    wavelength: float
    """Vacuum wavelength at which both froze the indices [µm]."""
    comparisons: tuple[Comparison, ...]
    wavevector: float | None = None
    """Bloch wavevector [2π/period]; `None` for the band edges."""
    frozen_shifts: tuple[float, ...] = ()
    """What freezing the indices does to the wavelength of each mode: frozen minus dispersive, as
    the solver has it [µm]."""

    @property
    def passed(self) -> bool:
        """Whether every quantity agrees."""
        return all(comparison.verdict == "agrees" for comparison in self.comparisons)

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def verify(
    device: Device,
    level: str = "unit-cell",
    progress: Progress | None = None,
    wavevector: float | None = None,
    force: bool = False,
) -> Verification:
    """Compare the modes of the infinite grating with MEEP's, TE or TM.

    Args:
        device: Needs a grating with lines and a target.
        level: What to compare; "unit-cell" is one period of the infinite grating.
        progress: Called about five times a second with the done fraction and the time left [s].
        wavevector: Bloch wavevector in units of 2π/period from the zone centre, for the two modes
            nearest to the target; `None` for both band edges.
        force: Start even what should be too much for this computer.

    Returns:
        Wavelength and quality factor of both modes, compared.

    Raises:
        InputError: If the level is unknown, or the device is not one the check handles.
        NoGuidedMode: If there are no such modes around the target.
        NotConverged: If one of the two does not converge.
        PhysicsError: If MEEP fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    plan = _planned(device, level, wavevector)
    expected = [(mode.parity, mode.wavelength) for mode in plan.modes]
    found = bloch_modes(plan.frozen, plan.wavelength, expected, wavevector, progress, force)
    comparisons = [
        comparison
        for name, mode, one in zip(_names(plan.modes), plan.modes, found, strict=True)
        for comparison in _compared(name, mode, one)
    ]
    return Verification(plan.wavelength, tuple(comparisons), wavevector, plan.shifts)


def planned(
    device: Device, level: str = "unit-cell", wavevector: float | None = None
) -> tuple[UnitCellJob, ...]:
    """The time-domain runs of a verification, to be made elsewhere.

    Args:
        device: As for `verify`.
        level: As for `verify`.
        wavevector: As for `verify`.

    Returns:
        The runs that `verify` makes, or finds made.

    Raises:
        InputError: If the level is unknown, or the device is not one the check handles.
        NoGuidedMode: If there are no such modes around the target.
        NotConverged: If the solver does not converge.
    """
    plan = _planned(device, level, wavevector)
    return planned_runs(plan.frozen, plan.wavelength, wavevector)


@dataclass(frozen=True)
class _Plan:
    """The frozen device and what our solver says about it."""

    frozen: Device
    wavelength: float
    modes: tuple[CellMode, ...]
    shifts: tuple[float, ...]


def _planned(device: Device, level: str, wavevector: float | None) -> _Plan:
    if level != "unit-cell":
        raise InputError(f'level must be "unit-cell", got "{level}".')
    target = device.need_target().wavelength
    if not any(layer.lines for layer in device.layers):
        raise InputError("the time-domain check needs a layer with lines: add lines to a layer.")
    unit_cell_job(device, target, 1, wavevector)  # refuse before the work starts
    dispersive = _nearest(unit_cell.modes(device, wavevector), target)
    middle = sum(mode.wavelength for mode in dispersive) / len(dispersive)
    wavelength = round(middle / nm, 2) * nm  # a stored run is found again
    frozen = without_dispersion(device, wavelength)
    modes = _nearest(_accurate(frozen, wavevector, dispersive), target)
    shifts = [
        one.wavelength - other.wavelength for one, other in zip(modes, dispersive, strict=True)
    ]
    return _Plan(frozen, wavelength, modes, tuple(shifts))


def _accurate(
    device: Device, wavevector: float | None, usual: tuple[CellMode, ...]
) -> unit_cell.CellModes:
    """Far better than usual, but where that takes too long: oblique walls in TM."""
    if all(mode.wavelength_error <= USUAL * mode.wavelength for mode in usual):
        with suppress(NotConverged):
            return unit_cell.modes(device, wavevector, accuracy=ACCURACY)
    return unit_cell.modes(device, wavevector)


def _nearest(found: unit_cell.CellModes, target: float) -> tuple[CellMode, ...]:
    """Both band edges, or without such a pair the two modes next to the target."""
    if found.pair is not None:
        return found.pair
    return tuple(sorted(found.modes, key=lambda mode: abs(mode.wavelength - target))[:2])


def _names(modes: tuple[CellMode, ...]) -> list[str]:
    """The labels, with the wavelength where they do not tell modes apart."""
    labels: list[str] = [mode.label for mode in modes]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{mode.label} at {mode.wavelength / nm:.1f} nm" for mode in modes]


def _compared(name: str, mode: CellMode, found: BandEdge) -> tuple[Comparison, Comparison]:
    """Wavelength and quality factor; a loss too small for MEEP to see counts as none for both."""
    relative = mode.wavelength_error / mode.wavelength  # of the complex wavenumber
    wavelength = Comparison(
        name,
        "wavelength",
        mode.wavelength,
        mode.wavelength_error,
        found.wavelength,
        SHARPNESS["wavelength"] * mode.wavelength,
    )
    unseen, quality_factor = found.loss.uncertainty + LOSS_FLOOR, found.quality_factor
    if quality_factor is None:
        quality_factor = Extrapolated(inf, 0.0 if unseen < UNSEEN_LOSS else inf)
    lossless = abs(mode.quality_factor) * unseen >= 1
    return wavelength, Comparison(
        name,
        "quality factor",
        inf if lossless else mode.quality_factor,
        0.0 if lossless else 2 * mode.quality_factor**2 * relative,
        quality_factor,
        SHARPNESS["quality factor"] * abs(mode.quality_factor),
    )
