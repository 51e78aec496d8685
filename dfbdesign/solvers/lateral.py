r"""Functions across one period, in which the fields of a mode are expanded.

Both kinds diagonalise $-\mathrm{d}^2/\mathrm{d}x^2$ between the sides of a period, so uniform media
couple none of them; a material inside a patterned slice enters through the integrals of products of
the functions (masses) or of their slopes (stiffnesses) over its regions.

* **Fourier**: cosines and sines, or all plane waves away from the symmetric points. For TE the
  error falls with the third power of their number.
* **Polynomial** (`dfbdesign.solvers.polynomials`): between the walls, recombined into the
  eigenfunctions of the uniform period. TM converges as TE does.

The measure is the mean over the period, so a constant of one is normalised. Axes: batch, sector
(even, odd; or a single one), function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.period import Period

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Lateral:
    """The functions of a batch of periods, and what the slices make of them."""

    square: Real
    """Eigenvalues of -d²/dx², shape (batch, sector, n) [1/µm²]."""
    masses: tuple[tuple[Complex, ...], ...]
    """Per slice, per filling after the first: their overlaps in it, (batch, sector, n, n)."""
    stiffnesses: tuple[tuple[Complex, ...], ...] | None
    """The same for products of slopes [1/µm²]; `None` for plane waves, which TM cannot use."""
    mixing: tuple[Complex, ...]
    """∫(f_o f_e' - f_o' f_e) of odd and even functions: in total, then (with stiffnesses) per slice
    and later filling, shape (batch, n, n) [1/µm]; empty without sectors."""
    transposed: bool
    """Whether x^T takes the place of the left null vector."""
    nodal: Complex | None
    """Coefficients of the polynomials on the elements, shape (batch, sector, polynomial, n)."""
    dual: Complex | None
    """What turns such coefficients back into functions, shape (batch, sector, n, polynomial)."""
    size: int
    """Number of cosines, or degree of the polynomials."""
    functions: Callable[[int, int, Real], tuple[Complex, Complex]]
    """Values and slopes [1/µm] at positions x/period, of one device and sector: (point, n) each."""


def fourier(period: Period, harmonics: int) -> Lateral:
    """Plane waves, or their even and odd combinations.

    Args:
        period: The batch.
        harmonics: Number of cosines, and of sines; plane waves reach as far.

    Returns:
        The functions.
    """
    unit = 2 * pi / period.length
    if period.split:
        return _cosines(period, harmonics, unit)
    orders = np.arange(-harmonics, harmonics + 1)
    lateral = (orders + period.wavevector[:, None]) * unit[:, None]
    differences = orders[:, None] - orders
    masses = tuple(
        tuple(
            _both_ways(part.spectrum(filling, 2 * harmonics))[:, None, differences]
            for filling in part.fillings[1:]
        )
        for part in period.slices
    )

    def functions(row: int, _: int, x: Real) -> tuple[Complex, Complex]:
        phase = np.exp(1j * np.outer(x * period.length[row], lateral[row]))
        return phase, 1j * lateral[row] * phase

    square = lateral[:, None] ** 2
    return Lateral(square, masses, None, (), period.mirror, None, None, harmonics, functions)


def _both_ways(spectrum: Complex) -> Complex:
    """Fourier coefficients of a real function; those of negative order count from the end."""
    return np.concatenate([spectrum, spectrum[:, :0:-1].conj()], axis=1)


def remainder(period: Period, order: int, few: int, many: int) -> Real:
    """What harmonics beyond `many` add to a mode, over what those from `few` to `many` add.

    To second order in the contrast, harmonic m moves a mode of the order's harmonic by the square
    of the Fourier coefficient that couples them, over m².

    Args:
        period: The batch.
        order: Bragg order.
        few: Number of cosines at first.
        many: Number of cosines then.

    Returns:
        Shape (batch,); zero without contrast.
    """
    m = np.arange(few, 8 * many)
    parts = np.zeros((2, len(period.rows)))
    for part in period.slices:
        for filling in part.fillings[1:]:
            size = np.abs(part.spectrum(filling, 8 * many + order // 2)) ** 2
            weight = (size[:, np.abs(m - order // 2)] + size[:, m + order // 2]) / m**2
            parts[0] += weight[:, : many - few].sum(axis=-1)
            parts[1] += weight[:, many - few :].sum(axis=-1)
    found: Real = np.zeros(len(period.rows))
    return np.asarray(np.divide(parts[1], parts[0], out=found, where=parts[1] > 0))


@cache
def _products(harmonics: int, shift: float) -> tuple[Any, ...]:
    """Orders of the cosines and the sines; orders that their products hold; what scales these."""
    even = np.arange(harmonics) + shift
    orders = np.stack([even, even if shift else even + 1])  # sector, n
    norm = np.where(orders == 0, np.sqrt(0.5), 1.0)
    scale = norm[:, :, None] * norm[:, None, :]
    apart = np.rint(np.abs(orders[:, :, None] - orders[:, None, :])).astype(int)
    mirrored = np.rint(orders[:, :, None] + orders[:, None, :]).astype(int)
    sign = np.array([1.0, -1.0])[:, None, None]
    mixing = -2.0 * (orders[1][:, None] == orders[0]) * orders[0] + 0j
    return orders, apart, mirrored, scale, sign * scale, mixing


def _cosines(period: Period, harmonics: int, unit: Real) -> Lateral:
    shift = abs(float(period.wavevector[0]))
    orders, apart, mirrored, scale, turned, mixing = _products(harmonics, shift)
    masses = []
    for part in period.slices:
        spectra = [part.spectrum(j, 2 * harmonics).real + 0j for j in part.fillings[1:]]
        masses.append(tuple(one[:, apart] * scale + one[:, mirrored] * turned for one in spectra))
    lateral = orders * unit[:, None, None]

    def functions(row: int, sector: int, x: Real) -> tuple[Complex, Complex]:
        K, phase = lateral[row, sector], 2 * pi * np.outer(x, orders[sector])
        size = np.where(orders[sector] == 0, 1.0, np.sqrt(2)) + 0j
        if sector == 0:
            return size * np.cos(phase), -size * K * np.sin(phase)
        return size * np.sin(phase), size * K * np.cos(phase)

    mixings = (mixing * unit[:, None, None],)
    return Lateral(lateral**2, tuple(masses), None, mixings, True, None, None, harmonics, functions)
