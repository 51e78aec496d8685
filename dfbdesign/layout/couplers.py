"""Cells that divide or couple light: splitter, directional coupler, grating coupler."""

from math import acos
from typing import Literal

import gdstk
import numpy as np
from pydantic import Field

from dfbdesign.checks import within
from dfbdesign.errors import InputError
from dfbdesign.layout.cells import line_steps
from dfbdesign.layout.curves import Curve, joined, straight_line, strip, turn
from dfbdesign.layout.records import PEN, Pen, recorded
from dfbdesign.layout.waveguides import STUB, Waveguide
from dfbdesign.schema import Length
from dfbdesign.units import nm, um


class Splitter(Waveguide):
    """A multimode interferometer with one input and two outputs."""

    kind: Literal["splitter"] = "splitter"
    body_width: Length = 6 * um
    body_length: Length = 30 * um
    """In a wide body, 3 n_eff body_width² / (8 wavelength) for two images."""
    taper_width: Length = 1.5 * um
    """Width of the waveguides where they meet the body."""
    taper_length: Length = 20 * um
    separation: Length = 20 * um
    """Of the outputs, centre to centre."""
    radius: Length = 50 * um
    """Of the bends that part the outputs."""


class Coupler(Waveguide):
    """Two waveguides that run side by side and part at both ends."""

    kind: Literal["coupler"] = "coupler"
    gap: Length
    """Between the waveguides, as it opens."""
    length: Length
    """Of the straight part."""
    separation: Length = 20 * um
    """Of the ends, centre to centre."""
    radius: Length = 50 * um
    """Of the bends."""


class GratingCoupler(Waveguide):
    """A taper onto lines of uniform period, with light coming in from the left."""

    kind: Literal["grating-coupler"] = "grating-coupler"
    period: Length
    duty: float = Field(gt=0, lt=1)
    lines: int = Field(ge=2, le=10000)
    line_length: Length = 12 * um
    taper_length: Length = 150 * um


def splitter(design: Splitter, name: str = "splitter", pen: Pen = PEN) -> gdstk.Cell:
    """A splitter: taper, body, two tapers at a quarter of the body's width, bends apart.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the input starts at the origin.

    Raises:
        InputError: If the outputs do not fit side by side, or cannot part that far.
    """
    within("taper_width (in um)", design.taper_width, design.width, design.body_width / 2 - 50 * nm)
    taper = _taper_line(design.taper_length)
    narrow, broad = pen.drawn(design.width), pen.drawn(design.taper_width)
    rising = np.array([narrow, narrow, broad, broad])
    start, end = pen.snapped(design.taper_length), pen.snapped(design.body_length)
    half, quarter = pen.drawn(design.body_width) / 2, pen.snapped(design.body_width / 4)
    cell = gdstk.Cell(name)
    cell.add(*pen.polygons(strip(taper, rising, pen.grid)))
    cell.add(pen.rectangle(start, -half, start + end, half))
    apart = _offset_line(design.separation / 2 - quarter, design.radius)
    for side in (1, -1):
        at = start + end + 1j * side * quarter
        cell.add(*pen.polygons(strip(taper, rising[::-1], pen.grid, at)))
        arm = apart if side > 0 else _mirrored(apart)
        cell.add(*pen.polygons(strip(arm, narrow, pen.grid, at + start)))
    return recorded(cell, design, length_um=float(start + end + start + apart.points[-1].real))


def coupler(design: Coupler, name: str = "coupler", pen: Pen = PEN) -> gdstk.Cell:
    """A directional coupler.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the gap runs along y = 0 from the origin.

    Raises:
        InputError: If the ends are nearer to each other than the gap.
    """
    width = pen.drawn(design.width)
    pitch = pen.snapped(design.gap + pen.bias) + width
    away = _offset_line((design.separation - pitch) / 2, design.radius)
    cell = gdstk.Cell(name)
    bottom = pen.snapped((pitch - width) / 2)  # half the gap; the other may be a step more
    for side, low in ((1, bottom), (-1, bottom - (pitch - width) - width)):
        centre = 1j * (low + width / 2)
        cell.add(pen.rectangle(0, low, design.length, low + width))
        for at, turned in ((pen.snapped(design.length), 1), (0.0, -1)):
            arm = away if side * turned > 0 else _mirrored(away)
            heading = 0.0 if turned > 0 else np.pi
            cell.add(*pen.polygons(strip(arm, width, pen.grid, at + centre, heading)))
    total = design.length + 2 * away.length
    return recorded(cell, design, length_um=total, drawn_gap_nm=(pitch - width) / nm)


def grating_coupler(
    design: GratingCoupler, name: str = "grating-coupler", pen: Pen = PEN
) -> gdstk.Cell:
    """A grating coupler: a taper, and lines behind it, the first gap before the first line.

    Args:
        design: What to draw.
        name: Name of the cell.
        pen: How to draw.

    Returns:
        The cell; the waveguide starts at the origin.

    Raises:
        InputError: If lines or gaps are narrower than the grid, or lines than the waveguide.
    """
    within("line_length (in um)", design.line_length, design.width, 1000)
    wide = line_steps(design.duty, design.period, pen.grid, pen.bias) * pen.grid
    ends = [pen.drawn(design.width), pen.drawn(design.line_length)]
    taper = _taper_line(design.taper_length)
    cell = gdstk.Cell(name)
    cell.add(*pen.polygons(strip(taper, np.repeat(ends, 2), pen.grid)))
    start, half = pen.snapped(design.taper_length), pen.drawn(design.line_length) / 2
    for number in range(design.lines):
        left = pen.snapped(start + (number + 1) * design.period - wide)
        cell.add(pen.rectangle(left, -half, left + wide, half))
    return recorded(
        cell, design, length_um=start + design.lines * design.period, line_width_nm=wide / nm
    )


def _taper_line(length: float) -> Curve:
    if length <= 3 * STUB:
        raise InputError(f"taper_length must exceed {3 * STUB:g} um, got {length:g} um.")
    x = np.array([0, STUB, length - STUB, length])
    return Curve(x.astype(complex), np.zeros(4), length)


def _offset_line(offset: float, radius: float) -> Curve:
    """Two bends that move a waveguide to the left by an offset, between stubs."""
    if not 0 < offset < 2 * radius:
        raise InputError(
            f"separation moves each arm by {offset:g} um, which must lie between 0 and "
            f"{2 * radius:g} um, twice the radius. Choose another separation."
        )
    angle = acos(1 - offset / (2 * radius))
    stub = straight_line(STUB)
    return joined(stub, turn(angle, radius), turn(-angle, radius), stub)


def _mirrored(curve: Curve) -> Curve:
    return Curve(np.conj(curve.points), -curve.heading, curve.length)
