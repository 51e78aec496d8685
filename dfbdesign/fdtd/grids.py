"""Stretched grids that fit a structure: whole numbers of pixels between its walls and its layers.

All refinements of a grid divide the same coarse pixels, so that the error of a run is a series in
the square of the pixel.
"""

from collections.abc import Iterable
from itertools import accumulate, pairwise
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from dfbdesign.fdtd.slabs import ROUNDING, Slab, symmetric

SHORTEST = 0.2
"""Least distance of fitted grid lines, over a coarse pixel; time steps shrink with it."""
COURANT, SAFE = 0.5, 0.9
"""Time step over pixel, and over the largest stable one, at most."""

Segments = tuple[tuple[float, int], ...]
"""Lengths [µm], each with its number of pixels."""


def segments(places: Iterable[float], coarse: float) -> Segments:
    """Whole pixels between places; those hardly apart from one before are left inside a pixel.

    Args:
        places: Two ends and what lies between, in any order [µm].
        coarse: Size that pixels shall have, about [µm].

    Returns:
        From the lowest to the highest place.

    Examples:
        >>> segments([0.0, 1.0, 1.01, 1.25], 0.1)
        ((1.0, 10), (0.25, 2))
    """
    first, *between, last = sorted(places)
    kept = [first]
    for place in between:
        if place - kept[-1] > SHORTEST * coarse and last - place > SHORTEST * coarse:
            kept.append(place)
    kept.append(last)
    return tuple((b - a, max(1, round((b - a) / coarse))) for a, b in pairwise(kept))


def fitted_columns(slabs: tuple[Slab, ...], width: float, coarse: float) -> Segments:
    """Pixels between upright walls; mirrored where the walls are, and an even number of them.

    Args:
        slabs: Of the structure, with x from its middle.
        width: Of the structure [µm].
        coarse: Size that pixels shall have, about [µm].

    Returns:
        From left to right.
    """
    upright = {foot for slab in slabs for foot, head in slab.walls if foot == head}
    if symmetric(slabs):
        right = segments([0.0, *(x for x in upright if x > 0), width / 2], coarse)
        return (*right[::-1], *right)
    found = list(segments([-width / 2, *upright, width / 2], coarse))
    if sum(count for _, count in found) % 2:
        widest = max(range(len(found)), key=lambda i: found[i][0] / found[i][1])
        found[widest] = found[widest][0], found[widest][1] + 1
    return tuple(found)


def fitted_layers(thicknesses: Iterable[float], coarse: float) -> Segments:
    """Pixels of the layers.

    Args:
        thicknesses: From the substrate up [µm].
        coarse: Size that pixels shall have, about [µm].

    Returns:
        From the substrate up.
    """
    return segments([0.0, *accumulate(thicknesses)], coarse)


def refined(parts: Segments, refinement: int) -> Segments:
    """The same lengths in smaller pixels.

    Args:
        parts: The coarse grid.
        refinement: Into how many each of its pixels is divided.

    Returns:
        The fine grid.
    """
    return tuple((length, count * refinement) for length, count in parts)


def courant(slabs: tuple[Slab, ...], columns: Segments, layers: Segments, coarse: float) -> float:
    """Time step over pixel, safely stable; a stretched pixel counts with its true size.

    Args:
        slabs: Of the structure, from the substrate to the superstrate.
        columns: Coarse pixels along x.
        layers: Coarse pixels of the layers, from the substrate's surface up.
        coarse: Nominal size, and true one outside the layers [µm].

    Returns:
        The same for all refinements.
    """
    across = min(length / count for length, count in columns)
    found, bottom = [], 0.0
    for height, top in ((coarse, 0.0), *_heights(layers), (coarse, slabs[-1].top)):
        least = min(
            min(value[0], value[2])
            for below, slab in pairwise((Slab(-inf, (), ()), *slabs))
            if below.top < max(top, ROUNDING) - ROUNDING / 2 and slab.top >= bottom
            for value in slab.permittivity
        )
        found.append(sqrt(least / (across**-2 + height**-2)) / coarse)
        bottom = top
    return min(COURANT, SAFE * min(found))


def _heights(layers: Segments) -> list[tuple[float, float]]:
    """Pixel and upper face of every fitted layer."""
    tops = accumulate(length for length, _ in layers)
    return [(length / count, top) for (length, count), top in zip(layers, tops, strict=True)]


def nearest_line(parts: Segments, place: float) -> int:
    """Number of the grid line nearest to a place, from the first one.

    Args:
        parts: Of the grid.
        place: From its beginning [µm].

    Returns:
        The number; 0 for the beginning.

    Examples:
        >>> nearest_line(((1.0, 10), (0.25, 2)), 1.1)
        11
    """
    return int(np.abs(lines(parts) - place).argmin())


def lines(parts: Segments, start: float = 0.0) -> NDArray[np.float64]:
    """Places of all grid lines, both ends too.

    Args:
        parts: Of the grid.
        start: Place of the first line [µm].

    Returns:
        Shape (pixel + 1,) [µm].
    """
    sizes = np.concatenate([np.full(count, length / count) for length, count in parts])
    return np.asarray(start + np.concatenate([[0.0], np.cumsum(sizes)]))
