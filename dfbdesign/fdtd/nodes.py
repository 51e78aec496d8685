r"""Runs inside MEEP's own interpreter: materials at the nodes of a grid that fits the geometry.

MEEP's pixels are all alike, but walls and layers lie anywhere, and a wall inside a pixel leaves an
error that falls as $h^3$ with a factor that depends on where it lies, which no extrapolation
removes. So the grid is stretched: every layer and every gap between walls gets a whole number of
pixels. In coordinates $u(x), v(z)$ counted in pixels of nominal size h, with $X = dx/du/h$ and
$Z = dz/dv/h$, Maxwell's equations keep their form when both materials become (Ward and Pendry,
J. Mod. Opt. 43, 773 (1996))

$$ \epsilon' = \operatorname{diag}\Bigl(\tfrac{Z}{X}\epsilon_x,\; X Z\,\epsilon_y,\;
   \tfrac{X}{Z}\epsilon_z\Bigr), \qquad
   \mu' = \operatorname{diag}\Bigl(\tfrac{Z}{X},\; X Z,\; \tfrac{X}{Z}\Bigr). $$

A node takes its own mean of them. Along a direction in which its component is continuous the mean
is arithmetic with a tent as weight, $\Lambda(u) = \max(0, 1 - |u|)$: what the finite difference of
a continuous field needs. Across, where the component jumps, it is the harmonic mean over the node's
pixel. Walls that cannot lie on the grid (oblique ones, layers far thinner than a pixel) are
resolved by parts of a pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

PARTS = 16
"""Of a pixel, along either axis, where a wall lies inside."""
ON_GRID = 1e-6
"""How far a wall may lie from the grid and count as lying on it [pixels]."""


@dataclass(frozen=True)
class Nodes:
    """Transformed materials by component, for rows and columns of the grid from lower left.

    Whole places are corners of pixels; a component with x in `half_x` sits in the middle of a
    pixel's width, with z in `half_z` in the middle of its height.
    """

    permittivity: dict[str, Complex]
    """By axis "x", "y" or "z", those of the polarization; shape (row, column)."""
    permeability: dict[str, Real]
    """The same."""


def nodes(job: dict[str, Any]) -> Nodes:
    """Materials of all nodes.

    Args:
        job: Content of `job.json`: "polarization", "columns" and "rows" as lists of length and
            number of pixels, "bottom" (height of the lowest row), and "slabs" from there up to the
            top, each with "top", "walls" (x at its lower and its upper face, ascending), and
            "permittivity" between them (four numbers: real and imaginary part in the plane, and
            along z).

    Returns:
        For TE permittivity y and permeability x, z; for TM permittivity x, z and permeability y.

    Examples:
        A layer of two pixels between two half-spaces; a node on its face takes the mean.

        >>> slab = {"walls": [], "top": 0.0, "permittivity": [[2.0, 0.0, 2.0, 0.0]]}
        >>> film = {"walls": [], "top": 0.2, "permittivity": [[6.0, 0.1, 6.0, 0.1]]}
        >>> job = {
        ...     "polarization": "TE", "columns": [[0.2, 2]], "rows": [[0.2, 2], [0.2, 2]],
        ...     "bottom": -0.2, "slabs": [slab, film], "pixel": 0.1,
        ... }
        >>> print(nodes(job).permittivity["y"][:, 0])
        [2.+0.j   2.+0.j   4.+0.05j 6.+0.1j  6.+0.1j ]
    """
    across, up = (_stretched(job[name], job["pixel"]) for name in ("columns", "rows"))
    x_width = sum(length for length, _ in job["columns"])
    columns = np.concatenate([[0.0], np.cumsum(across)]) * job["pixel"] - x_width / 2
    heights = np.concatenate([[0.0], np.cumsum(up)]) * job["pixel"] + job["bottom"]
    pixels = _rows(job, columns, heights)
    mean_x = (across + np.roll(across, 1)) / 2
    mean_z = np.concatenate([up[:1], (up[1:] + up[:-1]) / 2, up[-1:]])
    if job["polarization"] == "TE":
        permittivity = {"y": _te(pixels, across, up)}
        permeability = {"x": up[:, None] / mean_x, "z": across / mean_z[:, None]}
    else:
        permittivity = _tm(pixels, across, up)
        permeability = {"y": np.outer(up, across)}
    return Nodes(permittivity, permeability)


def _stretched(segments: list[list[float]], pixel: float) -> Real:
    """Size of every pixel over the nominal one."""
    return np.concatenate(
        [np.full(int(count), length / count / pixel) for length, count in segments]
    )


@dataclass(frozen=True)
class _Row:
    """One row of pixels, cut into parts."""

    low: Real
    """Weight of every part's height in the tent of the nodes below, shape (part,)."""
    high: Real
    """The same, of the nodes above."""
    height: Real
    """Share of the row's height, shape (part,)."""
    plane: Complex
    """Permittivity in the plane, shape (part along z, part along x, column)."""
    normal: Complex
    """The same, along z."""


def _rows(job: dict[str, Any], columns: Real, heights: Real) -> Iterator[_Row]:
    """The rows of pixels from the bottom up."""
    slabs, tops = job["slabs"], np.array([slab["top"] for slab in job["slabs"]])
    bottoms = np.concatenate([[heights[0]], tops[:-1]])
    tops[-1] = max(tops[-1], heights[-1])
    for bottom, top in pairwise(heights):
        edges = [0.0, *((tops - bottom) / (top - bottom)), 1.0]
        edges = sorted(edge for edge in edges if ON_GRID < edge < 1 - ON_GRID)
        here = [
            (slab, low)
            for slab, low, high in zip(slabs, bottoms, tops, strict=True)
            if low < top - ON_GRID * (top - bottom) and high > bottom + ON_GRID * (top - bottom)
        ]
        if any(low != high for slab, _ in here for low, high in slab["walls"]):
            edges = sorted({*edges, *(np.arange(1, PARTS) / PARTS)})
        cuts = np.array([0.0, *edges, 1.0])
        middles, thick = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts)
        layers = []
        for middle in bottom + middles * (top - bottom):
            slab, low = here[int(np.searchsorted([s["top"] for s, _ in here[:-1]], middle))]
            share = (middle - low) / (slab["top"] - low)
            walls = [(1 - share) * foot + share * head for foot, head in slab["walls"]]
            layers.append((np.array(walls), slab["permittivity"]))
        fit = all(_fits(walls, columns) for walls, _ in layers)
        parts = 1 if fit else PARTS
        values = [_shares(walls, columns, parts) @ _tensor(table) for walls, table in layers]
        plane, normal = np.moveaxis(np.array(values), -1, 0)
        yield _Row(thick * (1 - middles), thick * middles, thick, plane, normal)


def _fits(walls: Real, columns: Real) -> bool:
    near = np.searchsorted(columns, walls).clip(1, len(columns) - 1)
    left, right = columns[near - 1], columns[near]
    off = np.minimum(abs(walls - left), abs(walls - right)) / (right - left)
    return bool((off < ON_GRID).all())


def _tensor(table: list[list[float]]) -> Complex:
    """In the plane and along z, shape (gap, 2)."""
    values = np.array(table, dtype=float)
    return np.asarray(values[:, ::2] + 1j * values[:, 1::2])


def _shares(walls: Real, columns: Real, parts: int) -> Real:
    """Share of the gaps between walls in the parts of pixels, shape (part, column, gap)."""
    width = np.diff(columns)
    left = columns[:-1] + width * np.arange(parts)[:, None] / parts
    passed = ((walls - left[..., None]) / (width / parts)[:, None]).clip(0, 1)
    ends = np.ones((*left.shape, 1))
    return np.diff(np.concatenate([0 * ends, passed, ends], axis=-1), axis=-1)


def _tent(values: Complex) -> Complex:
    """Mean along x around the left corner of every pixel, of values (..., part, column)."""
    parts = values.shape[-2]
    right = (1 - (np.arange(parts) + 0.5) / parts)[:, None] / parts
    before = np.roll(values, 1, axis=-1)
    return np.asarray((right * values + right[::-1] * before).sum(axis=-2))


def _te(rows: Iterator[_Row], across: Real, up: Real) -> Complex:
    """Permittivity along y at the corners of pixels."""
    total = np.zeros((len(up) + 1, len(across)), dtype=complex)
    for number, (row, high) in enumerate(zip(rows, up, strict=True)):
        means = _tent(row.plane * across * high)
        total[number] += row.low @ means
        total[number + 1] += row.high @ means
    total[[0, -1]] *= 2  # half of their tents lies outside
    return total


def _tm(rows: Iterator[_Row], across: Real, up: Real) -> dict[str, Complex]:
    """Permittivity along x on the lower, and along z on the left side of pixels."""
    along_x = np.zeros((len(up) + 1, len(across)), dtype=complex)
    along_z = np.zeros((len(up), len(across)), dtype=complex)
    below: Complex | None = None
    for number, (row, high) in enumerate(zip(rows, up, strict=True)):
        columns = row.plane * (high / across)
        above = np.tensordot(row.low, columns, 1)
        along_x[number] = 1 / np.mean(1 / (2 * above if below is None else above + below), axis=0)
        below = np.tensordot(row.high, columns, 1)
        along_z[number] = 1 / (row.height @ (1 / _tent(row.normal * across / high)))
    if below is not None:
        along_x[-1] = 1 / np.mean(1 / (2 * below), axis=0)
    return {"x": along_x, "z": along_z}
