r"""Cells of single waveguides: straight, bend, taper, spiral, and the stripe for gain measurements.

Every open end is a straight piece of `STUB` along an axis, so that it is square on the grid and
joins the next cell without a seam. A spiral of two arms is made of half circles of pitch p around a
double bend of radius $\rho$, and of straight pieces s where it crosses the middle, so that its
length is exact and can be chosen:

$$ L = 2 \pi \rho (1 + 2 n) + \pi p n^2 + (1 + 2 n) s + \text{two circular bends and the leads} $$

with n half circles in each arm.
"""

from math import ceil, pi
from typing import Literal, Self

import gdstk
import numpy as np
from pydantic import Field, model_validator

from dfbdesign.checks import positive
from dfbdesign.errors import InputError
from dfbdesign.layout.curves import Curve, backwards, joined, straight_line, strip, turn
from dfbdesign.layout.records import PEN, Pen, recorded
from dfbdesign.schema import Angle, Length, Part
from dfbdesign.units import deg, mm, nm, um

STUB = 1 * um
"""Straight end of a cell, so that it is square on the grid."""
_TICK = (5 * um, 40 * um)  # of the ruler along a stripe
_MOST_HALF_CIRCLES = 400


class Waveguide(Part):
    """What every waveguide has."""

    width: Length = 600 * nm
    """Width of the waveguide as it opens."""

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for name, value in self:
            if isinstance(value, float) and name != "euler":
                positive(name, value)
        return self


class Straight(Waveguide):
    """A straight waveguide along x."""

    kind: Literal["straight"] = "straight"
    length: Length


class Bend(Waveguide):
    """A bend to the left that begins towards +x."""

    kind: Literal["bend"] = "bend"
    radius: Length
    """Smallest radius of curvature."""
    angle: Angle = 90 * deg
    euler: float = Field(default=0.0, ge=0, le=1)
    """Share of the angle in clothoids: 0 is a circular, 1 an Euler bend."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(abs(self.angle / deg - whole) for whole in (90, 180)) > 1e-9:
            raise InputError(
                f"angle must be 90 or 180 deg, for ends square on the grid, "
                f"got {self.angle / deg:g} deg."
            )
        return self


class Taper(Waveguide):
    """A linear taper along x."""

    kind: Literal["taper"] = "taper"
    length: Length
    end_width: Length


class Spiral(Waveguide):
    """A spiral of two arms for cut-back measurements, of a length that is exact."""

    kind: Literal["spiral"] = "spiral"
    length: Length
    """Along the centre line, from end to end."""
    radius: Length = 50 * um
    """Smallest radius: that of the double bend in the middle."""
    spacing: Length = 10 * um
    """From one turn to the next, centre to centre."""
    lead: Length = 100 * um
    """Straight piece at both ends."""


class Stripe(Waveguide):
    """A stripe for variable-stripe-length measurements, with a ruler along its lower side."""

    kind: Literal["stripe"] = "stripe"
    width: Length = 20 * um
    length: Length = 2 * mm
    tick: Length = 100 * um
    """Distance of the ticks of the ruler; every tenth is longer."""


def straight(design: Straight, name: str = "straight", pen: Pen = PEN) -> gdstk.Cell:
    """A straight waveguide.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the waveguide starts at the origin.
    """
    half = pen.drawn(design.width) / 2
    cell = gdstk.Cell(name).add(pen.rectangle(0, -half, design.length, half))
    return recorded(cell, design, length_um=design.length)


def bend(design: Bend, name: str = "bend", pen: Pen = PEN) -> gdstk.Cell:
    """A bend with a stub at both ends.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the waveguide starts at the origin towards +x.

    Raises:
        InputError: If the bend is too tight for its width.
    """
    stub = straight_line(STUB)
    curve = joined(stub, turn(design.angle, design.radius, design.euler), stub)
    cell = _along(name, curve, design.width, pen)
    return recorded(cell, design, length_um=curve.length)


def taper(design: Taper, name: str = "taper", pen: Pen = PEN) -> gdstk.Cell:
    """A taper between two stubs, which its length includes.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the waveguide starts at the origin.

    Raises:
        InputError: If there is no room for the stubs.
    """
    if design.length <= 3 * STUB:
        raise InputError(f"a taper must be longer than {3 * STUB:g} um, got {design.length:g} um.")
    x = np.array([0, STUB, design.length - STUB, design.length])
    widths = np.repeat([pen.drawn(design.width), pen.drawn(design.end_width)], 2)
    curve = Curve(x.astype(complex), np.zeros(4), design.length)
    cell = gdstk.Cell(name).add(*pen.polygons(strip(curve, widths, pen.grid)))
    return recorded(cell, design, length_um=design.length)


def spiral(design: Spiral, name: str = "spiral", pen: Pen = PEN) -> gdstk.Cell:
    """A spiral from left to right.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell.

    Raises:
        InputError: If the length does not hold the smallest spiral.
    """
    if design.spacing <= design.width:
        raise InputError(
            f"spacing must exceed the width, {design.width / nm:g} nm, "
            f"got {design.spacing / nm:g} nm."
        )
    half_circles, piece = _half_circles(design)
    curve = _spiral_line(design, half_circles, piece)
    cell = _along(name, curve, design.width, pen)
    return recorded(
        cell, design, length_um=curve.length, half_circles=2 * half_circles, straight_um=piece
    )


def stripe(design: Stripe, name: str = "stripe", pen: Pen = PEN) -> gdstk.Cell:
    """A stripe, and a ruler below it on the layer of the marks.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the stripe starts at the origin.
    """
    half = pen.drawn(design.width) / 2
    cell = gdstk.Cell(name).add(pen.rectangle(0, -half, design.length, half))
    wide, long = _TICK
    for number in range(int(design.length / design.tick + 1e-9) + 1):
        x, top = pen.snapped(number * design.tick), pen.snapped(-half - 4 * wide)
        reach = long * (2 if number % 10 == 0 else 1)
        tick = gdstk.rectangle((x - wide / 2, top - reach), (x + wide / 2, top), layer=pen.marks)
        cell.add(tick)
    return recorded(cell, design, length_um=design.length)


def _along(name: str, curve: Curve, width: float, pen: Pen) -> gdstk.Cell:
    return gdstk.Cell(name).add(*pen.polygons(strip(curve, pen.drawn(width), pen.grid)))


def _half_circles(design: Spiral) -> tuple[int, float]:
    """Half circles of each arm, and the straight pieces between them that make the length exact."""
    ends = 2 * design.lead + pi * design.radius
    wanted = design.length - ends

    def curved(n: int) -> float:
        return 2 * pi * design.radius * (1 + 2 * n) + pi * design.spacing * n**2

    def piece(n: int) -> float:
        return (wanted - curved(n)) / (1 + 2 * n)

    if piece(1) < 0:
        raise InputError(
            f"a spiral of radius {design.radius:g} um and leads of {design.lead:g} um is at least "
            f"{ceil(ends + curved(1))} um long, got {design.length:g} um. "
            "Choose a smaller radius or a larger length."
        )
    # As round as it gets: straight pieces no longer than the middle is wide.
    for n in range(1, _MOST_HALF_CIRCLES):
        if piece(n + 1) < 0 or piece(n) <= 4 * design.radius + 2 * n * design.spacing:
            return n, piece(n)
    raise InputError(
        f"a spiral of {design.length:g} um takes too many turns. Choose a larger radius."
    )


def _spiral_line(design: Spiral, half_circles: int, piece: float) -> Curve:
    """From the left end inwards, through the double bend, and outwards to the right end."""
    cross = straight_line(piece)
    arm = [turn(-pi, design.radius)]
    for number in range(half_circles):
        radius = 2 * design.radius + (number + 0.5) * design.spacing
        arm += [cross, turn(-pi, radius)]
    # The end runs on along y; a last bend turns it away from the spiral.
    outwards = joined(*arm, turn(pi / 2, design.radius), straight_line(design.lead))
    return joined(backwards(outwards), cross, outwards)
