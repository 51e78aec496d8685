"""Modes of a family of waveguides over width and wavelength, followed through crossings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dfbdesign.errors import NoGuidedMode
from dfbdesign.solvers.ridge import TRUSTED_OVERLAP
from dfbdesign.solvers.ridge_mode import overlap
from dfbdesign.waveguides.waveguide import ChannelMode, Waveguide, ridge

if TYPE_CHECKING:
    import xarray

QUANTITIES = {
    "n_eff": "effective index",
    "n_eff_error": "estimated error of n_eff",
    "n_group": "group index",
    "te_fraction": "share of E across",
    "effective_area": "effective area",
}
"""What a map holds, by its name in `ChannelMode`."""


def dispersion_map(
    of_width: Callable[[float], Waveguide], width: ArrayLike, wavelength: ArrayLike
) -> "xarray.Dataset":
    """Effective and group index, polarisation and area of all modes, as a labelled table.

    A mode keeps its number along the map, however the indices cross: it is known again by its
    field. Where it is not guided its entries are missing.

    Args:
        of_width: The waveguide of each width [µm].
        width: Widths, ascending, in steps small enough for fields to stay alike [µm].
        wavelength: Vacuum wavelengths, ascending [µm].

    Returns:
        Dataset with the dimensions wavelength, width and mode.

    Raises:
        InputError: If a stated window is too small.
        NotConverged: If the eigensolver fails.
        NoGuidedMode: If no point of the map guides anything.
    """
    import xarray

    widths, wavelengths = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (width, wavelength))
    slots: list[dict[tuple[int, int], ChannelMode]] = []
    for row, vacuum in enumerate(wavelengths):
        before: dict[int, ChannelMode] = {}
        for column, one in enumerate(widths):
            above = (row - 1, column)
            before = {n: slot[above] for n, slot in enumerate(slots) if above in slot} | before
            before = _continued(before, _modes(of_width(float(one)), float(vacuum)), len(slots))
            for number, mode in before.items():
                if number == len(slots):
                    slots.append({})
                slots[number][row, column] = mode
    if not slots:
        raise NoGuidedMode("no waveguide of the map guides a mode. Widen them.")
    data = {}
    for name, text in QUANTITIES.items():
        values = np.full((len(wavelengths), len(widths), len(slots)), np.nan)
        for number, slot in enumerate(slots):
            for place, mode in slot.items():
                values[(*place, number)] = np.real(getattr(mode, name))
        data[name] = (("wavelength", "width", "mode"), values, {"long_name": text})
    axes = {"wavelength": wavelengths, "width": widths, "mode": np.arange(len(slots))}
    found = xarray.Dataset(data, axes)
    for axis in ("wavelength", "width"):
        found[axis].attrs["units"] = "um"
    found["effective_area"].attrs["units"] = "um2"
    return found


def _modes(waveguide: Waveguide, wavelength: float) -> Sequence[ChannelMode]:
    try:
        return ridge(waveguide, wavelength).modes
    except NoGuidedMode:
        return ()


def _continued(
    before: dict[int, ChannelMode], found: Sequence[ChannelMode], first_new: int
) -> dict[int, ChannelMode]:
    """The found modes by the number of the mode each resembles most, new ones numbered on."""
    from scipy.optimize import linear_sum_assignment

    numbers = list(before)
    alike = np.array([[abs(overlap(before[n].field, new.field)) for new in found] for n in numbers])
    alike = alike.reshape(len(numbers), len(found))
    rows, columns = linear_sum_assignment(-(alike**2))
    pairs = zip(rows, columns, strict=True)
    named = {int(c): numbers[r] for r, c in pairs if alike[r, c] > TRUSTED_OVERLAP}
    for column in range(len(found)):
        if column not in named:
            named[column] = first_new
            first_new += 1
    return {number: found[column] for column, number in named.items()}
