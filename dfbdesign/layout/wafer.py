r"""Wafers: as many chips as fit on a round wafer with a flat.

The wafer's centre is the origin and its flat, of length f, lies along x at the bottom, at

$$ y_f = -\sqrt{R^2 - f^2 / 4} $$

for a radius R. All four corners of a chip must be at least the edge exclusion away from the rim and
from the flat. Chips stand on a lattice with streets between them, which is shifted until it holds
most; of equal lattices the most central is taken.
"""

from math import asin, pi, sqrt
from typing import Self

import gdstk
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from dfbdesign.checks import positive
from dfbdesign.errors import InputError
from dfbdesign.schema import Length, Part
from dfbdesign.units import mm, um

_SHIFTS = 24  # of the lattice along each axis
_RIM_POINTS = 180  # of the drawn outline


class Wafer(Part):
    """A round wafer with a flat; the default is 2-inch sapphire."""

    diameter: Length = 50.8 * mm
    flat: Length = 16 * mm
    """Length of the flat; 0 for none."""
    edge_exclusion: Length = 2 * mm
    """Strip along rim and flat that holds no chip."""
    street: Length = 200 * um
    """Between chips, for the saw."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("diameter (in um)", self.diameter)
        for name in ("flat", "edge_exclusion", "street"):
            if not 0 <= getattr(self, name) < self.diameter / 2:
                raise InputError(
                    f"{name} must lie between 0 and the radius, {self.diameter / 2 / mm:g} mm, "
                    f"got {getattr(self, name) / mm:g} mm."
                )
        return self

    @property
    def flat_height(self) -> float:
        """Where the flat lies along y [µm]."""
        return -sqrt((self.diameter / 2) ** 2 - (self.flat / 2) ** 2)


def packed(wafer: Wafer, size: tuple[float, float]) -> NDArray[np.float64]:
    """Lower left corners of all chips that fit, row by row from the bottom.

    Args:
        wafer: The wafer.
        size: Width and height of a chip [µm].

    Returns:
        Corners from the centre of the wafer, shape (chip, 2) [µm].

    Raises:
        InputError: If no chip fits.

    Examples:
        >>> len(packed(Wafer(), (10 * mm, 10 * mm)))
        12
    """
    pitch = np.asarray(size) + wafer.street
    reach = int(np.ceil(wafer.diameter / pitch.min() / 2)) + 1
    number = np.arange(-reach, reach + 1)
    best, spread = np.empty((0, 2)), np.inf
    for shift_y in np.arange(_SHIFTS) / _SHIFTS:
        for shift_x in np.arange(_SHIFTS) / _SHIFTS:
            y, x = np.meshgrid(number + shift_y, number + shift_x, indexing="ij")
            corners = np.stack([x.ravel(), y.ravel()], axis=1) * pitch
            found = corners[_fits(wafer, corners, size)]
            off = float(((found + np.asarray(size) / 2) ** 2).sum())
            if (-len(found), round(off)) < (-len(best), round(spread) if len(best) else 0):
                best, spread = found, off
    if not len(best):
        raise InputError(
            f"no chip of {size[0] / mm:.3g} mm x {size[1] / mm:.3g} mm fits on the wafer. "
            "Choose a smaller chip."
        )
    return best


def _fits(
    wafer: Wafer, corners: NDArray[np.float64], size: tuple[float, float]
) -> NDArray[np.bool_]:
    x, y = corners.T
    farthest = np.hypot(np.maximum(abs(x), abs(x + size[0])), np.maximum(abs(y), abs(y + size[1])))
    inside = farthest <= wafer.diameter / 2 - wafer.edge_exclusion
    above = y >= wafer.flat_height + wafer.edge_exclusion
    both: NDArray[np.bool_] = inside & above
    return both


def wafer_outline(wafer: Wafer, layer: int) -> gdstk.Polygon:
    """The rim and the flat, for the eye.

    Args:
        wafer: The wafer.
        layer: GDS layer, which is not exposed.

    Returns:
        One polygon.
    """
    half = asin(wafer.flat / wafer.diameter)
    angle = np.linspace(-pi / 2 + half, 3 * pi / 2 - half, _RIM_POINTS)
    points = wafer.diameter / 2 * np.exp(1j * angle)
    return gdstk.Polygon([(point.real, point.imag) for point in points], layer=layer)
