"""Polynomials between the walls of a period, in which the fields of a mode are expanded.

Integrated Legendre polynomials, as $p$-version finite elements (Babuška, Szabó, Katz, SIAM J.
Numer. Anal. 18, 515 (1981)), recombined into the eigenfunctions of the uniform period. No
discontinuous product is expanded, so TM converges as TE does. Axes as in
`dfbdesign.solvers.lateral`; columns are the polynomials of an element.
"""

from dataclasses import dataclass
from functools import cache
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.lateral import Complex, Lateral, Real
from dfbdesign.solvers.period import Period, Slice

NARROWEST = 1e-4
"""Walls closer than this fraction of a period share an element."""


@dataclass(frozen=True)
class _Elements:
    """Polynomials on a row of elements, before boundary conditions."""

    edges: Real
    """Shape (batch, element + 1) [period]."""
    degrees: tuple[int, ...]

    @property
    def size(self) -> int:
        return 1 + sum(self.degrees)

    def columns(self, element: int) -> NDArray[np.int64]:
        """Unknowns of an element: its two ends, then what vanishes there."""
        start = len(self.degrees) + 1 + sum(d - 1 for d in self.degrees[:element])
        inner = np.arange(start, start + self.degrees[element] - 1)
        return np.concatenate([[element, element + 1], inner])

    def values(self, element: int, x: Real) -> tuple[Real, Real]:
        """Functions and slopes [1/period] at x, shape (batch, point) -> (batch, point, column)."""
        low, high = self.edges[:, element, None], self.edges[:, element + 1, None]
        value, slope = _shapes(self.degrees[element], 2 * (x - low) / (high - low) - 1)
        return value, slope * (2 / (high - low))[..., None]

    def products(self, element: int, low: Real, high: Real) -> tuple[Real, Real, Real]:
        """Masses, stiffnesses and f g' over part of an element, shape (batch, column, column)."""
        nodes, weights = _gauss(self.degrees[element] + 1)
        x = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
        value, slope = self.values(element, x)
        w = ((high - low)[:, None] * weights / 2)[..., None]
        left, right = np.swapaxes(value, -1, -2), np.swapaxes(slope, -1, -2)
        return left @ (w * value), right @ (w * slope), left @ (w * slope)


_gauss = cache(np.polynomial.legendre.leggauss)


def _shapes(degree: int, x: Real) -> tuple[Real, Real]:
    """Two hats and the integrated Legendre polynomials on [-1, 1], and their slopes."""
    legendre = [np.ones_like(x), x]
    for j in range(2, degree + 1):
        legendre.append(((2 * j - 1) * x * legendre[-1] - (j - 1) * legendre[-2]) / j)
    value, slope = [(1 - x) / 2, (1 + x) / 2], [np.full_like(x, -0.5), np.full_like(x, 0.5)]
    for j in range(2, degree + 1):
        norm = np.sqrt(2 * (2 * j - 1))
        value.append((legendre[j] - legendre[j - 2]) / norm)
        slope.append(legendre[j - 1] * (2 * j - 1) / norm)
    return np.stack(value, axis=-1), np.stack(slope, axis=-1)


def polynomial(period: Period, degree: int, key: NDArray[np.int64] | None = None) -> Lateral:
    """Polynomials between the walls, recombined to diagonalise the uniform period.

    Args:
        period: The batch.
        degree: Degree in an element as wide as half a period; others in proportion, or as the
            square root if they are narrower. All rows must have the same `mesh_key`.
        key: Key of the mesh to take; `None` for that of the period and the degree.

    Returns:
        The functions.
    """
    elements = _mesh(period, mesh_key(period, degree) if key is None else key)
    size = elements.size
    joined, total = _joined(period, elements)
    vectors, squares = [], []
    mass, stiffness, _ = (np.sum(parts, axis=0) for parts in zip(*total, strict=True))
    for keep in joined:
        adjoint = np.swapaxes(keep, -1, -2).conj()
        q, v = _eigenfunctions(adjoint @ stiffness @ keep, adjoint @ mass @ keep)
        squares.append(q)
        vectors.append(_in_phase(period, elements, keep @ v))
    n = max(q.shape[-1] for q in squares)
    V = np.stack([_filled(v, n, 0.0) for v in vectors], axis=1)
    unit = period.length[:, None, None]
    # a sector with fewer functions gets some that nothing couples, too steep to be seen
    square = np.stack([_filled(q, n, q.max()) for q in squares], axis=1) / unit**2
    adjoint = np.swapaxes(V, -1, -2).conj()
    masses, stiffnesses = [], []
    mixings: list[Complex] = []
    for part in period.slices:
        integrals = [_integrals(part, j, elements, total, size) for j in part.fillings[1:]]
        masses.append(tuple(adjoint @ m[:, None] @ V for m, _, _ in integrals))
        stiffnesses.append(
            tuple(adjoint @ s[:, None] @ V / unit[..., None] ** 2 for _, s, _ in integrals)
        )
        mixings.extend(_mixed(c, V) / unit for _, _, c in integrals if period.split)
    cross = np.sum([one[2] for one in total], axis=0)
    mixing = (_mixed(cross, V) / unit, *mixings) if period.split else ()

    def functions(row: int, sector: int, x: Real) -> tuple[Complex, Complex]:
        return _evaluated(period, elements, V[row, sector], row, sector, x)

    return Lateral(
        square,
        tuple(masses),
        tuple(stiffnesses),
        mixing,
        period.split,
        V,
        adjoint @ mass[:, None],
        degree,
        functions,
    )


def _in_phase(period: Period, elements: _Elements, V: Complex) -> Complex:
    """Eigenfunctions with a positive value or slope at x = 0, as cosine and sine have."""
    number = int(np.searchsorted(elements.edges[0], 0.0, side="right")) - 1
    value, slope = elements.values(number, np.zeros((len(V), 1)))
    columns = elements.columns(number)
    at, rise = value @ V[:, columns], slope @ V[:, columns]
    fixed = np.where(np.abs(at) > 1e-6 * np.abs(rise), at, rise)
    return np.asarray(V * np.conj(fixed) / np.abs(fixed))


def _filled(array: Any, size: int, value: float) -> Any:
    wanted = [(0, 0)] * (array.ndim - 1) + [(0, size - array.shape[-1])]
    return np.pad(array, wanted, constant_values=value)


def _mixed(cross: Real, V: Complex) -> Complex:
    """∫(f_o f_e' - f_o' f_e) from ∫ f g' of the polynomials."""
    even, odd = V[:, 0], np.swapaxes(V[:, 1], -1, -2)
    return np.asarray(odd @ (cross - np.swapaxes(cross, -1, -2)) @ even, dtype=complex)


def mesh_key(period: Period, degree: int) -> NDArray[np.int64]:
    """Degree of each element, 0 for walls that open none: equal rows share a mesh.

    Args:
        period: The batch.
        degree: As for `polynomial`.

    Returns:
        Shape (batch, wall).
    """
    edges = _walls(period)
    opens, last = np.ones(edges.shape, dtype=bool), edges[:, 0].copy()
    for i in range(1, edges.shape[1] - 1):
        opens[:, i] = np.minimum(edges[:, i] - last, 0.5 - edges[:, i]) > NARROWEST
        last = np.where(opens[:, i], edges[:, i], last)
    place = np.where(opens, edges, np.inf)
    following = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    widths = np.append(following[:, 1:], np.full((len(edges), 1), 0.5), axis=1) - edges
    widths = np.where(opens, widths, 0.0)
    share = widths / 0.5
    degrees = np.maximum(2, np.ceil(degree * np.maximum(share, np.sqrt(share))))
    degrees[:, -1] = 0
    return np.where(opens, degrees, 0).astype(int)


def _walls(period: Period) -> Real:
    """Walls that elements may begin at, ascending, from one end of the mesh to the other."""
    start = 0.0 if period.split else -0.5
    walls = [np.full((len(period.rows), 2), [start, 0.5])]
    walls += [part.walls[:, 1:-1] for part in period.slices]
    return np.sort(np.maximum(np.concatenate(walls, axis=1), start), axis=1)


def _mesh(period: Period, key: NDArray[np.int64]) -> _Elements:
    (degrees,) = np.unique(key, axis=0)
    kept = np.append(np.flatnonzero(degrees), len(degrees) - 1)
    return _Elements(_walls(period)[:, kept], tuple(int(d) for d in degrees[degrees > 0]))


def _joined(period: Period, elements: _Elements) -> tuple[list[Complex], list[tuple[Real, ...]]]:
    """Boundary conditions (one matrix for each sector), and the integrals of each element."""
    size, last = elements.size, len(elements.degrees)
    weight = 2.0 if period.split else 1.0
    total = []
    for element in range(last):
        low, high = elements.edges[:, element], elements.edges[:, element + 1]
        total.append(
            tuple(
                weight * _spread(one, elements.columns(element), size)
                for one in elements.products(element, low, high)
            )
        )
    whole = np.eye(size)
    if not period.split:
        keep = np.repeat(np.delete(whole, last, axis=1)[None] + 0j, len(period.rows), axis=0)
        keep[:, last, 0] = np.exp(2j * pi * period.wavevector)
        return [keep], total
    at_edge = period.wavevector[0] != 0
    fixed = ([last] if at_edge else [], [0] if at_edge else [0, last])
    kept = [np.delete(whole, gone, axis=1)[None].astype(complex) for gone in fixed]
    return kept, total


def _spread(matrix: Real, columns: NDArray[np.int64], size: int) -> Real:
    whole = np.zeros((len(matrix), size, size))
    whole[:, columns[:, None], columns] = matrix
    return whole


def _eigenfunctions(stiffness: Complex, mass: Complex) -> tuple[Real, Complex]:
    """Eigenvalues and normalised eigenvectors of a definite pair, ascending."""
    inverse = np.linalg.inv(np.linalg.cholesky(mass))
    adjoint = np.swapaxes(inverse, -1, -2).conj()
    q, vectors = np.linalg.eigh(inverse @ stiffness @ adjoint)
    return q, np.asarray(adjoint @ vectors)


def _integrals(
    part: Slice, filling: int, elements: _Elements, total: list[tuple[Real, ...]], size: int
) -> tuple[Real, Real, Real]:
    """Masses, stiffnesses and f g' over the regions of a filling."""
    found = [np.zeros_like(one) for one in total[0]]
    weight = 2.0 if elements.edges[0, 0] == 0 else 1.0
    for region, number in enumerate(part.regions):
        if number != filling:
            continue
        for element in range(len(elements.degrees)):
            first, end = elements.edges[:, element], elements.edges[:, element + 1]
            low = np.maximum(part.walls[:, region], first)
            high = np.minimum(part.walls[:, region + 1], end)
            if np.all(high - low <= 0):
                continue
            if np.all(np.abs(high - low - (end - first)) < 1e-12):
                found = [sum_ + one for sum_, one in zip(found, total[element], strict=True)]
                continue
            columns = elements.columns(element)
            for i, one in enumerate(elements.products(element, low, np.maximum(high, low))):
                found[i] = found[i] + weight * _spread(one, columns, size)
    return found[0], found[1], found[2]


def _evaluated(
    period: Period, elements: _Elements, V: Complex, row: int, sector: int, x: Real
) -> tuple[Complex, Complex]:
    """Values and slopes [1/µm] of the functions anywhere along x, by periodicity and mirror."""
    cell = np.round(x)
    place = x - cell  # in [-1/2, 1/2]
    turn = np.ones_like(x)
    if period.split:
        turn = np.where(place < 0, -1.0, 1.0)
        place = np.abs(place)
    phase = np.exp(2j * pi * period.wavevector[row] * cell)
    parity = turn if sector == 1 else np.ones_like(turn)
    edges = elements.edges[row]
    element = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, len(edges) - 2)
    value = np.zeros((len(x), V.shape[0]))
    slope = np.zeros_like(value)
    one = _Elements(elements.edges[row : row + 1], elements.degrees)
    for number in np.unique(element):
        here = np.flatnonzero(element == number)
        v, s = one.values(int(number), place[None, here])
        columns = elements.columns(int(number))
        value[here[:, None], columns] = v[0]
        slope[here[:, None], columns] = s[0]
    factor = (phase * parity)[:, None]
    return factor * (value @ V), factor * turn[:, None] * (slope @ V) / period.length[row]
