r"""The grid of a channel cross-section and the permittivity on it.

Grid lines run through the straight edges of the shapes and stretch towards the window's ends, so
that grids of the same `density` ratio are similar and errors fall smoothly with the spacing. Near
an absorbing end the coordinates turn complex (W. C. Chew and W. H. Weedon, Microw. Opt. Technol.
Lett. 7, 599 (1994)), $y \to y + i a d^3 / 3 L^2$ at the depth d in an absorber of thickness L.

A cell with an interface of normal n gets the tensor that keeps the error second order (C. Kottke,
A. Farjadpour and S. G. Johnson, Phys. Rev. E 77, 036611 (2008), Eqs. 4-5): with t along the
interface and means over the cell's area,

$$ \varepsilon_{nn} = 1/a,\quad \varepsilon_{nt} = b/a,\quad \varepsilon_{tt} = c + b^2/a, \qquad
a = \langle 1/\varepsilon_{nn} \rangle,\; b = \langle \varepsilon_{nt}/\varepsilon_{nn} \rangle,\;
c = \langle \varepsilon_{tt} - \varepsilon_{nt}^2/\varepsilon_{nn} \rangle. $$
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log, pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.ridge_geometry import Shape, coverage, visible

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

DENSITIES = (6, 4, 3, 2)
"""Cells per six cells of the stated spacing: that spacing itself, then the coarser grids."""
ATTENUATION = 15.0
"""Exponent by which an absorber damps a wave in vacuum on its way in and back."""
COARSEST = 4.0
"""How much wider than the stated spacing cells may become at the window's ends."""

SLANT = 1e-5
"""Product of the normal's components above which an interface counts as slanted."""


@dataclass(frozen=True)
class Line:
    """Grid lines along one direction, with the points half-way between them."""

    real: Real
    """Where the lines are, every other one half-way, shape (2 n + 1,) [µm]."""
    stretched: Complex
    """Complex coordinates of the same points [µm]."""

    @property
    def cells(self) -> int:
        """Number of cells n."""
        return len(self.real) // 2

    def upper(self) -> "Line":
        """The half above the middle."""
        return Line(self.real[self.cells :], self.stretched[self.cells :])

    def lengths(self) -> Complex:
        """Complex length of each cell, shape (n,) [µm]."""
        return np.asarray(np.diff(self.stretched[::2]))

    def dual_lengths(self) -> Complex:
        """Complex distance between cell centres, half cells at the ends, shape (n + 1,) [µm]."""
        centres = self.stretched[1::2]
        return np.diff(np.concatenate([self.stretched[:1], centres, self.stretched[-1:]]))


def line(
    window: tuple[float, float],
    inner: tuple[float, float],
    edges: Real,
    cell: float,
    density: int,
    absorber: float,
    wavelength: float,
) -> Line:
    """Grid lines through all edges, denser inside than outside.

    Args:
        window: Ends of the grid [µm].
        inner: Between these the spacing is nearly uniform [µm].
        edges: Where lines must run [µm].
        cell: Spacing at the largest density [µm].
        density: Cells per six cells of the stated spacing.
        absorber: Thickness of the absorbing layer at each end, 0 for none [µm].
        wavelength: Vacuum wavelength [µm].

    Returns:
        The lines; mirror-symmetric about the window's middle where the edges are.
    """
    middle = (window[0] + window[1]) / 2
    mirrored = np.allclose(np.sort(2 * middle - edges), np.sort(edges), rtol=0, atol=1e-9)
    centre = [middle] if mirrored else []  # halves must be similar grids of their own
    points = np.unique(np.round([*edges, *window, *inner, *centre], 9))
    points = points[(points >= window[0] - cell / 1000) & (points <= window[1] + cell / 1000)]
    pieces = [np.array([window[0]])]
    for low, high in pairwise(points):
        ratio = COARSEST if high <= inner[0] or low >= inner[1] else 1.0
        pieces.append(_piece(low, high, cell, density, ratio, outwards=low >= middle))
    real = np.concatenate(pieces)
    shift = np.zeros(len(real))
    if absorber > 0:
        strength = ATTENUATION * wavelength / (4 * pi)
        shift -= strength * (np.clip(window[0] + absorber - real, 0, None) / absorber) ** 3
        shift += strength * (np.clip(real - window[1] + absorber, 0, None) / absorber) ** 3
    return Line(real, real + 1j * shift)


def _piece(
    low: float, high: float, cell: float, density: int, ratio: float, outwards: bool
) -> Real:
    """Points after `low` up to `high`, two per cell; the last cell is `ratio` times the first."""
    length = high - low
    group = DENSITIES[0] * cell
    if ratio > 1.01 and length > group:
        growth = log(ratio)
        count = ceil(length * growth / ((ratio - 1) * group)) * density
        place = np.expm1(growth * np.arange(2 * count + 1) / (2 * count)) / (ratio - 1)
    else:
        count = max(1, ceil(length / group - 1e-6)) * density
        place = np.arange(2 * count + 1) / (2 * count)
    if not outwards:
        place = 1 - place[::-1]
    return np.asarray(low + length * place[1:])


@dataclass(frozen=True)
class Averages:
    """What the averaging cells of one field component hold."""

    fractions: Real
    """Share of the area of each material, shape (material, Y, Z)."""
    normal: tuple[Real, Real]
    """Unit normal (y, z) of the interface in each cell, shape (Y, Z) each."""

    def part(self, y: slice, z: slice) -> "Averages":
        """Those of some of the cells."""
        normal = self.normal[0][y, z], self.normal[1][y, z]
        return Averages(self.fractions[:, y, z], normal)

    @property
    def slanted(self) -> NDArray[np.bool_]:
        """Where the interface runs along neither direction, shape (Y, Z)."""
        return np.asarray(np.abs(self.normal[0] * self.normal[1]) > SLANT)

    def mean(self, values: Complex) -> Complex:
        """Mean over the area of one value per material, shape (Y, Z)."""
        return np.asarray(np.tensordot(values, self.fractions, axes=1))

    def inverse(
        self, ordinary: Complex, extraordinary: Complex
    ) -> tuple[Complex, Complex, Complex]:
        """Inverse of the averaged permittivity tensor: its components yy, zz, yz.

        Args:
            ordinary: Permittivity in the plane of each material, shape (material,).
            extraordinary: Permittivity along z, shape (material,).

        Returns:
            The three components, shape (Y, Z) each.
        """
        (a, b, c), _ = self._moments(ordinary, extraordinary, ordinary, extraordinary)
        return self._rotated(a + b**2 / c, -b / c, 1 / c)

    def inverse_slope(
        self, ordinary: Complex, extraordinary: Complex, d_ordinary: Complex, d_along: Complex
    ) -> tuple[Complex, Complex, Complex]:
        """Change of `inverse` per change of the materials' permittivity.

        Args:
            ordinary: Permittivity in the plane, shape (material,).
            extraordinary: Permittivity along z, shape (material,).
            d_ordinary: Change of `ordinary`.
            d_along: Change of `extraordinary`.

        Returns:
            Change of yy, zz, yz, shape (Y, Z) each.
        """
        (_, b, c), (da, db, dc) = self._moments(ordinary, extraordinary, d_ordinary, d_along)
        r = b / c
        return self._rotated(da + 2 * r * db - r**2 * dc, (r * dc - db) / c, -dc / c**2)

    def _moments(
        self, ordinary: Complex, extraordinary: Complex, d_ordinary: Complex, d_along: Complex
    ) -> tuple[tuple[Complex, ...], tuple[Complex, ...]]:
        """The means a, b, c and their change."""
        y, z = self.normal
        zero = np.zeros(y.shape, dtype=np.result_type(ordinary, extraordinary, d_ordinary, d_along))
        moments, changes = [zero] * 3, [zero] * 3
        for share, o, e, do, de in zip(
            self.fractions, ordinary, extraordinary, d_ordinary, d_along, strict=True
        ):
            nn, nt, tt = y**2 * o + z**2 * e, y * z * (e - o), z**2 * o + y**2 * e
            dnn, dnt, dtt = y**2 * do + z**2 * de, y * z * (de - do), z**2 * do + y**2 * de
            r = nt / nn
            terms = 1 / nn, r, tt - nt * r
            slopes = -dnn / nn**2, (dnt - r * dnn) / nn, dtt - 2 * r * dnt + r**2 * dnn
            moments = [sum_ + share * term for sum_, term in zip(moments, terms, strict=True)]
            changes = [sum_ + share * slope for sum_, slope in zip(changes, slopes, strict=True)]
        return tuple(moments), tuple(changes)

    def _rotated(self, nn: Complex, nt: Complex, tt: Complex) -> tuple[Complex, Complex, Complex]:
        """Components yy, zz, yz of a tensor given along and across the interface."""
        y, z = self.normal
        cross = 2 * y * z * nt
        return (
            y**2 * nn - cross + z**2 * tt,
            z**2 * nn + cross + y**2 * tt,
            y * z * (nn - tt) + (y**2 - z**2) * nt,
        )


def averages(
    shapes: tuple[Shape, ...], permittivity: Real, y: Line, z: Line
) -> dict[str, Averages]:
    """Fill and interface normal around every field component.

    Args:
        shapes: In painting order; material 0 is the background.
        permittivity: Real part per material, shape (material,): where three materials meet in a
            cell, the normal is that of the permittivity's mean gradient.
        y: Lines across the ridge.
        z: Lines upwards.

    Returns:
        For "x" (grid points; E_x), "y" (middles of cell sides along y; E_y) and "z" (E_z).
    """
    count = len(permittivity)
    fine = np.zeros((count, 2 * y.cells, 2 * z.cells))
    gradient_y = np.zeros((2, 2 * y.cells + 1, 2 * z.cells))
    gradient_z = np.zeros((2, 2 * y.cells, 2 * z.cells + 1))
    for material, polygons in visible(shapes):
        covered = coverage(polygons, y.real, z.real)
        fine[material] += covered.area
        contrast = permittivity[material] - permittivity[0]
        gradient_y += contrast * np.array(covered.along_z)
        gradient_z += contrast * np.array(covered.along_y)
    fine[0] += np.outer(np.diff(y.real), np.diff(z.real)) - fine.sum(axis=0)
    at, on = "points", "sides"
    around = {
        name: _around(fine, gradient_y, gradient_z, _groups(kinds[0], y), _groups(kinds[1], z))
        for name, kinds in {"x": (at, at), "y": (on, at), "z": (at, on)}.items()
    }
    return around | {"x": _without_corners(around)}


def _without_corners(around: dict[str, Averages]) -> Averages:
    """Those at the points, where corners of upright shapes are not taken for slanted walls."""
    beside = np.pad(around["y"].slanted, ((1, 1), (0, 0)))
    above = np.pad(around["z"].slanted, ((0, 0), (1, 1)))
    slanted = beside[1:] | beside[:-1] | above[:, 1:] | above[:, :-1]
    y, z = around["x"].normal
    return Averages(around["x"].fractions, (np.where(slanted, y, 1.0), np.where(slanted, z, 0.0)))


def _groups(kind: str, along: Line) -> NDArray[np.intp]:
    """First half-cell of the averaging cells around grid points or cell sides, and the end."""
    last = 2 * along.cells
    odd = np.arange(1, last, 2)
    return np.concatenate([[0], odd, [last]]) if kind == "points" else np.arange(0, last + 1, 2)


def _around(
    fine: Real, gradient_y: Real, gradient_z: Real, y: NDArray[np.intp], z: NDArray[np.intp]
) -> Averages:
    area = np.add.reduceat(np.add.reduceat(fine, y[:-1], axis=1), z[:-1], axis=2)
    area = np.clip(area, 0, None)
    before, after = np.add.reduceat(gradient_y, z[:-1], axis=2)
    across = before[y[1:]] - after[y[:-1]]
    before, after = np.add.reduceat(gradient_z, y[:-1], axis=1)
    upwards = before[:, z[1:]] - after[:, z[:-1]]
    size = np.hypot(across, upwards)
    uniform = size <= 1e-9 * size.max(initial=1e-300)
    size[uniform], across[uniform], upwards[uniform] = 1.0, 1.0, 0.0
    return Averages(area / area.sum(axis=0), (across / size, upwards / size))
