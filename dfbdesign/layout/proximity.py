r"""Proximity correction: the dose of every shape for which its edges develop where they are drawn.

Electrons spread as a sum of Gaussians; the resist opens where the energy reaches one half of that
in the middle of an endless exposed area at dose 1:

$$ E(\mathbf{r}) = \sum_r d_r \sum_i w_i \int_r
   \frac{e^{-|\mathbf{r} - \mathbf{r}'|^2 / \beta_i^2}}{\pi \beta_i^2}\,d^2 r' $$

The long-range terms are smooth, so that a few hundred plane waves carry them to rounding error:
the transform of a rectangle is known, and one matrix product sums all of them. The short-range
term is summed over rectangles with error functions.

Widths are those of lines along y at half their length; the ends of lines are not corrected.
Source of the model: Chang, J. Vac. Sci. Technol. 12, 1271 (1975).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import nearest, positive
from dfbdesign.errors import InputError, NotConverged
from dfbdesign.files import parse_quantity, read_toml

if TYPE_CHECKING:
    from scipy.sparse import csr_array

THRESHOLD = 0.5
"""Energy at which the resist opens, over that in an endless area at dose 1."""
_REACH = 6.5  # ranges after which a Gaussian has ended: exp(-6.5²) is 5e-19
_MODES = 9.5  # largest wavenumber over 1 / range: exp(-9.5² / 4) is 2e-10
_MOST_WAVES = 4000  # along one axis
_SHORT = 0.05  # shorter ranges than this [µm] are summed over rectangles
_STEPS = 60
_ACCURACY = 1e-7
_SETTLED = 1e-4  # of the range that an edge may move
_DATA = Path(__file__).parent / "point_spread.toml"

Float = NDArray[np.float64]


@dataclass(frozen=True)
class PointSpread:
    """How far electrons carry the energy of a point."""

    ranges: tuple[float, ...]
    """1/e radii [µm], shortest first."""
    weights: tuple[float, ...]
    """Share of the energy in each; they add up to 1."""


def gaussians(ranges: tuple[float, ...], ratios: tuple[float, ...]) -> PointSpread:
    """Two, three or more Gaussians from the energies in them relative to the first.

    Args:
        ranges: 1/e radii [µm], forward beam first.
        ratios: Energy in every further Gaussian over that in the first.

    Returns:
        The point spread.

    Raises:
        InputError: If numbers are missing or not positive.

    Examples:
        >>> gaussians((20e-3, 5.61), (0.4,)).weights
        (0.7142857142857143, 0.28571428571428575)
    """
    if len(ratios) != len(ranges) - 1:
        raise InputError(
            f"{len(ranges)} ranges need {len(ranges) - 1} energy ratios, got {len(ratios)}."
        )
    for value in (*ranges, *ratios):
        positive("a range or ratio", value)
    total = 1 + sum(ratios)
    return PointSpread(ranges, tuple(part / total for part in (1.0, *ratios)))


def point_spread(substrate: str, voltage_kv: int, path: Path = _DATA) -> PointSpread:
    """The double Gaussian of a substrate.

    Args:
        substrate: "sapphire", "silicon" or "fused-silica", or what the user's file names.
        voltage_kv: Acceleration voltage [kV].
        path: A file in the form of the one in the package.

    Returns:
        The point spread.

    Raises:
        InputError: If the file has no such substrate or voltage.

    Examples:
        >>> point_spread("sapphire", 50).ranges
        (0.02, 5.61)
    """
    data = read_toml(path)
    known = {f"{row['substrate']} at {row['voltage_kv']} kV": row for row in data["backscattering"]}
    name = f"{substrate} at {voltage_kv} kV"
    if name not in known:
        raise InputError(f"no point spread for {name}. {nearest(name, list(known))}")
    forward = parse_quantity(data["forward"], "length")
    back = parse_quantity(known[name]["range"], "length")
    return gaussians((forward, back), (known[name]["ratio"],))


def summed_energy(points: Float, rectangles: Float, doses: Float, spread: PointSpread) -> Float:
    """Energy in the resist, summed over all rectangles with error functions.

    Args:
        points: Places [µm], shape (point, 2).
        rectangles: Left, bottom, right and top edges [µm], shape (rectangle, 4).
        doses: Dose of each rectangle, shape (rectangle,).
        spread: The point spread.

    Returns:
        Energy over that of an endless area at dose 1, shape (point,).
    """
    from scipy.special import erf

    total = np.zeros(len(points))
    for reach, weight in zip(spread.ranges, spread.weights, strict=True):
        edges = [(points[:, axis % 2, None] - rectangles[:, axis]) / reach for axis in range(4)]
        left, bottom, right, top = (erf(edge) for edge in edges)
        total += weight / 4 * ((left - right) * (bottom - top)) @ doses
    return total


@dataclass(frozen=True)
class _Waves:
    """Plane waves that carry the energy of one long range from rectangles to points.

    Lines of a grating have the same ends along y, and so have points in their middles: what such
    a class has in common is stored, and summed, once.
    """

    from_x: NDArray[np.complex128]
    to_x: NDArray[np.complex128]
    across: NDArray[np.complex128]
    """From each class of rectangles to each class of points, shape (rectangles, points)."""
    rectangles: NDArray[np.intp]
    """Class of every rectangle."""
    points: NDArray[np.intp]
    """Class of every point."""

    def energy(self, doses: Float) -> Float:
        """Energy at the points, shape (point,)."""
        of_class = np.zeros((len(doses), len(self.across)))
        of_class[np.arange(len(doses)), self.rectangles] = doses
        found = self.to_x @ (self.from_x @ of_class @ self.across)
        return np.asarray(found[np.arange(len(found)), self.points].real)


def _waves(points: Float, rectangles: Float, reach: float, weight: float) -> _Waves:
    low = np.minimum(rectangles[:, :2].min(axis=0), points.min(axis=0))
    high = np.maximum(rectangles[:, 2:].max(axis=0), points.max(axis=0))
    ends, of_rectangle = np.unique(rectangles[:, 1::2], axis=0, return_inverse=True)
    heights, of_point = np.unique(points[:, 1], return_inverse=True)
    from_x, to_x = _along(points[:, 0], rectangles[:, 0::2], (low[0], high[0]), reach)
    from_y, to_y = _along(heights, ends, (low[1], high[1]), reach)
    return _Waves(weight * from_x, to_x, from_y.T @ to_y.T, of_rectangle.ravel(), of_point)


def _along(
    points: Float, ends: Float, span: tuple[float, float], reach: float
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Waves along one axis, from boxes, shape (wave, box), and to points, shape (point, wave)."""
    # Copies in the next period lie beyond the reach of the Gaussian.
    period = span[1] - span[0] + _REACH * reach
    count = int(np.ceil(_MODES / reach * period / (2 * np.pi)))
    if count > _MOST_WAVES:
        raise InputError(
            f"the pattern is {period:.4g} um wide, too much for a range of {reach:g} um. "
            f"Correct a part of it."
        )
    k = 2 * np.pi / period * np.arange(-count, count + 1)
    size, middle = ends[:, 1] - ends[:, 0], ends.mean(axis=1)
    # Transform of a box: its length times a sine over its argument, about its middle.
    box = size * np.sinc(np.outer(k, size) / (2 * np.pi))
    phase = np.exp(-1j * np.outer(k, middle - span[0]))
    decay = np.exp(-((k * reach / 2) ** 2)) / period
    sent = np.asarray(decay[:, None] * box * phase, dtype=complex)
    return sent, np.exp(1j * np.outer(points - span[0], k)).astype(complex)


class Exposure:
    """The energy at fixed points for any doses of fixed rectangles.

    Args:
        points: Places [µm], shape (point, 2).
        rectangles: Left, bottom, right and top edges [µm], shape (rectangle, 4).
        spread: The point spread.
    """

    def __init__(self, points: Float, rectangles: Float, spread: PointSpread) -> None:
        pairs = list(zip(spread.ranges, spread.weights, strict=True))
        short = [pair for pair in pairs if pair[0] < _SHORT]
        self._near = _near(points, rectangles, short)
        self._waves = [_waves(points, rectangles, *pair) for pair in pairs if pair not in short]

    def energy(self, doses: Float) -> Float:
        """Energy at the points.

        Args:
            doses: Dose of each rectangle, shape (rectangle,).

        Returns:
            Energy over that of an endless area at dose 1, shape (point,).
        """
        total = np.asarray(self._near @ doses)
        return np.asarray(total + sum(waves.energy(doses) for waves in self._waves))


def _near(
    points: Float, rectangles: Float, pairs: list[tuple[float, float]]
) -> "csr_array[np.float64, tuple[int, int]]":
    """Short-range energy per dose of a rectangle, for the pairs near each other."""
    from scipy.sparse import csr_array
    from scipy.special import erf

    reach = _REACH * max((reach for reach, _ in pairs), default=0.0)
    inside = np.ones((len(points), len(rectangles)), dtype=bool)
    for axis in (0, 1):
        at = points[:, axis, None]
        inside &= (at > rectangles[:, axis] - reach) & (at < rectangles[:, axis + 2] + reach)
    point, rectangle = np.nonzero(inside)
    values = np.zeros(len(point))
    for width, weight in pairs:
        left, bottom, right, top = (
            erf((points[point, axis % 2] - rectangles[rectangle, axis]) / width)
            for axis in range(4)
        )
        values += weight / 4 * (left - right) * (bottom - top)
    return csr_array((values, (point, rectangle)), shape=inside.shape)


@dataclass(frozen=True)
class Correction:
    """The dose of every shape."""

    doses: Float
    """Dose of each rectangle over the base dose, in classes, shape (rectangle,)."""
    classes: tuple[float, ...]
    """The doses in use, from the lowest."""
    residual: float
    """Largest error of the energy at an edge, over the threshold."""


def corrected(rectangles: Float, spread: PointSpread, step: float = 0.01) -> Correction:
    """Doses for which the edges of all rectangles develop where they are drawn.

    Args:
        rectangles: Left, bottom, right and top edges [µm], shape (rectangle, 4).
        spread: The point spread.
        step: Ratio of neighbouring dose classes minus 1.

    Returns:
        The doses; every class is a power of (1 + step).

    Raises:
        NotConverged: If no doses are found, as for rectangles that overlap or touch.
    """
    exposure = Exposure(_edges(rectangles), rectangles, spread)
    doses = np.ones(len(rectangles))
    for _ in range(_STEPS):
        found = exposure.energy(doses).reshape(2, -1).mean(axis=0)
        doses = doses * THRESHOLD / found
        change = float(np.abs(found / THRESHOLD - 1).max())
        if change < _ACCURACY:
            break
    else:
        raise NotConverged(
            f"the proximity correction still changes by {change:.2g} after {_STEPS} steps. "
            "Merge rectangles that touch."
        )
    ladder = np.log1p(step)
    rungs, place = np.unique(np.round(np.log(doses) / ladder), return_inverse=True)
    levels = np.exp(rungs * ladder)
    energy = exposure.energy(levels[place])
    return Correction(
        levels[place],
        tuple(float(level) for level in levels),
        float(np.abs(energy / THRESHOLD - 1).max()),
    )


def isolated_dose(width: float, spread: PointSpread) -> float:
    r"""Dose of a long line by itself.

    The energy at its edge is $\sum_i w_i\,\mathrm{erf}(w/\beta_i)/2$.

    Args:
        width: Width of the line [µm].
        spread: The point spread.

    Returns:
        Dose over the base dose.

    Examples:
        >>> round(isolated_dose(600e-3, point_spread("sapphire", 50)), 3)
        1.336
    """
    from scipy.special import erf

    pairs = zip(spread.ranges, spread.weights, strict=True)
    return float(2 * THRESHOLD / sum(weight * erf(width / reach) for reach, weight in pairs))


def _edges(rectangles: Float) -> Float:
    """Middle of the left edges, then of the right edges, shape (2 rectangle, 2)."""
    middle = (rectangles[:, 1] + rectangles[:, 3]) / 2
    return np.concatenate([np.stack([rectangles[:, side], middle], axis=1) for side in (0, 2)])


def developed_widths(rectangles: Float, doses: Float, spread: PointSpread) -> Float:
    """Widths along x, at half length, that the resist opens.

    Args:
        rectangles: Left, bottom, right and top edges [µm], shape (rectangle, 4).
        doses: Dose of each rectangle, shape (rectangle,).
        spread: The point spread.

    Returns:
        Widths [µm], shape (rectangle,).

    Raises:
        NotConverged: If an edge is not found near the one that is drawn.
    """
    outwards = np.repeat([-1.0, 1.0], len(rectangles))
    width, weight = spread.ranges[0], spread.weights[0]
    drawn, moved, reach = _edges(rectangles), np.zeros(2 * len(rectangles)), 3 * width
    for _ in range(_STEPS):
        points = drawn + np.stack([outwards * moved, np.zeros_like(moved)], axis=1)
        excess = Exposure(points, rectangles, spread).energy(doses) - THRESHOLD
        # The forward beam alone makes the slope at an edge, to a per cent.
        slope = (
            np.tile(doses, 2) * weight / (np.sqrt(np.pi) * width) * np.exp(-((moved / width) ** 2))
        )
        step = np.clip(excess / slope, -width / 2, width / 2)
        moved += step
        if np.abs(step).max() < reach * _SETTLED or np.abs(moved).max() > reach:
            break
    if np.abs(step).max() > reach * _SETTLED:
        raise NotConverged(
            f"an edge develops more than {reach:.3g} um from where it is drawn. Change its dose."
        )
    return np.asarray(rectangles[:, 2] - rectangles[:, 0] + moved.reshape(2, -1).sum(axis=0))
