"""Our unit-cell solver against MEEP, on the same device with the same materials.

The time domain runs fits of the permittivities in the middle of the modes; what they miss
(`dfbdesign.verification.fits`) is a part of its uncertainty. Wavelength and quality factor of each
mode get a verdict as `dfbdesign.verification.certificate` has it.
"""

from contextlib import suppress
from dataclasses import dataclass
from math import inf

from dfbdesign.device import Device
from dfbdesign.errors import InputError, MeepMissing, NotConverged
from dfbdesign.fdtd.edges import LOSS_FLOOR, BandEdge, bloch_modes, planned_runs
from dfbdesign.fdtd.extrapolation import CONFIRMED, Extrapolated
from dfbdesign.fdtd.job import UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import Progress
from dfbdesign.solvers import unit_cell
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.units import nm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.fits import Fits
from dfbdesign.verification.remembered import remembered

SHARPNESS = {"wavelength": 2e-5, "quality factor": 5e-3}
"""Largest relative uncertainty of a difference that makes agreement a statement."""
ACCURACIES = (1e-8, 1e-7, 1e-6)
"""Of the solver's wavelengths, relative: the first that it reaches is taken."""
UNSEEN_LOSS = 1e-6
"""Largest uncertainty of 1/Q with which a mode can be said to lose nothing."""


@dataclass(frozen=True)
class Verification:
    """What two independent methods say about the modes of a device."""

    wavelength: float
    """Vacuum wavelength at which the time domain fits the permittivities [µm]."""
    comparisons: tuple[Comparison, ...]
    wavevector: float | None = None
    """Bloch wavevector [2π/period]; `None` for the band edges."""
    fit_error: float = 0.0
    """Largest relative error of any fitted permittivity between the modes."""

    @property
    def passed(self) -> bool:
        """Whether every quantity agrees."""
        return all(comparison.verdict == "agrees" for comparison in self.comparisons)

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


@remembered
def verify(
    device: Device,
    level: str = "unit-cell",
    progress: Progress | None = None,
    wavevector: float | None = None,
    force: bool = False,
) -> Verification:
    """Compare the modes of the infinite grating with MEEP's, TE or TM.

    What three grids leave undecided is run on a fourth one.

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
    solved, fits = _planned(device, level, wavevector)
    modes = tuple(one.mode for one in solved)
    expected = [(mode.parity, mode.wavelength) for mode in modes]

    def compared(finer: bool) -> tuple[Comparison, ...]:
        found = bloch_modes(device, fits.wavelength, expected, wavevector, progress, force, finer)
        return tuple(
            comparison
            for name, ours, one in zip(_names(modes), solved, found, strict=True)
            for comparison in _compared(name, ours, _with_fit(one, fits, ours.mode))
        )

    comparisons = compared(finer=False)
    if any(one.verdict == "undecided" for one in comparisons):
        with suppress(InputError, MeepMissing):  # too much for this computer: it stays open
            comparisons = compared(finer=True)
    lengths = [mode.wavelength for mode in modes]
    error = fits.error(device, min(lengths), max(lengths))
    return Verification(fits.wavelength, comparisons, wavevector, error)


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
    _, fits = _planned(device, level, wavevector)
    return planned_runs(device, fits.wavelength, wavevector)


@dataclass(frozen=True)
class _Solved:
    """A mode as our solver has it."""

    mode: CellMode
    coarser: CellMode
    """The same mode, usually not as accurate."""

    @property
    def loss_error(self) -> float:
        """Of 1/Q: the change with the accuracy, if that is less than the bound of all errors."""
        bound = 2 * self.mode.wavelength_error / self.mode.wavelength  # of the complex wavenumber
        change = abs(1 / self.mode.quality_factor - 1 / self.coarser.quality_factor)
        return min(bound, change) if change else bound


def _planned(
    device: Device, level: str, wavevector: float | None
) -> tuple[tuple[_Solved, ...], Fits]:
    """The modes as our solver has them, and the fits between them."""
    if level != "unit-cell":
        raise InputError(f'level must be "unit-cell", got "{level}".')
    target = device.need_target().wavelength
    if not any(layer.lines for layer in device.layers):
        raise InputError("the time-domain check needs a layer with lines: add lines to a layer.")
    unit_cell_job(device, target, 1, wavevector)  # refuse before the work starts
    solved = _accurate(device, wavevector, target)
    middle = sum(one.mode.wavelength for one in solved) / len(solved)
    wavelength = round(middle / nm, 2) * nm  # a stored run is found again
    return solved, Fits.of(unit_cell_job(device, wavelength, 1, wavevector))


def _accurate(device: Device, wavevector: float | None, target: float) -> tuple[_Solved, ...]:
    """The modes far more accurate than usual, as far as the solver goes."""
    usual = _nearest(unit_cell.modes(device, wavevector), target)
    for accuracy in ACCURACIES:
        with suppress(NotConverged):
            best = _nearest(unit_cell.modes(device, wavevector, accuracy=accuracy), target)
            return tuple(_Solved(*pair) for pair in zip(best, usual, strict=True))
    return tuple(_Solved(mode, mode) for mode in usual)


def _nearest(found: unit_cell.CellModes, target: float) -> tuple[CellMode, ...]:
    """Both band edges, or without such a pair the two modes next to the target."""
    if found.pair is not None:
        return found.pair
    return tuple(sorted(found.modes, key=lambda mode: abs(mode.wavelength - target))[:2])


def _with_fit(found: BandEdge, fits: Fits, mode: CellMode) -> BandEdge:
    """With what the fits miss, to first order, and so with the safety factor of estimates."""
    wavelength, loss = fits.missed(mode)
    return found.with_fit(CONFIRMED * wavelength, CONFIRMED * loss)


def _names(modes: tuple[CellMode, ...]) -> list[str]:
    """The labels, with the wavelength where they do not tell modes apart."""
    labels: list[str] = [mode.label for mode in modes]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{mode.label} at {mode.wavelength / nm:.1f} nm" for mode in modes]


def _compared(name: str, ours: _Solved, found: BandEdge) -> tuple[Comparison, Comparison]:
    """Wavelength and quality factor; a loss too small for MEEP to see counts as none for both."""
    mode = ours.mode
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
        0.0 if lossless else mode.quality_factor**2 * ours.loss_error,
        quality_factor,
        SHARPNESS["quality factor"] * abs(mode.quality_factor),
    )
