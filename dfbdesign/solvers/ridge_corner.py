r"""How singular the field is at the corners of a cross-section, and what that does to its errors.

At a distance r from a corner the field across x goes as $r^{\nu-1}$, where $\nu$ is the smallest
positive number with a potential $r^\nu \varphi(\theta)$ around the corner,

$$ (\varepsilon\,\varphi')' + \nu^2\,\varepsilon\,\varphi = 0 $$

(J. B. Andersen and V. V. Solodukhov, IEEE Trans. Antennas Propag. 26, 598 (1978)). On grids of
spacing h an eigenvalue then has an error $\propto h^{2\nu}$ besides the ordinary $h^2$: 2ν is 1.5
for silicon in silica, 1.8 for silicon nitride.
"""

import numpy as np
from numpy.typing import NDArray

from dfbdesign.solvers.ridge_geometry import Shape

Real = NDArray[np.float64]

DIRECTIONS = 72
"""Directions in which the neighbourhood of a corner is sampled; a multiple of 4."""


def corner_exponent(
    shapes: tuple[Shape, ...], permittivity: Real, corners: Real, distance: float
) -> float:
    """The smallest exponent ν among some corners; 1 where nothing is singular.

    Args:
        shapes: In painting order; material 0 is the background.
        permittivity: Real part per material, shape (material,).
        corners: Points (y, z), shape (corner, 2) [µm].
        distance: How far from a corner to look; small against all shapes [µm].

    Returns:
        ν, at most 1. Of negative permittivities, whose ν may be complex, nothing is said: 1.

    Examples:
        A right-angled corner of index 3.48 in silica.

        >>> square = Shape(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), 1)
        >>> permittivity = np.array([1.444, 3.4757]) ** 2
        >>> round(corner_exponent((square,), permittivity, square.polygon, 0.01), 2)
        0.77
    """
    if len(corners) == 0 or np.any(permittivity <= 0):
        return 1.0
    step = 2 * np.pi / DIRECTIONS
    angle = step * (np.arange(DIRECTIONS) + 0.5)
    points = corners[:, None] + distance * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    material = np.zeros(points.shape[:2], dtype=int)
    for shape in shapes:
        material[_inside(shape.polygon, points)] = shape.material
    sector = permittivity[material]
    mass = step * (sector + np.roll(sector, 1, axis=1)) / 2  # at the rays between sectors
    node = np.arange(DIRECTIONS)
    stiffness = np.zeros((len(corners), DIRECTIONS, DIRECTIONS))
    stiffness[:, node, node] = 2 * mass / step**2
    stiffness[:, node, node - 1] = stiffness[:, node - 1, node] = -sector[:, node - 1] / step
    scale = 1 / np.sqrt(mass)
    squares = np.linalg.eigvalsh(scale[:, :, None] * stiffness * scale[:, None])[:, 1]
    return min(1.0, float(np.sqrt(squares.min())))


def _inside(polygon: Real, points: Real) -> NDArray[np.bool_]:
    """Whether points, shape (..., 2), lie in a polygon: it is left an odd number of times."""
    inside = np.zeros(points.shape[:-1], dtype=bool)
    y, z = points[..., 0], points[..., 1]
    for (y0, z0), (y1, z1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if z0 != z1:
            crosses = (z0 > z) != (z1 > z)
            inside ^= crosses & (y < y0 + (z - z0) / (z1 - z0) * (y1 - y0))
    return inside
