"""Where modes are searched for: ellipses in the k plane, and how many modes they hold.

The winding of the phase of det F around an ellipse counts the zeros in it. Rayleigh anomalies,
where a diffraction order grazes a half-space, are branch points: each ellipse lies between two.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import pi

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.media import medium
from dfbdesign.solvers.modal import Cells, Index, System

SEARCHED = 0.08
"""Half-width of the searched window: a pair of band edges across the border is not cut in two."""
LOWEST_Q = 20.0
"""Smallest quality factor searched for; film resonances of a few round trips are left out."""
POINTS = 32
"""Points of a contour, before it is refined where the phase turns fast."""
GRADED = pi / POINTS / 2.0 ** np.arange(1, 9)
"""Angles of further points next to a tip on an anomaly."""
ROUNDING = 1e-11
"""Changes of a wavenumber below this, relative, are rounding; with Im k so small Q is infinite."""


@dataclass(frozen=True)
class Contours:
    """Ellipses in the k plane, each for one device and sector; arrays of shape (contour,)."""

    row: Index
    sector: Index
    middle: Real
    across: Real
    up: Real
    grazing: NDArray[np.bool_]
    """Whether the lower and the upper end lie on an anomaly, where the phase of det F turns as a
    square root; shape (contour, 2)."""

    def where(self, kept: Index) -> "Contours":
        """Some of the contours.

        Args:
            kept: Their places.

        Returns:
            These contours.
        """
        return Contours(
            self.row[kept],
            self.sector[kept],
            self.middle[kept],
            self.across[kept],
            self.up[kept],
            self.grazing[kept],
        )

    def points(self, angle: Real) -> Complex:
        """Wavenumbers on the ellipses, shape (contour, angle)."""
        cosine, sine = np.cos(angle), np.sin(angle)
        return self.middle[:, None] + self.across[:, None] * cosine + 1j * self.up[:, None] * sine

    def system(self, cells: Cells, angle: Real) -> System:
        """The periods at all points, contour after contour."""
        repeat = len(angle)
        return cells.at(
            self.points(angle).ravel(), np.repeat(self.row, repeat), np.repeat(self.sector, repeat)
        )

    def hold(self, contour: Index, k: Complex) -> NDArray[np.bool_]:
        """Whether wavenumbers lie inside their contours."""
        x = (k.real - self.middle[contour]) / self.across[contour]
        return np.asarray(x**2 + (k.imag / self.up[contour]) ** 2 < 1)


def anomalies(cells: Cells, centre: float) -> Real:
    """Wavenumbers at which a diffraction order grazes a half-space: branch points of F.

    Args:
        cells: The batch.
        centre: Where to look first [1/µm].

    Returns:
        Shape (device, sector, anomaly); those of steep functions are far beyond the centre.
    """
    period = cells.period
    lateral = np.sort(np.sqrt(np.maximum(cells.lateral.square, 0)), axis=-1)
    lateral = lateral[..., : int((lateral < 8 * centre).sum(axis=-1).max())]
    row = np.broadcast_to(np.arange(len(lateral))[:, None, None], lateral.shape).ravel()
    found = []
    for end in (period.substrate, period.superstrate):
        k = np.full(row.shape, centre + 0j)
        steady = period.fillings[end].constant is not None
        for _ in range(1 if steady else 8):  # K = k n(k): dispersion is weak
            near = medium(period.fillings[end], k, row, cells.about)
            index = np.sqrt(near.ordinary if period.polarization == "TE" else near.extraordinary)
            k = lateral.ravel() / index
        found.append(k.real.reshape(lateral.shape))
    return np.concatenate(found, axis=-1)


def contours_around(cells: Cells, centre: float) -> Contours:
    """The searched ellipses, one between any two Rayleigh anomalies.

    Args:
        cells: The batch.
        centre: Middle of the window [1/µm].

    Returns:
        The ellipses of all devices and sectors.
    """
    low, high = centre * (1 - SEARCHED), centre * (1 + SEARCHED)
    found = []
    grazing = anomalies(cells, centre)
    inside = (grazing > low) & (grazing < high)
    for row, sector in np.ndindex(grazing.shape[:2]):
        inner = sorted(set(grazing[row, sector, inside[row, sector]].tolist()))
        for start, end in pairwise([low, *inner, high]):
            middle, across = (start + end) / 2, (end - start) / 2
            # the cut below an anomaly bends by y²/2k: a narrow ellipse must not reach it
            up = min(middle / (2 * LOWEST_Q), np.sqrt(across * middle / 2))
            if across > ROUNDING * middle:
                found.append((row, sector, middle, across, up, (start != low, end != high)))
    row, sector, *ellipse = (np.array(column) for column in zip(*found, strict=True))
    return Contours(row, sector, *ellipse)


def count_around(cells: Cells, centre: float) -> Index:
    """How many modes every device has in the searched window, by winding alone.

    Args:
        cells: The batch, its dispersion continued from the centre.
        centre: Middle of the window [1/µm].

    Returns:
        Shape (device,).
    """
    contours = contours_around(cells, centre)
    angle = 2 * pi * (np.arange(POINTS) + 0.5) / POINTS
    counts = windings(cells, contours, angle, contours.system(cells, angle))
    return np.bincount(contours.row, counts, len(cells.period.rows)).astype(int)


def anomalies_in_window(cells: Cells, centre: float) -> tuple[Index, Index, Real, Index]:
    """Where an order grazes a half-space within the searched window.

    Args:
        cells: The batch, its dispersion continued from the centre.
        centre: Middle of the window [1/µm].

    Returns:
        Device, sector, wavenumber [1/µm], and 1 for the superstrate or 0 for the substrate, of
        every anomaly, shape (anomaly,) each.
    """
    grazing = anomalies(cells, centre)
    row, sector, place = np.nonzero(np.abs(grazing / centre - 1) < SEARCHED)
    return row, sector, grazing[row, sector, place], 2 * place // grazing.shape[-1]


def windings(cells: Cells, contours: Contours, angle: Real, system: System) -> Index:
    """Zeros of det F inside every contour, from its phase, followed in steps below one radian.

    Args:
        cells: The batch.
        contours: The ellipses.
        angle: Angles of the points on them.
        system: The periods at these points, contour after contour.

    Returns:
        Shape (contour,).

    Raises:
        NotConverged: If a mode lies on a contour.
    """
    phases = system.phase_of_determinant().reshape(-1, len(angle))
    steps = _steps(phases)
    counts: Index = np.rint(steps.sum(axis=-1) / (2 * pi)).astype(int)
    rough = (np.abs(steps) > 1.0).any(axis=-1)
    for number in np.flatnonzero(rough | contours.grazing.any(axis=1)):
        one, start, phase = contours.where(np.array([number])), angle, phases[number]
        ends = np.array([pi, 0.0])[contours.grazing[number]]
        if len(ends):  # a turn may hide between points at the tips
            tips = np.add.outer(ends, [*GRADED, *-GRADED]).ravel() % (2 * pi)
            order = np.argsort(start := np.concatenate([start, tips]))
            more = one.system(cells, tips).phase_of_determinant()
            start, phase = start[order], np.concatenate([phase, more])[order]
        counts[number] = _followed(cells, one, start, phase)
    return counts


def _steps(phase: Real) -> Real:
    turned = np.diff(phase, append=phase[..., :1])
    return np.asarray((turned + pi) % (2 * pi) - pi)


def _followed(cells: Cells, contour: Contours, angle: Real, phase: Real) -> int:
    for _ in range(20):
        steps = _steps(phase)
        rough = np.abs(steps) > 1.0
        if not rough.any():
            return round(float(steps.sum()) / (2 * pi))
        between = (angle + np.append(angle[1:], angle[0] + 2 * pi))[rough] / 2
        place = np.flatnonzero(rough) + 1
        angle = np.insert(angle, place, between)
        more = contour.system(cells, between).phase_of_determinant()
        phase = np.insert(phase, place, more)
    raise NotConverged(
        "a mode lies on the border of the search. Move the target wavelength a little."
    )
