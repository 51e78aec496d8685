r"""The lines of one device as they are drawn.

The resist is positive and the lines grow in what is exposed, so every polygon drawn is a line. An
e-beam tool writes on a grid, and a period is rarely a multiple of it. Rounding the period would
move the laser wavelength; here each line is rounded by itself, and lines of one duty and period
have one width:

$$ w_k = g \left[ D_k \Lambda_k / g \right], \qquad
   x_k = x_0 + g \left[ (c_k - w_k / 2 - c_0 + w_0 / 2) / g + o \right] $$

| symbol | meaning |
|---|---|
| $g$ | grid step, which is also the database unit of the file |
| $[\cdot]$ | nearest integer, halves upwards |
| $\Lambda_k, D_k$ | period and duty at line k: chirped, apodised or the same for all |
| $x_k, w_k$ | left edge and width of line k as drawn |
| $c_k$ | its centre as designed, with the phase shifts and slips before it |
| $o$ | the same part of a step for all lines, chosen so that the mean period is exact |

Rounding alone can tilt the straight line through all lines: 575 lines of 870.0008 nm on a 1 nm
grid would all be 870 nm apart. Where the roundings change is free, so $o$ is chosen among 64ths.

Rounding leaves a sawtooth, which is slow, and so an error of the phase that light collects, when
the period is nearly a whole number of steps. Sigma-delta dithering hands the rest of each rounding
to the next line: edges are up to a step off instead of half a step, but the errors of neighbours
cancel.

Lines of one width are one rectangle, repeated by a few array references. Every reference starts on
the grid and steps by a whole number of grid steps, so that no reader has anything to round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import gdstk
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device, Grating, Lines
from dfbdesign.errors import InputError
from dfbdesign.units import nm

_TIE_DIGITS = 6  # a step and a half is a tie, also when floating point says 1.4999999999
_OFFSETS = 64  # of the roundings of a grating
_SAME_TILT = 1e-5  # of a grid step per line: 0.01 pm on a grid of 1 nm
_FEW = 4  # lines of one width that take less space as polygons than as a cell and references
_MOST_COLUMNS = 32767  # the column count of a GDS array is a signed 16-bit number

Float = NDArray[np.float64]

MOST_STEPS = 2**31 - 1
"""A GDS coordinate is a signed 32-bit number."""
Dither = Literal["off", "rounding", "sigma-delta"]
"""How lines are put on the grid: not unless they are on it, one by one, or with their errors fed
back."""


@dataclass(frozen=True)
class LinePattern:
    """The lines of one grating as drawn, in whole grid steps; x = 0 where the grating starts."""

    grid: float
    """Grid step [µm]."""
    stride: Fraction
    """Designed period in grid steps."""
    widths: NDArray[np.int64]
    """Width of every line along x, shape (line,)."""
    length: int
    """Length of every line along y."""
    left: NDArray[np.int64]
    """Left edge of every line, shape (line,)."""

    @property
    def right(self) -> NDArray[np.int64]:
        """Right edge of every line, shape (line,)."""
        return self.left + self.widths

    @property
    def extent(self) -> tuple[float, float]:
        """Left edge of the first and right edge of the last line [µm]."""
        return float(self.left[0] * self.grid), float(self.right[-1] * self.grid)


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
            if any(line.material == layer.lines.material for line in layer.further_lines):
                raise InputError(
                    f'"{device.name}": layer {number + 1} has several lines in a period, which no '
                    "cell writes yet. Leave one."
                )
            return number, layer.lines
    raise InputError(
        f'"{device.name}" has no lines to write. Add lines = {{ material = "tio2-ald", '
        "duty = 0.35 } to a [[layer]]."
    )


def line_pattern(
    device: Device, grid: float = 1 * nm, bias: float = 0.0, dither: Dither = "rounding"
) -> LinePattern:
    """The lines of a device, each rounded to the grid by itself.

    Args:
        device: A device with lines and a grating of finite length and width.
        grid: Grid step of the e-beam tool [µm].
        bias: How much wider a line opens than it is drawn [µm].
        dither: How its lines are put on the grid.

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
        >>> int(pattern.widths[0]), pattern.left[:6]
        (434, array([ 217, 1084, 1952, 2819, 3686, 4554]))
    """
    grating = device.need_grating()
    if grating.width is None:
        raise InputError('grating has no width. Add width = "500 um", the length of its lines.')
    if grating.periods < 2:
        raise InputError(
            f"grating has {grating.periods} period; a layout needs two. Choose a larger length."
        )
    widths = _widths(grating, exposed_lines(device)[1].duty, grid, bias)
    length = int(to_steps(grating.width, grid))
    if length < 1:
        raise InputError(
            f"width (along y) must be at least one grid step, {grid / nm:g} nm, "
            f"got {grating.width / nm:g} nm."
        )
    centres = grating.line_centres
    first = to_steps(centres[0] - widths[0] * grid / 2, grid)
    from_first = (centres - centres[0]) / grid - (widths - widths[0]) / 2
    places = _fed_back if dither == "sigma-delta" else _places
    left = first + places(np.round(from_first, _TIE_DIGITS).tobytes())
    _need_gaps(grating, left, widths, grid)
    if max(left[-1] + widths[-1], length) > MOST_STEPS:
        raise InputError(
            f"the grating is {max(left[-1] * grid, grating.width):g} um long, more than GDS can "
            f"count in steps of {grid / nm:g} nm. Choose a coarser grid."
        )
    return LinePattern(grid, stride(grating.period, grid), widths, length, left)


def _widths(grating: Grating, duty: float, grid: float, bias: float) -> NDArray[np.int64]:
    """Width of every line as drawn, in grid steps, shape (line,)."""
    if grating.apodisation is not None and grating.apodisation.height:
        raise InputError(
            "grating apodisation height: a layout writes lines of one height, which is that of the "
            "film they grow from. Apodise their duty instead: duty = [0.1, 0.35, 0.1]."
        )
    if not grating.varies:
        width = line_steps(duty, grating.period, grid, bias)
        return np.broadcast_to(np.int64(width), (grating.periods,))
    wanted = grating.line_widths(duty)
    widths = to_steps(wanted - bias, grid)
    if widths.min() < 1:
        number = int(widths.argmin())
        raise InputError(
            f"grating {'apodisation' if grating.apodisation else 'chirp'}: line {number + 1} of "
            f"{grating.periods}, {wanted[number] / nm:.4g} nm"
            f"{f' less a bias of {bias / nm:g} nm' if bias else ''}, is narrower than the grid of "
            f"{grid / nm:g} nm. Choose a larger duty there or a finer grid."
        )
    return widths


def _need_gaps(
    grating: Grating, left: NDArray[np.int64], widths: NDArray[np.int64], grid: float
) -> None:
    gaps = left[1:] - left[:-1] - widths[:-1]
    if gaps.min() >= 1:
        return
    number = int(gaps.argmin())
    cause = "slips" if grating.slips else "apodisation" if grating.apodisation else "chirp"
    remedy = "a slip nearer to zero" if grating.slips else "a smaller duty there"
    raise InputError(
        f"grating {cause}: the gap behind line {number + 1} of {grating.periods}, "
        f"{gaps[number] * grid / nm:.4g} nm, is narrower than the grid of {grid / nm:g} nm. "
        f"Choose {remedy}."
    )


@lru_cache(maxsize=1024)
def stride(period: float, grid: float) -> Fraction:
    """A period in grid steps, as a fraction.

    Args:
        period: Period [µm].
        grid: Grid step [µm].

    Returns:
        The fraction of at most a million parts of a step that is nearest.

    Examples:
        >>> stride(867.3 * nm, 1 * nm)
        Fraction(8673, 10)
    """
    return Fraction(period / grid).limit_denominator(10**_TIE_DIGITS)


@lru_cache(maxsize=1024)  # a duty or dose ladder asks for the same places again and again
def _places(wanted: bytes) -> NDArray[np.int64]:
    """Left edges from the first one's, in steps: rounded with the offset that tilts them least."""
    exact = np.frombuffer(wanted)
    steps = np.floor(exact + 0.5)
    centred: Float = np.arange(len(exact)) - np.float64((len(exact) - 1) / 2)
    tilt = _tilt(steps, exact, centred)
    for offset in np.arange(1, _OFFSETS) / _OFFSETS:
        if tilt < _SAME_TILT:
            break
        other = np.floor(exact + offset + 0.5)
        if (found := _tilt(other, exact, centred)) < tilt - _SAME_TILT:
            steps, tilt = other, found
    return np.asarray(steps - steps[0], dtype=np.int64)


def _tilt(steps: Float, exact: Float, centred: Float) -> float:
    """Error of the mean pitch, in steps."""
    return float(abs((steps - exact) @ centred) / (centred @ centred))


@lru_cache(maxsize=1024)
def _fed_back(wanted: bytes) -> NDArray[np.int64]:
    """Left edges from the first one's, in steps: what rounding leaves is added to the next line."""
    exact = np.frombuffer(wanted)
    steps, rest = np.zeros(len(exact)), 0.0
    for number, place in enumerate(exact):
        steps[number] = np.floor(place + rest + 0.5)
        rest += place - steps[number]
    return np.asarray(steps - steps[0], dtype=np.int64)


def line_steps(duty: float, period: float, grid: float, bias: float = 0.0) -> int:
    """Width of a line as drawn, in grid steps.

    Args:
        duty: Line width over period.
        period: Period [µm].
        grid: Grid step [µm].
        bias: How much wider a line opens than it is drawn [µm].

    Returns:
        The width.

    Raises:
        InputError: If line or gap are narrower than the grid.
    """
    width = int(to_steps(duty * period - bias, grid))
    narrowest_gap = int(np.floor(np.round(period / grid, _TIE_DIGITS))) - width
    for name, steps, share in (("line", width, duty), ("gap", narrowest_gap, 1 - duty)):
        if steps < 1:
            raise InputError(
                f"the {name}, {share * period / nm:.4g} nm (duty {duty:g}, period "
                f"{period / nm:g} nm{f', bias {bias / nm:g} nm' if bias else ''}), is narrower "
                f"than the grid of {grid / nm:g} nm. "
                f"Choose a {'larger' if name == 'line' else 'smaller'} duty or a finer grid."
            )
    return width


@lru_cache(maxsize=1024)
def _runs(exact: Fraction, places: bytes) -> list[tuple[int, int, int]]:
    """Every line exactly once, as (place, number of lines, pitch), in arrays of equal pitch.

    Each array takes every n-th line and ends where rounding or a phase shift breaks the pitch;
    n is the denominator of that rational approximation of the period which needs fewest arrays.
    """
    left = np.frombuffer(places, dtype=np.int64)
    strides = sorted({exact.limit_denominator(2**bits).denominator for bits in range(11)})
    pitches = [int(to_steps(float(number * exact), 1)) for number in strides]
    breaks = [left[n:] - left[:-n] != pitch for n, pitch in zip(strides, pitches, strict=True)]
    fewest = int(np.argmin([n + found.sum() for n, found in zip(strides, breaks, strict=True)]))
    skip, pitch = strides[fewest], pitches[fewest]
    runs = []
    for offset in range(min(skip, len(left))):
        ends = np.flatnonzero(breaks[fewest][offset::skip]) + 1
        for run in np.split(left[offset::skip], ends):
            pieces = range(0, len(run), _MOST_COLUMNS)
            runs += [(int(run[i]), len(run[i : i + _MOST_COLUMNS]), pitch) for i in pieces]
    return runs


@dataclass(frozen=True)
class LineGroup:
    """Lines of one size and one dose, in whole grid steps."""

    left: NDArray[np.int64]
    """Left edges, shape (line,)."""
    width: int
    length: int
    number: tuple[int, int]
    """GDS layer and datatype."""

    def line(self, grid: float, left: int = 0) -> gdstk.Polygon:
        """One of the lines, its left edge at a place in grid steps."""
        low, high = (left * grid, 0.0), ((left + self.width) * grid, self.length * grid)
        return gdstk.rectangle(low, high, layer=self.number[0], datatype=self.number[1])


def lines_cell(name: str, exact: Fraction, grid: float, groups: Sequence[LineGroup]) -> gdstk.Cell:
    """Lines along y: one rectangle per group, and the fewest array references that repeat it.

    Groups of a few lines are drawn one by one, which takes less space. The stride of the arrays is
    a denominator of a rational approximation of the period, which keeps the number of references
    near or below twice the root of the number of lines.

    Args:
        name: Name of the cell; those of its single lines are called `name` + "_line".
        exact: Period in grid steps.
        grid: Grid step [µm].
        groups: The lines.

    Returns:
        The cell; its lower left corner is where the grating starts.
    """
    cell = gdstk.Cell(name)
    for place, group in enumerate(groups):
        if len(group.left) <= _FEW:
            cell.add(*(group.line(grid, left) for left in group.left.tolist()))
            continue
        line = gdstk.Cell(f"{name}_line{place or ''}").add(group.line(grid))
        places = group.left - group.left[0]
        for start, columns, pitch in _runs(exact, places.tobytes()):
            left = ((start + int(group.left[0])) * grid, 0)
            cell.add(
                gdstk.Reference(line, left, columns=columns, spacing=(pitch * grid, 0))
                if columns > 1
                else gdstk.Reference(line, left)
            )
    return cell


def grating_cell(
    name: str, pattern: LinePattern, numbers: Sequence[tuple[int, int]] = ((1, 0),)
) -> gdstk.Cell:
    """The lines of a grating.

    Args:
        name: Name of the cell.
        pattern: The lines.
        numbers: GDS layer and datatype of all lines, or one for each line.

    Returns:
        The cell; its lower left corner is where the grating starts.
    """
    groups = []
    for number in sorted({*numbers}):
        own = slice(None) if len(numbers) == 1 else np.array([one == number for one in numbers])
        left, widths = pattern.left[own], pattern.widths[own]
        groups += [
            LineGroup(left[widths == width], int(width), pattern.length, number)
            for width in (np.unique(widths) if np.ptp(widths) else widths[:1])
        ]
    return lines_cell(name, pattern.stride, pattern.grid, groups)
