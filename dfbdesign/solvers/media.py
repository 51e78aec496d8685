"""Materials at complex wavenumbers: permittivity and its slope, with gain."""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.materials import Axis, Material
from dfbdesign.solvers.period import Filling

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Medium:
    """Permittivity of one filling near given wavenumbers: value and slope against k = ω/c."""

    ordinary: Complex
    extraordinary: Complex
    ordinary_slope: Complex
    extraordinary_slope: Complex
    still: bool = False
    """Whether both slopes are zero everywhere."""

    def amplified(self, wavenumber: Complex, gain: Real) -> "Medium":
        """The medium with material gain added: n → n - i g / (2 k).

        Args:
            wavenumber: Complex k = ω/c [1/µm].
            gain: Material gain (power) [1/µm].

        Returns:
            The medium with gain.
        """

        def add(value: Complex, slope: Complex) -> tuple[Complex, Complex]:
            index = np.sqrt(value)
            raised = index - 0.5j * gain / wavenumber
            index_slope = slope / (2 * index) + 0.5j * gain / wavenumber**2
            return raised**2, 2 * raised * index_slope

        ordinary, ordinary_slope = add(self.ordinary, self.ordinary_slope)
        extraordinary, extraordinary_slope = add(self.extraordinary, self.extraordinary_slope)
        return Medium(ordinary, extraordinary, ordinary_slope, extraordinary_slope)


def medium(
    filling: Filling, wavenumber: Complex, row: NDArray[np.int64], about: float | None
) -> Medium:
    """Permittivity of what fills a region, at complex wavenumbers.

    Data exist for real wavelengths only: the permittivity is continued to first order, from the
    real part of each wavenumber, or from one given real wavenumber.

    Args:
        filling: The materials of a batch of devices.
        wavenumber: Complex k = ω/c, shape (solve,) [1/µm].
        row: The device that each wavenumber belongs to, shape (solve,).
        about: Real wavenumber to continue from; `None` for the real part of each.

    Returns:
        The permittivity and its slope against k, shape (solve,) each.
    """
    if filling.constant is not None:
        o, e = (values[row if len(values) > 1 else 0 * row] for values in filling.constant)
        still = np.zeros_like(wavenumber)
        return Medium(o, e, still, still, True)
    kinds, kind, offset = filling.kinds
    place = row if len(kind) > 1 else 0 * row
    if len(kinds) == 1:
        return _of(kinds[0], wavenumber, about, offset[place])
    o, e, o_slope, e_slope = (np.empty_like(wavenumber) for _ in range(4))
    whole = Medium(o, e, o_slope, e_slope)
    for number, material in enumerate(kinds):
        here = kind[place] == number
        part = _of(material, wavenumber[here], about, offset[place[here]])
        for name in ("ordinary", "extraordinary", "ordinary_slope", "extraordinary_slope"):
            getattr(whole, name)[here] = getattr(part, name)
    return whole


def _of(material: Material, wavenumber: Complex, about: float | None, offset: Real) -> Medium:
    start = np.real(wavenumber) if about is None else np.full(wavenumber.shape, about)
    wavelength = 2 * pi / start

    def along(axis: Axis) -> tuple[Complex, Complex]:
        value = material.permittivity(wavelength, axis)
        slope = -material.permittivity_slope(wavelength, axis) * wavelength / start
        if offset.any():
            index = np.sqrt(value)
            value, slope = np.square(index + offset), slope * (1 + offset / index)
        return value + slope * (wavenumber - start), slope

    ordinary, ordinary_slope = along("ordinary")
    if not material.is_uniaxial:
        return Medium(ordinary, ordinary, ordinary_slope, ordinary_slope)
    extraordinary, extraordinary_slope = along("extraordinary")
    return Medium(ordinary, extraordinary, ordinary_slope, extraordinary_slope)
