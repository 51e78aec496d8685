"""Materials at complex wavenumbers: permittivity and its slope, with gain."""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.materials import Axis, Material

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Medium:
    """Permittivity of one material near one wavenumber: value and slope against k = ω/c."""

    ordinary: Complex
    extraordinary: Complex
    ordinary_slope: Complex
    extraordinary_slope: Complex


def medium(material: Material, wavenumber: Complex, about: float | None) -> Medium:
    """Permittivity of a dispersive material at complex wavenumbers.

    Data exist for real wavelengths only: the permittivity is continued to first order, from the
    real part of each wavenumber, or from one given real wavenumber.

    Args:
        material: The material.
        wavenumber: Complex k = ω/c, shape (...) [1/µm].
        about: Real wavenumber to continue from; `None` for the real part of each.

    Returns:
        The permittivity and its slope against k, shape (...) each.
    """
    start = np.real(wavenumber) if about is None else np.full(wavenumber.shape, about)
    wavelength = 2 * pi / start

    def along(axis: Axis) -> tuple[Complex, Complex]:
        slope = -material.permittivity_slope(wavelength, axis) * wavelength / start
        return material.permittivity(wavelength, axis) + slope * (wavenumber - start), slope

    ordinary, ordinary_slope = along("ordinary")
    if not material.is_uniaxial:
        return Medium(ordinary, ordinary, ordinary_slope, ordinary_slope)
    extraordinary, extraordinary_slope = along("extraordinary")
    return Medium(ordinary, extraordinary, ordinary_slope, extraordinary_slope)


def amplified(medium: Medium, wavenumber: Complex, gain: float) -> Medium:
    """A medium with material gain added: n → n - i g / (2 k).

    Args:
        medium: The medium without gain.
        wavenumber: Complex k = ω/c, shape (...) [1/µm].
        gain: Material gain (power) [1/µm].

    Returns:
        The medium with gain.
    """
    if gain == 0:
        return medium

    def add(value: Complex, slope: Complex) -> tuple[Complex, Complex]:
        index = np.sqrt(value)
        raised = index - 0.5j * gain / wavenumber
        index_slope = slope / (2 * index) + 0.5j * gain / wavenumber**2
        return raised**2, 2 * raised * index_slope

    ordinary, ordinary_slope = add(medium.ordinary, medium.ordinary_slope)
    extraordinary, extraordinary_slope = add(medium.extraordinary, medium.extraordinary_slope)
    return Medium(ordinary, extraordinary, ordinary_slope, extraordinary_slope)
