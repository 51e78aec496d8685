r"""The guided wave of the film beyond a finite grating, as the grid of a run carries it: TE.

A grid slows the guided wave down. On columns as wide as a pixel its own slab mode $\varphi_j$, with
the transformed materials of `nodes` at the nodes j and between them,

$$ \delta_z \frac{1}{\mu_x} \delta_z \varphi
   + \Bigl(\frac{2}{\Delta t} \sin\frac{\omega\Delta t}{2}\Bigr)^2 \epsilon_y \varphi
   = \Bigl(2\sin\frac{\beta h}{2}\Bigr)^2 \frac{1}{\mu_z} \varphi , $$

says by how much: the frequency at which the grid has the wanted β is where things happen on it. The
same mode splits the field on a column into waves of either direction, exactly on that grid: modes
are orthogonal with the weight $1/\mu_z$.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from math import asin, pi, sin, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.errors import NoGuidedMode
from dfbdesign.fdtd.finite_cell import Grid
from dfbdesign.fdtd.grids import refined
from dfbdesign.fdtd.nodes import nodes
from dfbdesign.fdtd.slabs import Slab

Real = NDArray[np.float64]

FINE = 8
"""How much finer the grid is that stands for none."""


@dataclass(frozen=True)
class Film:
    """A column of nodes beyond the grating, between the absorbing layers below and above."""

    pixel: float
    """Nominal size, and width of the columns there [µm]."""
    courant: float
    permittivity: Real
    """ε_y, shape (node,)."""
    across: Real
    """1/μ_x between the nodes and beyond the last ones, shape (node + 1,)."""
    weight: Real
    """1/μ_z, shape (node,)."""


def film(grid: Grid, fine: int = 1) -> Film:
    """The film beyond the ends of a grating.

    Args:
        grid: The whole device.
        fine: How many times finer the rows and columns shall be.

    Returns:
        Its nodes.
    """
    pixel = grid.pixel / fine
    numbers = asdict(
        replace(
            grid,
            pixel=pixel,
            columns=((pixel, 1),),
            rows=refined(grid.rows, fine),
            slabs=tuple(
                Slab(one.top, (), (value,))
                for one, value in zip(grid.slabs, grid.film, strict=True)
            ),
        )
    )
    values = nodes(numbers)
    _, below, above = (fine * count for count in grid.absorber)
    inside = slice(below + 1, len(values.permittivity["y"]) - above - 1)
    return Film(
        pixel=pixel,
        courant=grid.courant,
        permittivity=values.permittivity["y"][inside, 0].real,
        across=1 / values.permeability["x"][below : -above or None, 0],
        weight=1 / values.permeability["z"][inside, 0],
    )


def guided(part: Film, frequency: float) -> tuple[float, Real]:
    """The guided mode at a frequency.

    Args:
        part: The film on its grid.
        frequency: [1/µm]

    Returns:
        Wavenumber [1/µm], and field at the nodes with a largest value of 1.

    Raises:
        NoGuidedMode: If the film guides no wave.
    """
    from scipy.linalg import eigh_tridiagonal

    omega = 2 * sin(pi * frequency * part.pixel * part.courant) / part.courant
    size, root = len(part.weight), np.sqrt(part.weight)
    diagonal = omega**2 * part.permittivity - part.across[:-1] - part.across[1:]
    found, shape = eigh_tridiagonal(
        diagonal / part.weight,
        part.across[1:-1] / (root[:-1] * root[1:]),
        select="i",
        select_range=(size - 1, size - 1),
    )
    outside = omega**2 * (part.permittivity / part.weight)[[0, -1]].max()
    if not found[0] > outside:
        raise NoGuidedMode("the film beyond the grating guides no wave: make it thicker.")
    profile = shape[:, 0] / root
    profile /= profile[np.abs(profile).argmax()]
    return 2 * asin(sqrt(found[0]) / 2) / part.pixel, np.asarray(profile)


def on_grid(grid: Grid, frequencies: ArrayLike) -> Real:
    """Where the grid has the wavenumbers that the film has at these frequencies.

    Args:
        grid: The whole device.
        frequencies: 1 / vacuum wavelength, shape (frequency,) [1/µm].

    Returns:
        Frequencies on the grid, of the same shape [1/µm].

    Raises:
        NoGuidedMode: If the film guides no wave.
    """
    there, exact = _wavenumbers(grid)
    asked = np.asarray(frequencies, dtype=float).tolist()
    return np.array([_matched(exact(one), there, one) for one in asked])


def off_grid(grid: Grid, frequency: complex) -> complex:
    """Where the film has the wavenumber that the grid has: what the grid slows down is put right.

    Args:
        grid: The whole device.
        frequency: Of an oscillation on the grid, not far from the real axis [1/µm].

    Returns:
        Its frequency, that on the grid in the limit of small pixels [1/µm].

    Raises:
        NoGuidedMode: If the film guides no wave.
    """
    there, exact = _wavenumbers(grid)
    found = _matched(there(frequency.real), exact, frequency.real)
    slope = _slope(there, frequency.real) / _slope(exact, found)
    return complex(found, frequency.imag * slope)


Wavenumber = Callable[[float], float]
"""Of a frequency."""


def _wavenumbers(grid: Grid) -> tuple[Wavenumber, Wavenumber]:
    """Of the film on the grid, and without one."""
    coarse, fine = film(grid), film(grid, fine=FINE)

    @cache
    def there(frequency: float) -> float:
        return guided(coarse, frequency)[0]

    def exact(frequency: float) -> float:
        # What is left of the error at FINE is FINE² times smaller, and taken out as well.
        found = guided(fine, frequency)[0]
        return found - (there(frequency) - found) / (FINE**2 - 1)

    return there, cache(exact)


def _matched(wanted: float, wavenumber: Wavenumber, guess: float) -> float:
    """The frequency of a wavenumber."""
    for _ in range(3):
        guess += (wanted - wavenumber(guess)) / _slope(wavenumber, guess)
    return guess


def _slope(wavenumber: Wavenumber, frequency: float) -> float:
    step = 1e-4 * frequency
    return (wavenumber(frequency + step) - wavenumber(frequency - step)) / (2 * step)
