r"""Exact areas and lengths of polygons in the cells of a rectangular grid.

A grid cell that an interface crosses needs the area each material fills and the direction of the
interface. Both follow without sampling from the area of a polygon below and left of a point,

$$ F(Y, Z) = -\sum_\mathrm{edges} \int_{y < Y} \min(z(y), Z)\,\mathrm{d}y $$

(counter-clockwise): its differences over the corners of a cell are the area in the cell, those of
$\partial F/\partial Y$ and $\partial F/\partial Z$ the covered lengths of its sides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.errors import InputError
from dfbdesign.units import pm

Real = NDArray[np.float64]

PRECISION = 1e-3 * pm
"""Distance within which points are the same when shapes are cut by each other [µm]."""
BESIDE = 1e-6
"""How far beside a grid line lengths are taken, over the smallest cell."""


@dataclass(frozen=True)
class Shape:
    """A polygon of one material."""

    polygon: Real
    """Corners (y, z), counter-clockwise, shape (corner, 2) [µm]."""
    material: int
    """Which of the section's materials fills it."""


@dataclass(frozen=True)
class Coverage:
    """What a region covers of the cells of a grid with lines y (Y + 1,) and z (Z + 1,)."""

    area: Real
    """Area in each cell, shape (Y, Z) [µm²]."""
    along_z: tuple[Real, Real]
    """Length just before and just after each line of constant y, shape (Y + 1, Z) each [µm]."""
    along_y: tuple[Real, Real]
    """Length just before and just after each line of constant z, shape (Y, Z + 1) each [µm]."""


def as_polygon(corners: ArrayLike) -> Real:
    """Checked corners of a simple polygon, counter-clockwise.

    Args:
        corners: Points (y, z), shape (corner, 2) [µm].

    Returns:
        The corners, reordered if need be.

    Raises:
        InputError: If there are fewer than three corners, the area is zero or the outline crosses
            itself.

    Examples:
        >>> as_polygon([[0, 0], [0, 1], [1, 0]]).tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    points = np.asarray(corners, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise InputError(f"polygon needs three or more points [y, z], got {len(points)}.")
    if not np.isfinite(points).all():
        raise InputError("polygon needs finite coordinates, got inf or nan.")
    number = _first_crossing(points)
    if number is not None:
        raise InputError(
            f"polygon crosses itself: sides {number[0] + 1} and {number[1] + 1} meet. "
            "List the corners in the order of the outline."
        )
    following = np.roll(points, -1, axis=0)
    area = np.sum(points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]) / 2
    if abs(area) < PRECISION:
        raise InputError(f"polygon has no area ({abs(area):g} um2). Give it a width and a height.")
    return points if area > 0 else points[::-1]


def _first_crossing(points: Real) -> tuple[int, int] | None:
    """The first two sides that cross in a point inside both, if any."""
    start, side = points, np.roll(points, -1, axis=0) - points
    gap = start[None] - start[:, None]
    area = _cross(side[:, None], side[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        along, other = _cross(gap, side[None]) / area, _cross(gap, side[:, None]) / area
    inside = (along > 0) & (along < 1) & (other > 0) & (other < 1) & (area != 0)
    pairs = np.argwhere(np.triu(inside))
    return (int(pairs[0, 0]), int(pairs[0, 1])) if pairs.size else None


def _cross(a: Real, b: Real) -> Real:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def visible(shapes: tuple[Shape, ...]) -> list[tuple[int, list[Real]]]:
    """What is left of each shape once the later ones are painted over it.

    Args:
        shapes: In painting order.

    Returns:
        For each shape its material and the polygons still to be seen of it.

    Raises:
        InputError: If nothing is left of one.
    """
    import gdstk

    left: list[tuple[int, list[Real]]] = []
    for number, shape in enumerate(shapes):
        later = [gdstk.Polygon(one.polygon.tolist()) for one in shapes[number + 1 :]]
        own = gdstk.Polygon(shape.polygon.tolist())
        pieces = gdstk.boolean(own, later, "not", precision=PRECISION) if later else [own]
        if not pieces:
            raise InputError(
                f"shape {number + 1} is hidden: later shapes cover it all. Leave it out, or move "
                "it after them."
            )
        left.append((shape.material, [np.asarray(piece.points) for piece in pieces]))
    return left


def coverage(polygons: list[Real], y: Real, z: Real) -> Coverage:
    """Areas and lengths the polygons cover on a grid.

    Args:
        polygons: Polygons that do not overlap, shape (corner, 2) each [µm].
        y: Grid lines, ascending, shape (Y + 1,) [µm].
        z: Grid lines, ascending, shape (Z + 1,) [µm].

    Returns:
        Exact coverage of every cell and of every piece of a grid line.

    Examples:
        >>> triangle = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> coverage([triangle], np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0])).area.tolist()
        [[0.375], [0.125]]
    """
    area = np.zeros((len(y), len(z)))
    along_z, along_y = np.zeros((2, len(y), len(z))), np.zeros((2, len(z), len(y)))
    # A wall may run along a grid line, give or take a rounding error: look from both sides.
    beside_y = np.array([[-BESIDE], [BESIDE]]) * np.diff(y).min() + y
    beside_z = np.array([[-BESIDE], [BESIDE]]) * np.diff(z).min() + z
    for polygon in map(as_ordered, polygons):
        for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            area -= _below(start, end, y[:, None], z)
            along_z -= _height(start, end, beside_y[..., None], z)
            along_y += _height(start[::-1], end[::-1], beside_z[..., None], y)
    z_before, z_after = np.diff(along_z, axis=2)
    y_before, y_after = np.diff(along_y, axis=2)
    return Coverage(
        np.diff(np.diff(area, axis=0), axis=1), (z_before, z_after), (y_before.T, y_after.T)
    )


def as_ordered(polygon: Real) -> Real:
    """The polygon counter-clockwise, without the checks of `as_polygon`.

    Args:
        polygon: Corners, shape (corner, 2) [µm].

    Returns:
        The corners, reordered if need be.
    """
    following = np.roll(polygon, -1, axis=0)
    return polygon if np.sum(_cross(polygon, following)) > 0 else polygon[::-1]


def _below(start: Real, end: Real, y: Real, z: Real) -> Real:
    """Integral of min(z on the edge, Z) over y < Y, of the sign of the edge's direction."""
    if start[0] == end[0]:
        return np.zeros((1, 1))
    (y0, z0), (y1, z1) = sorted((tuple(start), tuple(end)))
    width = np.clip(y - y0, 0, y1 - y0)
    sign = 1.0 if end[0] > start[0] else -1.0
    above, beyond = z - z0, z - z0 - (z1 - z0) / (y1 - y0) * width
    larger, smaller = np.maximum(above, beyond), np.minimum(above, beyond)
    # Mean of max(Z - z, 0): of a triangle where the edge crosses Z, free of cancellation.
    crossing = (larger > 0) & (smaller < 0)
    triangle = larger**2 / (2 * np.where(crossing, larger - smaller, 1.0))
    mean = np.where(crossing, triangle, np.where(larger > 0, (larger + smaller) / 2, 0.0))
    return np.asarray(sign * width * (z - mean))


def _height(start: Real, end: Real, y: Real, z: Real) -> Real:
    """Signed min(z on the edge, Z) at y = Y where the edge passes there."""
    if start[0] == end[0]:
        return np.zeros((1, 1))
    (y0, z0), (y1, z1) = sorted((tuple(start), tuple(end)))
    sign = 1.0 if end[0] > start[0] else -1.0
    here = (y >= y0) & (y < y1)
    return np.asarray(sign * here * np.minimum(z0 + (z1 - z0) / (y1 - y0) * (y - y0), z))
