r"""Write fields: where a long grating is cut, and what a slip between two fields does to it.

A field holds a whole number of periods, and its edge lies in the middle of a gap: no line is cut.
Fields that slip by $s_f$ change the mean period by

$$ \delta\Lambda = \sum_f w_f s_f, \qquad
   w_f = \sum_{k \in f} (k - \bar k) \Big/ \sum_k (k - \bar k)^2 $$

where k counts lines, and a single slip $s$ shifts the round-trip phase of the Bragg reflection by
$2 \pi m s / \Lambda$ in a grating of order m.
"""

from dataclasses import dataclass
from itertools import pairwise

import gdstk
import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.layout.cells import LinePattern
from dfbdesign.units import nm


@dataclass(frozen=True)
class FieldPlan:
    """The write fields of one grating."""

    periods: int
    """Lines in every field but the last, which may hold fewer."""
    edges: tuple[int, ...]
    """Where one field ends and the next begins, in grid steps."""
    rows: int
    """Fields along y."""
    lines: int
    """Lines of the grating."""

    @property
    def number(self) -> NDArray[np.int64]:
        """The field, counted from the left, that holds each line, shape (line,)."""
        return np.arange(self.lines) // self.periods

    @property
    def weights(self) -> NDArray[np.float64]:
        """Change of the mean period per slip of each field, shape (field,)."""
        centred = np.arange(self.lines) - (self.lines - 1) / 2
        weights = np.bincount(self.number, centred) / (centred @ centred)
        return weights.astype(np.float64)

    def period_error(self, stitching: float) -> float:
        """Standard deviation of the mean period when fields slip independently.

        Args:
            stitching: Standard deviation of the place of a field [µm].

        Returns:
            Standard deviation of the mean period [µm].
        """
        return stitching * float(np.linalg.norm(self.weights)) if self.edges else 0.0


def field_plan(pattern: LinePattern, size: float) -> FieldPlan:
    """Cut a grating into fields of whole periods, with every cut in the middle of a gap.

    Args:
        pattern: The lines.
        size: Side of a field [µm].

    Returns:
        The fields, as few as fit.

    Raises:
        InputError: If a field does not hold a single period.
    """
    steps = int(np.floor(size / pattern.grid + 1e-6))
    left, right = pattern.left, pattern.right
    periods = min(int(steps / pattern.stride), len(left))
    while periods > 0:
        starts = np.arange(periods, len(left), periods)
        edges = (right[starts - 1] + left[starts]) // 2
        ends = np.concatenate([[left[0]], edges, [right[-1]]])
        if np.diff(ends).max() <= steps:  # phase shifts lengthen a field, so may rounding
            rows = -(-pattern.length // steps)
            return FieldPlan(periods, tuple(edges.tolist()), rows, len(left))
        periods -= 1
    raise InputError(
        f"a write field of {size:g} um does not hold one period of "
        f"{float(pattern.stride) * pattern.grid / nm:g} nm. Choose a larger field size."
    )


def field_outlines(
    pattern: LinePattern, plan: FieldPlan, size: float, layer: int
) -> list[gdstk.Polygon]:
    """The fields of a grating as rectangles, for the person who places them at the tool.

    Args:
        pattern: The lines.
        plan: Their fields.
        size: Side of a field [µm].
        layer: GDS layer of the outlines.

    Returns:
        One rectangle for each field, no larger than a field.
    """
    grid = pattern.grid
    steps = int(np.floor(size / grid + 1e-6))
    ends = [int(pattern.left[0]), *plan.edges, int(pattern.right[-1])]
    tops = [*range(0, pattern.length, steps), pattern.length]
    return [
        gdstk.rectangle((left * grid, low * grid), (right * grid, high * grid), layer=layer)
        for left, right in pairwise(ends)
        for low, high in pairwise(tops)
    ]


def need_whole_steps(pattern: LinePattern, chirp: float = 0.0) -> None:
    """Refuse a period that only dithering can write.

    Args:
        pattern: The lines.
        chirp: Of their period [µm].

    Raises:
        InputError: If the period is no whole number of grid steps, or changes.
    """
    if chirp:
        raise InputError(
            f"grating chirp {chirp / nm:g} nm: its lines are off the grid, and dither is off. "
            'Write dither = "rounding".'
        )
    if pattern.stride.denominator != 1:
        grid = pattern.grid / nm
        period = float(pattern.stride) * grid
        raise InputError(
            f"period {period:.8g} nm is no whole number of steps of {grid:g} nm, so that no write "
            f'field ends on the grid, and dither is off. Write dither = "rounding", or '
            f'period = "{round(pattern.stride) * grid:.8g} nm".'
        )
