r"""Centre lines of waveguides, in closed form, and the polygons of a strip along them.

A bend turns by the angle $\theta$. The share $p$ of that angle lies in two clothoids, whose
curvature grows linearly from nothing to $1/R$ and back; the rest is an arc of radius $R$:

$$ L = (1 + p) R \theta, \qquad
   z(s) = \int_0^s e^{i t^2 / (2 p \theta R^2)}\,dt = a \left[ C(s/a) + i S(s/a) \right], \qquad
   a^2 = \pi p \theta R^2 $$

with the Fresnel integrals C and S for the first clothoid; p = 0 is a circular, p = 1 an Euler bend.
Points are complex numbers x + iy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.errors import InputError
from dfbdesign.layout.cells import to_steps
from dfbdesign.units import nm

Complex = NDArray[np.complex128]
Float = NDArray[np.float64]

SAGITTA = 1 * nm
"""Largest distance of a chord from its arc [µm]."""
_POINTS = 90  # along one polygon: 180 vertices, below the 199 that every tool reads


@dataclass(frozen=True)
class Curve:
    """A centre line."""

    points: Complex
    """x + iy, shape (point,) [µm]."""
    heading: Float
    """Direction at every point, shape (point,) [rad]."""
    length: float
    """Exact length [µm]."""


def straight_line(length: float) -> Curve:
    """A straight line from the origin towards +x.

    Args:
        length: Its length [µm].

    Returns:
        The curve.
    """
    return Curve(np.array([0, length], dtype=complex), np.zeros(2), length)


def turn(angle: float, radius: float, euler: float = 0.0) -> Curve:
    """A bend that starts at the origin towards +x.

    Args:
        angle: By how much it turns, to the left if positive [rad].
        radius: Smallest radius of curvature [µm].
        euler: Share of the angle in clothoids: 0 is a circular, 1 an Euler bend.

    Returns:
        The curve, in chords at most `SAGITTA` from it.

    Examples:
        >>> bend = turn(np.pi / 2, 10 * um, euler=1)
        >>> round(bend.length, 3), bool(abs(bend.heading[-1] - np.pi / 2) < 1e-12)
        (31.416, True)
    """
    theta = abs(angle)
    length = (1 + euler) * radius * theta
    steps = 2 * int(np.ceil(length / np.sqrt(8 * radius * SAGITTA) / 2))
    distance = np.linspace(0, length / 2, steps // 2 + 1)
    half, heading = _first_half(distance, theta, radius, euler)
    end = half[-1] + np.exp(1j * theta) * np.conj(half[-1])
    points = np.concatenate([half, (end - np.exp(1j * theta) * np.conj(half[:-1]))[::-1]])
    headings = np.concatenate([heading, (theta - heading[:-1])[::-1]])
    if angle < 0:
        points, headings = np.conj(points), -headings
    return Curve(points, headings, length)


def _first_half(
    distance: Float, theta: float, radius: float, euler: float
) -> tuple[Complex, Float]:
    """Points and headings up to the middle of a bend: a clothoid, then an arc."""
    from scipy.special import fresnel

    clothoid = euler * theta * radius
    scale = np.sqrt(np.pi * clothoid * radius) if clothoid else 1.0
    sine, cosine = fresnel(np.append(np.minimum(distance, clothoid), clothoid) / scale)
    entry = scale * (cosine + 1j * sine)
    begin = euler * theta / 2
    turned = np.maximum(distance - clothoid, 0) / radius
    arc = radius * np.exp(1j * begin) * (np.exp(1j * turned) - 1) / 1j
    heading = begin * (np.minimum(distance, clothoid) / clothoid) ** 2 if clothoid else 0.0
    return np.where(distance <= clothoid, entry[:-1], entry[-1] + arc), heading + turned


def joined(*curves: Curve) -> Curve:
    """Curves one after the other, each turned and moved to where the one before ends.

    Args:
        curves: At least one curve; each starts at the origin towards +x.

    Returns:
        One curve.
    """
    points, headings = [np.zeros(1, dtype=complex)], [np.zeros(1)]
    for curve in curves:
        end, direction = points[-1][-1], headings[-1][-1]
        points.append(end + curve.points[1:] * np.exp(1j * direction))
        headings.append(direction + curve.heading[1:])
    length = sum(curve.length for curve in curves)
    return Curve(np.concatenate(points), np.concatenate(headings), length)


def backwards(curve: Curve) -> Curve:
    """A curve from its end to its start.

    Args:
        curve: Any curve.

    Returns:
        The way back, from the origin towards +x.
    """
    points = curve.points[::-1] - curve.points[-1]
    heading = curve.heading[::-1] - curve.heading[-1]
    return Curve(points * np.exp(-1j * (curve.heading[-1] + np.pi)), heading, curve.length)


def strip(
    curve: Curve, width: ArrayLike, grid: float, origin: complex = 0.0, heading: float = 0.0
) -> list[Float]:
    """Polygons that cover a strip along a curve, each sharing its whole end with the next.

    Args:
        curve: The centre line.
        width: Width of the strip, shape () or (point,) [µm].
        grid: Grid step that every vertex is rounded to [µm].
        origin: Where the curve starts, x + iy [µm].
        heading: Which way it starts [rad].

    Returns:
        Vertices on the grid, shape (vertex, 2) each [µm].

    Raises:
        InputError: If the strip is as wide as its smallest radius of curvature allows, or wider.
    """
    half = np.asarray(width) / 2
    normal = 1j * np.exp(1j * (curve.heading + heading))
    centre = origin + curve.points * np.exp(1j * heading)
    left, right = (_on_grid(centre + side * half * normal, grid) for side in (1, -1))
    forward = np.exp(-1j * (curve.heading + heading))[:-1]
    if min((np.diff(edge) * grid * forward).real.min() for edge in (left, right)) < -2 * grid:
        raise InputError(
            f"a strip {2 * half.max():g} um wide folds over in its bend. Choose a larger radius."
        )
    pieces = []
    for first in range(0, len(left) - 1, _POINTS - 1):
        part = slice(first, first + _POINTS)
        outline = np.concatenate([left[part], right[part][::-1]])
        outline = outline[outline != np.roll(outline, 1)]
        pieces.append(np.stack([outline.real, outline.imag], axis=1) * grid)
    return pieces


def _on_grid(points: Complex, grid: float) -> Complex:
    return np.asarray(to_steps(points.real, grid) + 1j * to_steps(points.imag, grid))
