r"""Cells of gratings beyond the uniform one: chirped, apodised, circular, and square.

A chirped grating of N lines has pitches that grow evenly by c from end to end; line k stands at

$$ x_k = k \Lambda + \frac{c k}{2} \left[ \frac{k}{N - 1} - 1 \right] , $$

so that its length is that of the uniform one. Apodised, the duty falls from the middle to both ends
as $D_e + (D - D_e) \sin^2[\pi (k + 1/2) / N]$. Every edge is rounded to the grid by itself.
"""

from math import pi
from typing import Literal, Self

import gdstk
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from dfbdesign.checks import positive
from dfbdesign.device import PhaseShift
from dfbdesign.errors import InputError
from dfbdesign.grating import inserted_length
from dfbdesign.layout.cells import (
    LineGroup,
    line_steps,
    lines_cell,
    stride,
    to_steps,
)
from dfbdesign.layout.curves import strip, turn
from dfbdesign.layout.records import PEN, Pen, recorded
from dfbdesign.schema import Length, Part
from dfbdesign.units import nm


class _Periodic(Part):
    """What all gratings have."""

    period: Length
    duty: float = Field(gt=0, lt=1)
    """Line width over period."""
    order: int = Field(default=2, ge=1, le=4)
    """Bragg order that the period was chosen for."""

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for name, value in self:
            if isinstance(value, float) and name not in ("chirp", "inner_radius", "edge_duty"):
                positive(name, value)
        return self


class LineGrating(_Periodic):
    """Straight lines, chirped, apodised and with phase shifts as wanted."""

    kind: Literal["line-grating"] = "line-grating"
    length: Length
    width: Length
    """Length of the lines along y."""
    chirp: Length = 0.0
    """How much longer the last pitch is than the first."""
    edge_duty: float | None = Field(default=None, gt=0, lt=1)
    """Duty at both ends; `None` for the same duty everywhere."""
    phase_shifts: tuple[PhaseShift, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not abs(self.chirp) < self.period / 2:
            raise InputError(
                f"chirp must be less than half the period, {self.period / 2 / nm:g} nm, "
                f"got {self.chirp / nm:g} nm."
            )
        if self.length < 2 * self.period:
            raise InputError(
                f"length must hold two periods, {2 * self.period:g} um, got {self.length:g} um."
            )
        return self


class CircularGrating(_Periodic):
    """Rings around a common centre."""

    kind: Literal["circular-grating"] = "circular-grating"
    radius: Length
    """Outer radius."""
    inner_radius: Length = Field(default=0.0, ge=0)
    """Of the disk without rings in the middle."""


class SquareGrating(_Periodic):
    """Square posts on a square lattice: lines along x and along y at once."""

    kind: Literal["square-grating"] = "square-grating"
    side: Length


def line_places(design: LineGrating) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the lines of a grating shall be, before rounding.

    Args:
        design: The grating.

    Returns:
        Centres from the start of the grating, and widths, shape (line,) each [µm].
    """
    count = round(design.length / design.period)
    number = np.arange(count)
    chirped = number * design.period + design.chirp * number / 2 * (number / (count - 1) - 1)
    centres = design.period / 2 + chirped + inserted_length(count, design.phase_shifts)
    pitches = design.period + design.chirp * (number / (count - 1) - 0.5)
    edge = design.duty if design.edge_duty is None else design.edge_duty
    duty = edge + (design.duty - edge) * np.sin(pi * (number + 0.5) / count) ** 2
    return centres, duty * pitches


def line_grating(design: LineGrating, name: str = "line-grating", pen: Pen = PEN) -> gdstk.Cell:
    """A grating of straight lines along y.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; its lower left corner is where the grating starts.

    Raises:
        InputError: If a line or a gap is narrower than the grid.
    """
    for duty in {design.duty, design.edge_duty or design.duty}:
        line_steps(duty, design.period - abs(design.chirp) / 2, pen.grid, pen.bias)
    centres, wanted = line_places(design)
    widths = to_steps(wanted - pen.bias, pen.grid)
    left = to_steps(centres - widths * pen.grid / 2, pen.grid)
    length = int(to_steps(design.width, pen.grid))
    groups = [
        LineGroup(left[widths == width], int(width), length, pen.lines)
        for width in np.unique(widths)
    ]
    cell = lines_cell(name, stride(design.period, pen.grid), pen.grid, groups)
    return recorded(cell, design, lines=len(left), length_um=len(left) * design.period)


def circular_grating(
    design: CircularGrating, name: str = "circular-grating", pen: Pen = PEN
) -> gdstk.Cell:
    """Rings, as four equal quarters that share their ends.

    Args:
        design: What to draw.
        name: Name of the cell; that of a quarter is called `name` + "_quarter".
        pen: How to draw.

    Returns:
        The cell; its origin is the centre.

    Raises:
        InputError: If a ring or gap is narrower than the grid, or no ring fits.
    """
    count = int((design.radius - design.inner_radius) / design.period + 1e-9)
    if count < 1:
        raise InputError(
            f"no ring fits between inner_radius {design.inner_radius:g} um and radius "
            f"{design.radius:g} um. Choose a larger radius."
        )
    width = line_steps(design.duty, design.period, pen.grid, pen.bias) * pen.grid
    quarter = gdstk.Cell(f"{name}_quarter")
    for number in range(count):
        radius = design.inner_radius + (number + 0.5) * design.period
        arc = strip(turn(pi / 2, radius), width, pen.grid, radius, pi / 2)
        quarter.add(*pen.polygons(arc))
    cell = gdstk.Cell(name)
    cell.add(*(gdstk.Reference(quarter, (0, 0), rotation=pi / 2 * turns) for turns in range(4)))
    return recorded(cell, design, rings=count, line_width_nm=width / nm)


def square_grating(
    design: SquareGrating, name: str = "square-grating", pen: Pen = PEN
) -> gdstk.Cell:
    """Square posts; rows and columns are rounded to the grid by themselves.

    Args:
        design: What to draw.
        name: Name of the cell; that of its columns is called `name` + "_column".
        pen: How to draw.

    Returns:
        The cell; its lower left corner is where the grating starts.

    Raises:
        InputError: If a post or gap is narrower than the grid, or fewer than two fit.
    """
    count = round(design.side / design.period)
    if count < 2:
        raise InputError(f"side must hold two periods, {2 * design.period:g} um.")
    width = line_steps(design.duty, design.period, pen.grid, pen.bias)
    centres = (np.arange(count) + 0.5) * design.period
    places = to_steps(centres - width * pen.grid / 2, pen.grid)
    group = LineGroup(places, width, width, pen.lines)
    row = lines_cell(f"{name}_row", stride(design.period, pen.grid), pen.grid, [group])
    cell = gdstk.Cell(name)
    cell.add(*(gdstk.Reference(row, (0, place * pen.grid)) for place in places.tolist()))
    return recorded(cell, design, posts=count**2, line_width_nm=width * pen.grid / nm)
