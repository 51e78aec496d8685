r"""What is drawn for one device: its lines, a label that can be read, marks that can be found.

The resist is positive and the lines grow in what is exposed, so every polygon drawn is a line. An
e-beam tool writes on a grid, and a period is rarely a multiple of it. Rounding the period would
move the laser wavelength; here each line is rounded by itself, and all lines have one width:

$$ w = g \left[ D \Lambda / g \right], \qquad
   x_k = x_0 + g \left[ (k \Lambda + s_k) / g \right] $$

| symbol | meaning |
|---|---|
| $g$ | grid step, which is also the database unit of the file |
| $[\cdot]$ | nearest integer, halves upwards |
| $\Lambda, D$ | period and duty |
| $x_k, w$ | left edge and width of line k |
| $s_k$ | total length of the phase shifts between the first line and line k |

The lines are one rectangle, repeated by a few array references. Every reference starts on the grid
and steps by a whole number of grid steps, so that no reader has anything to round.
"""

from dataclasses import dataclass
from fractions import Fraction

import gdstk
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device, Grating, Lines
from dfbdesign.errors import InputError
from dfbdesign.units import nm, um

_TIE_DIGITS = 6  # a step and a half is a tie, also when floating point says 1.4999999999
_MOST_COLUMNS = 32767  # the column count of a GDS array is a signed 16-bit number

MOST_STEPS = 2**31 - 1
"""A GDS coordinate is a signed 32-bit number."""
MARK_SIZE = 20 * um
"""Tip to tip of the crosses at the corners of a device."""
MARK_DISTANCE = 40 * um
"""From the corner of the grating to the centre of the cross, along x and along y."""
LABEL_DISTANCE = 60 * um
"""From the lower end of the lines to the top of the label: below the crosses, for any width."""


@dataclass(frozen=True)
class LinePattern:
    """The lines of one grating as drawn, in whole grid steps; x = 0 where the grating starts."""

    grid: float
    """Grid step [µm]."""
    stride: Fraction
    """Designed period in grid steps."""
    width: int
    """Width of every line along x."""
    length: int
    """Length of every line along y."""
    left: NDArray[np.int64]
    """Left edge of every line, shape (line,)."""

    @property
    def extent(self) -> tuple[float, float]:
        """Left edge of the first and right edge of the last line [µm]."""
        return float(self.left[0] * self.grid), float((self.left[-1] + self.width) * self.grid)


def to_steps(value: ArrayLike, grid: float) -> NDArray[np.int64]:
    """Nearest whole number of grid steps; halves go up, so equal pitches stay equal.

    Args:
        value: Lengths [µm].
        grid: Grid step [µm].

    Returns:
        Grid steps, of the shape of `value`.

    Examples:
        >>> to_steps([867.3 * nm, 867.5 * nm, 868.5 * nm], 1 * nm)
        array([867, 868, 869])
    """
    steps = np.round(np.asarray(value, dtype=float) / grid, _TIE_DIGITS)
    return np.floor(steps + 0.5).astype(np.int64)


def exposed_lines(device: Device) -> tuple[int, Lines]:
    """The lines that are written: those of the lowest patterned layer.

    Layers above it are patterned because they were deposited over these lines.

    Args:
        device: The device.

    Returns:
        Index of the layer in `device.layers`, and its lines.

    Raises:
        InputError: If no layer has lines.
    """
    for number, layer in enumerate(device.layers):
        if layer.lines is not None:
            return number, layer.lines
    raise InputError(
        f'"{device.name}" has no lines to write. Add lines = {{ material = "tio2-ald", '
        "duty = 0.35 } to a [[layer]]."
    )


def inserted_length(grating: Grating) -> NDArray[np.float64]:
    """Total length of the phase shifts to the left of every line.

    Args:
        grating: A finite grating; each shift is moved to the nearest end of a period.

    Returns:
        Length [µm], shape (line,).

    Raises:
        InputError: If the grating has no length.
    """
    number = np.arange(grating.periods)
    total = np.zeros(grating.periods)
    for phase_shift in grating.phase_shifts:
        total[number >= round(phase_shift.position * grating.periods)] += phase_shift.shift
    return total


def line_pattern(device: Device, grid: float = 1 * nm) -> LinePattern:
    """The lines of a device, each rounded to the grid by itself.

    Args:
        device: A device with lines and a grating of finite length and width.
        grid: Grid step of the e-beam tool [µm].

    Returns:
        The lines as they will be drawn.

    Raises:
        InputError: If the device is not finite, has fewer than two lines, or a line or a gap is
            narrower than the grid.

    Examples:
        >>> device = Device(
        ...     substrate="sapphire-c", superstrate="air",
        ...     layers=[Layer(thickness=50 * nm, material="cqd-film",
        ...                   lines=Lines(material="tio2-ald", duty=0.5))],
        ...     grating=Grating(period=867.3 * nm, length=500 * um, width=500 * um),
        ... )
        >>> pattern = line_pattern(device)
        >>> pattern.width, pattern.left[:6]
        (434, array([ 217, 1084, 1952, 2819, 3686, 4554]))
    """
    grating = device.need_grating()
    width = _line_width(device, grating.period, grid)
    if grating.width is None:
        raise InputError('grating has no width. Add width = "500 um", the length of its lines.')
    if grating.periods < 2:
        raise InputError(
            f"grating has {grating.periods} period; a layout needs two. Choose a larger length."
        )
    length = int(to_steps(grating.width, grid))
    if length < 1:
        raise InputError(
            f"width (along y) must be at least one grid step, {grid / nm:g} nm, "
            f"got {grating.width / nm:g} nm."
        )
    start = np.arange(grating.periods) * grating.period + inserted_length(grating)
    first = to_steps(start[0] + (grating.period - width * grid) / 2, grid)
    left = first + to_steps(start - start[0], grid)
    if max(left[-1] + width, length) > MOST_STEPS:
        raise InputError(
            f"the grating is {max(start[-1], grating.width):g} um long, more than GDS can count "
            f"in steps of {grid / nm:g} nm. Choose a coarser grid."
        )
    stride = Fraction(grating.period / grid).limit_denominator(10**_TIE_DIGITS)
    return LinePattern(grid, stride, width, length, left)


def _line_width(device: Device, period: float, grid: float) -> int:
    duty = exposed_lines(device)[1].duty
    width = int(to_steps(duty * period, grid))
    narrowest_gap = int(np.floor(np.round(period / grid, _TIE_DIGITS))) - width
    for name, steps, share in (("line", width, duty), ("gap", narrowest_gap, 1 - duty)):
        if steps < 1:
            raise InputError(
                f"the {name}, {share * period / nm:.4g} nm (duty {duty:g}, period "
                f"{period / nm:g} nm), is narrower than the grid of {grid / nm:g} nm. "
                f"Choose a {'larger' if name == 'line' else 'smaller'} duty or a finer grid."
            )
    return width


def _runs(pattern: LinePattern, stride: int) -> list[tuple[int, int, int]]:
    """Every line exactly once, as (left edge, number of lines, pitch), in arrays of equal pitch.

    Each array takes every `stride`-th line and ends where rounding or a phase shift breaks the
    pitch.
    """
    pitch = int(to_steps(float(stride * pattern.stride), 1))
    runs = []
    for offset in range(min(stride, len(pattern.left))):
        left = pattern.left[offset::stride]
        breaks = np.flatnonzero(np.diff(left) != pitch) + 1
        for run in np.split(left, breaks):
            pieces = range(0, len(run), _MOST_COLUMNS)
            runs += [(int(run[i]), len(run[i : i + _MOST_COLUMNS]), pitch) for i in pieces]
    return runs


def grating_cell(name: str, pattern: LinePattern, layer: int) -> gdstk.Cell:
    """The lines of a grating: one rectangle, and the fewest array references that repeat it.

    The stride of the arrays is a denominator of a rational approximation of the period, which
    keeps the number of references near or below twice the root of the number of lines.

    Args:
        name: Name of the cell; the cell of the single line is called `name` + "_line".
        pattern: The lines.
        layer: GDS layer of the lines.

    Returns:
        The cell; its lower left corner is where the grating starts.
    """
    grid = pattern.grid
    line = gdstk.Cell(f"{name}_line")
    size = (pattern.width * grid, pattern.length * grid)
    line.add(gdstk.rectangle((0, 0), size, layer=layer))
    strides = {pattern.stride.limit_denominator(2**bits).denominator for bits in range(11)}
    cell = gdstk.Cell(name)
    for left, columns, pitch in min((_runs(pattern, s) for s in sorted(strides)), key=len):
        cell.add(
            gdstk.Reference(line, (left * grid, 0), columns=columns, spacing=(pitch * grid, 0))
            if columns > 1
            else gdstk.Reference(line, (left * grid, 0))
        )
    return cell


def label(text: str, height: float, layer: int) -> list[gdstk.Polygon]:
    """Text to be read under the microscope, clear below the grating.

    Args:
        text: One or more lines of ASCII text.
        height: Height of a capital letter with its descender [µm].
        layer: GDS layer of the letters.

    Returns:
        The letters, starting at x = 0, from `LABEL_DISTANCE` below y = 0 downwards.
    """
    return gdstk.text(text, height, (0, -LABEL_DISTANCE - height), layer=layer)


def corner_marks(
    corner: tuple[float, float],
    opposite: tuple[float, float],
    distance: float,
    size: float,
    layer: int,
) -> list[gdstk.Polygon]:
    """Four crosses around a rectangle, with arms a tenth as wide as they are long tip to tip.

    Args:
        corner: Lower left corner of the rectangle [µm].
        opposite: Upper right corner of the rectangle [µm].
        distance: From each corner outwards to the centre of its cross, along x and along y [µm].
        size: Tip to tip [µm].
        layer: GDS layer of the crosses.

    Returns:
        The crosses.
    """
    columns = (corner[0] - distance, opposite[0] + distance)
    rows = (corner[1] - distance, opposite[1] + distance)
    return [gdstk.cross((x, y), size, size / 10, layer=layer) for x in columns for y in rows]


def device_cell(
    name: str,
    pattern: LinePattern,
    text: str,
    label_height: float,
    layers: tuple[int, int, int],
) -> gdstk.Cell:
    """A whole device: its lines in a cell of their own, its label and its four crosses.

    Args:
        name: Name of the cell; the cell of the lines is called `name` + "_grating".
        pattern: The lines.
        text: The label.
        label_height: Height of the letters [µm].
        layers: GDS layers of lines, label and crosses.

    Returns:
        The cell; its origin is the lower left corner of the grating.
    """
    lines_layer, label_layer, mark_layer = layers
    lines = grating_cell(f"{name}_grating", pattern, lines_layer)
    right, top = pattern.extent[1], pattern.length * pattern.grid
    cell = gdstk.Cell(name)
    cell.add(gdstk.Reference(lines))
    cell.add(*label(text, label_height, label_layer))
    cell.add(*corner_marks((0, 0), (right, top), MARK_DISTANCE, MARK_SIZE, mark_layer))
    return cell
