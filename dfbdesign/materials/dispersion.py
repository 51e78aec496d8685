r"""Dispersion formulas: permittivity against vacuum wavelength, as the sources print them.

Wavelengths $\lambda$ are in µm, coefficients as printed. Each formula turns a coefficient list into
a complex permittivity; a table is interpolated monotonically (PCHIP) in n and k.

| formula | equation | coefficients |
|---|---|---|
| `constant` | $n$ | $n'$, $n''$ |
| `sellmeier` | $n^2 = 1 + c_0 + \sum B_i\lambda^2/(\lambda^2 - C_i^2)$ | $c_0, B_1, C_1, \dots$ |
| `sellmeier-squared` | the same with $C_i$ already squared | $c_0, B_1, C_1, \dots$ |
| `power-squared` | $n^2 = c_0 + \sum c_i \lambda^{p_i}$ | $c_0, c_1, p_1, \dots$ |
| `power` | $n = c_0 + \sum c_i \lambda^{p_i}$ | $c_0, c_1, p_1, \dots$ |
| `devore` | $n^2 = A + B/(\lambda^2 - C)$ | $A, B, C$ |
| `gas` | $n = 1 + \sum B_i/(C_i - \lambda^{-2})$ | $B_1, C_1, \dots$ |
| `film` | $n^2 = A + B\lambda^2/(\lambda^2 - C^2) - D\lambda^2$ | $A, B, C, D$ |
| `table` | n and k against wavelength | rows of wavelength, n, k |
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


def _pairs(coefficients: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip(coefficients[::2], coefficients[1::2], strict=True))


def _constant(c: tuple[float, ...], wavelength: Real) -> Complex:
    return np.full(wavelength.shape, complex(*c) ** 2, dtype=complex)


def _sum(terms: Iterable[Real]) -> Complex:
    return np.asarray(sum(terms), dtype=complex)


def _sellmeier(c: tuple[float, ...], wavelength: Real) -> Complex:
    square = wavelength**2
    return 1 + c[0] + _sum(b * square / (square - r**2) for b, r in _pairs(c[1:]))


def _sellmeier_squared(c: tuple[float, ...], wavelength: Real) -> Complex:
    square = wavelength**2
    return 1 + c[0] + _sum(b * square / (square - r) for b, r in _pairs(c[1:]))


def _power_squared(c: tuple[float, ...], wavelength: Real) -> Complex:
    return c[0] + _sum(a * wavelength**p for a, p in _pairs(c[1:]))


def _power(c: tuple[float, ...], wavelength: Real) -> Complex:
    return _power_squared(c, wavelength) ** 2


def _devore(c: tuple[float, ...], wavelength: Real) -> Complex:
    a, b, r = c
    return np.asarray(a + b / (wavelength**2 - r), dtype=complex)


def _gas(c: tuple[float, ...], wavelength: Real) -> Complex:
    return (1 + _sum(b / (r - wavelength**-2) for b, r in _pairs(c))) ** 2


def _film(c: tuple[float, ...], wavelength: Real) -> Complex:
    a, b, r, d = c
    square = wavelength**2
    return np.asarray(a + b * square / (square - r**2) - d * square, dtype=complex)


FORMULAS: dict[str, Callable[[tuple[float, ...], Real], Complex]] = {
    "constant": _constant,
    "sellmeier": _sellmeier,
    "sellmeier-squared": _sellmeier_squared,
    "power-squared": _power_squared,
    "power": _power,
    "devore": _devore,
    "gas": _gas,
    "film": _film,
}


@cache
def _interpolator(rows: tuple[tuple[float, float, float], ...]) -> Callable[[Real], Real]:
    from scipy.interpolate import PchipInterpolator  # heavy to load, needed by tables alone

    table = np.array(rows)
    interpolate: Callable[[Real], Real] = PchipInterpolator(table[:, 0], table[:, 1:])
    return interpolate


@dataclass(frozen=True)
class Dispersion:
    """Permittivity along one axis of a material, without range check."""

    formula: str
    """A key of `FORMULAS`, or "table"."""
    coefficients: tuple[float, ...] = ()
    """Coefficients as printed in the source."""
    rows: tuple[tuple[float, float, float], ...] = ()
    """Rows of a table: wavelength [µm], n, k; wavelengths ascend."""
    index_offset: float = 0.0
    """Added to the refractive index, as found by calibration on a measured laser."""

    @property
    def is_constant(self) -> bool:
        """Whether the index is the same at every wavelength."""
        return self.formula == "constant"

    def permittivity(self, wavelength: ArrayLike) -> Complex:
        """Complex relative permittivity, Im > 0 absorbing.

        Args:
            wavelength: Vacuum wavelength, any shape [µm].

        Returns:
            Permittivity of the same shape.
        """
        wavelength = np.asarray(wavelength, dtype=float)
        if self.formula == "table":
            n, k = np.moveaxis(_interpolator(self.rows)(wavelength), -1, 0)
            value = (n + 1j * k) ** 2
        else:
            value = FORMULAS[self.formula](self.coefficients, wavelength)
        if self.index_offset:
            value = (np.sqrt(value) + self.index_offset) ** 2
        return np.asarray(value, dtype=complex)

    def slope(self, wavelength: ArrayLike) -> Complex:
        """Derivative of the permittivity with respect to wavelength [1/µm].

        A fourth-order central difference: its error, about 1e-11 of the permittivity, multiplies
        the small imaginary part of a frequency wherever this is used.

        Args:
            wavelength: Vacuum wavelength, any shape [µm].

        Returns:
            d(permittivity)/d(wavelength) of the same shape.
        """
        wavelength = np.asarray(wavelength, dtype=float)
        step = 1e-3 * wavelength
        near = self.permittivity(wavelength + step) - self.permittivity(wavelength - step)
        far = self.permittivity(wavelength + 2 * step) - self.permittivity(wavelength - 2 * step)
        return np.asarray((8 * near - far) / (12 * step))
