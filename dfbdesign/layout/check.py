"""What was really written: the file read back by another program and compared with the design.

KLayout reads the file, flattens the array references and gives every line as it will be exposed.
The comparison is with the device itself, never with what the writer meant to draw: line k belongs
at k times the designed period from the first line, plus the phase shifts and slips before it, and
where chirp puts it. A grating may be moved as a whole without anything changing: edges count from
where the largest error is least, less half the mean error of the widths, which is told beside.

A line that is off by e turns the phase of the light it sends back by 2 pi m e / period in a grating
of order m. Light collects the phase of many lines: errors that change sign from line to line do
nothing, so the mean over `SLOW` lines is reported beside that of single lines.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import pi
from pathlib import Path

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.layout.cells import exposed_lines

_NOISE_DIGITS = 10  # of a position in µm, far below any grid, above the noise of a double
SLOW = 32
"""Lines over which a phase error is averaged, a few per cent of a penetration depth."""
_HASH = 16  # digits of the checksum of a cell
_BLOCK = 64  # gratings compared at a time, about as many as a cache holds
_ON_GRID = 1e-3  # of a grid step: far above floating-point noise, far below a real offset


@dataclass(frozen=True)
class WrittenPattern:
    """One grating as found in a file, against its design."""

    lines: int
    """Number of lines, as designed."""
    widths: tuple[float, float]
    """Narrowest and widest line along x [µm]."""
    width_error: float
    """Largest difference of a width from the one to draw, signed [µm]."""
    mean_width_error: float
    """Mean of these differences over all lines [µm]."""
    lengths: tuple[float, float]
    """Shortest and longest line along y [µm]."""
    largest_edge_error: float
    """Largest distance of an edge from its place, the grating moved to where it is least [µm]."""
    mean_period: float
    """Slope of the straight line through the centres of all lines, phase shifts, slips and chirp
    removed [µm]."""
    mean_period_error: float
    """`mean_period` minus the designed period [µm]."""
    off_grid_vertices: int
    """Corners of lines that are not on the machine grid."""
    phase_error: float
    """Root mean square over the lines of the phase of what each sends back [rad]."""
    slow_phase_error: float
    """The same of the mean over `SLOW` neighbouring lines [rad]."""
    checksum: str
    """First digits of the SHA-256 of all edges, in grid steps."""
    displacements: NDArray[np.float32] = field(repr=False, compare=False)
    """Centre of each line from its place, the mean period error included, shape (line,) [µm]."""


def check_written(
    path: str | Path, layer: int, grid: float, devices: Mapping[str, Device]
) -> dict[str, WrittenPattern]:
    """Read gratings back through KLayout and compare every line with the design.

    Args:
        path: A GDS or OASIS file.
        layer: GDS layer of the lines.
        grid: Grid step of the e-beam tool [µm].
        devices: The designed device for each cell that holds a grating and nothing else.

    Returns:
        What was found in each cell.

    Raises:
        InputError: If the file cannot be read, a cell is missing, or a cell does not hold the
            designed number of rectangles.
    """
    return check_open(open_layout(path), {(layer, 0)}, grid, devices)


def open_layout(path: str | Path) -> kdb.Layout:
    """Read a layout with KLayout.

    Args:
        path: A GDS or OASIS file.

    Returns:
        What KLayout found.

    Raises:
        InputError: If the file cannot be read.
    """
    layout = kdb.Layout()
    try:
        layout.read(str(path))
    except RuntimeError as error:
        raise InputError(f"cannot read {path} as a layout: {error}.") from error
    return layout


def check_open(
    layout: kdb.Layout,
    numbers: Collection[tuple[int, int]],
    grid: float,
    devices: Mapping[str, Device],
    bias: float = 0.0,
) -> dict[str, WrittenPattern]:
    """Compare every line of the gratings with the design.

    Args:
        layout: A file that KLayout has read.
        numbers: GDS layers and datatypes that hold lines.
        grid: Grid step of the e-beam tool [µm].
        devices: The designed device for each cell that holds a grating and nothing else.
        bias: How much wider a line opens than it is drawn [µm].

    Returns:
        What was found in each cell.

    Raises:
        InputError: If a cell is missing, or does not hold the designed number of rectangles.
    """
    by_lines: dict[int, list[str]] = {}
    for name, device in devices.items():
        by_lines.setdefault(device.need_grating().periods, []).append(name)
    found: dict[str, WrittenPattern] = {}
    for lines, names in by_lines.items():
        for start in range(0, len(names), _BLOCK):
            block = names[start : start + _BLOCK]
            edges = _lines(layout, block, numbers, lines)
            designs = [devices[name] for name in block]
            compared = _compare(edges, layout.dbu, designs, grid, bias)
            found.update(zip(block, compared, strict=True))
    return {name: found[name] for name in devices}


def read_lines(
    layout: kdb.Layout, name: str, numbers: Collection[tuple[int, int]]
) -> NDArray[np.int64]:
    """Every rectangle in a cell and all it refers to.

    Args:
        layout: A file that KLayout has read.
        name: Name of the cell.
        numbers: GDS layers and datatypes.

    Returns:
        Left, bottom, right and top edges, sorted from left to right, in database units, shape
        (line, 4).

    Raises:
        InputError: If there is no such cell, or it holds something else than rectangles.
    """
    return np.asarray(_sorted(_expanded(_rows_of(layout, name, numbers))[None])[0])


def _lines(
    layout: kdb.Layout, names: list[str], numbers: Collection[tuple[int, int]], lines: int
) -> NDArray[np.int64]:
    """What `read_lines` finds in cells of equally many lines, shape (cell, line, 4)."""
    rows = []
    for name in names:
        found = _rows_of(layout, name, numbers)
        if (count := sum(row[-1] for row in found)) != lines:
            raise InputError(f'cell "{name}" holds {count} lines where the device has {lines}.')
        rows += found
    return _sorted(_expanded(rows).reshape(len(names), lines, 4))


def _rows_of(
    layout: kdb.Layout, name: str, numbers: Collection[tuple[int, int]]
) -> list[tuple[int, ...]]:
    cell = layout.cell(name)
    if cell is None:
        raise InputError(f'the layout has no cell "{name}".')
    return [row for number in numbers for row in _rows(layout, cell, layout.layer(*number))]


def _rows(layout: kdb.Layout, cell: kdb.Cell, layer_index: int) -> list[tuple[int, ...]]:
    """Rows of boxes in a cell: edges of the first, steps along x and y, and how many."""
    rows: list[tuple[int, ...]] = []
    for shape in cell.shapes(layer_index).each():
        if not shape.is_box():
            raise InputError(f'cell "{cell.name}" holds a shape that is not a rectangle: {shape}.')
        box = shape.box
        rows.append((box.left, box.bottom, box.right, box.top, 0, 0, 1))
    children: dict[int, list[tuple[int, ...]]] = {}
    for instance in cell.each_inst():
        child = instance.cell_index
        if child not in children:
            children[child] = _rows(layout, layout.cell(child), layer_index)
        if children[child]:
            rows += _repeated(children[child], instance)
    return rows


def _repeated(rows: list[tuple[int, ...]], instance: kdb.Instance) -> list[tuple[int, ...]]:
    """Rows of a cell as often as an array reference repeats them."""
    if instance.is_complex():
        raise InputError(f"the layout holds a turned or scaled array: {instance}.")
    move = instance.trans
    x, y, turned = move.disp.x, move.disp.y, move.rot != 0
    (na, a), (nb, b) = sorted(
        ((max(instance.na, 1), instance.a), (max(instance.nb, 1), instance.b)),
        key=lambda one: -one[0],
    )
    found: list[tuple[int, ...]] = []
    for left, bottom, right, top, *step, times in rows:
        if turned:  # by quarter turns, or mirrored
            box = move * kdb.Box(left, bottom, right, top)
            along = move * kdb.Vector(*step)
            edges, step = (box.left, box.bottom, box.right, box.top), [along.x, along.y]
        else:
            edges = (left + x, bottom + y, right + x, top + y)
        if nb == times == 1:
            found.append((*edges, a.x, a.y, na))
            continue
        for i, j in product(range(na), range(nb)):
            dx, dy = i * a.x + j * b.x, i * a.y + j * b.y
            moved = (edges[0] + dx, edges[1] + dy, edges[2] + dx, edges[3] + dy)
            found.append((*moved, *step, times))
    return found


def _expanded(rows: list[tuple[int, ...]]) -> NDArray[np.int64]:
    """All boxes of rows, shape (box, 4)."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 7)
    times = table[:, 6]
    every = np.repeat(table[:, :6], times, axis=0)
    number = np.arange(len(every)) - np.repeat(np.cumsum(times) - times, times)
    boxes = every[:, :4]
    boxes[:, 0::2] += (number * every[:, 4])[:, None]
    boxes[:, 1::2] += (number * every[:, 5])[:, None]
    return boxes


def _sorted(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Boxes of each cell from left to right, shape (cell, box, 4)."""
    order = np.argsort(boxes[..., 0], axis=1, kind="stable")
    found = np.take_along_axis(boxes, order[..., None], axis=1)
    for cell in np.flatnonzero(np.any(np.diff(found[..., 0], axis=1) == 0, axis=1)):
        found[cell] = found[cell][np.lexsort(found[cell].T[::-1])]
    return found


def _compare(
    edges: NDArray[np.int64], unit: float, devices: list[Device], grid: float, bias: float
) -> list[WrittenPattern]:
    """Gratings of equally many lines against their designs; edges of shape (grating, line, 4)."""
    gratings = [device.need_grating() for device in devices]
    lines = edges.shape[1]
    periods = np.array([one.period for one in gratings])
    number = np.arange(lines)
    designed = np.multiply.outer(periods, number)
    duties = [exposed_lines(device)[1].duty for device in devices]
    wanted = np.repeat((np.array(duties) * periods)[:, None], lines, axis=1)
    for i, (one, duty) in enumerate(zip(gratings, duties, strict=True)):
        if one.varies or one.phase_shifts or one.slips:
            designed[i], wanted[i] = one.line_centres, one.line_widths(duty)
    left, bottom, right, top = np.ascontiguousarray(np.moveaxis(edges, 2, 0))
    errors = np.stack([left, right]) * unit - designed + np.multiply.outer([0.5, -0.5], wanted)
    errors = np.round(errors - errors.mean(axis=2, keepdims=True), _NOISE_DIGITS)
    # With the grating moved to where the largest error is least.
    largest = (errors.max(axis=(0, 2)) - errors.min(axis=(0, 2))) / 2
    centres = errors.mean(axis=0)
    centres -= centres.mean(axis=1, keepdims=True)
    centred = number - number.mean()
    drift = centres @ centred / (centred @ centred)
    turns = centres * (2 * pi * np.array([one.order for one in gratings]) / periods)[:, None]
    widths, lengths = _extremes(right - left, unit), _extremes(top - bottom, unit)
    width_errors = np.round((right - left) * unit + bias - wanted, _NOISE_DIGITS)
    worst = np.abs(width_errors).argmax(axis=1)
    mean_widths = np.round(width_errors.mean(axis=1), _NOISE_DIGITS)
    hashed, displaced = edges.astype("<i4"), centres.astype(np.float32)
    off_grid, phase_error, slow = _off_grid(edges, unit / grid), _rms(turns), _slow(turns)
    return [
        WrittenPattern(
            lines=lines,
            widths=(float(widths[i, 0]), float(widths[i, 1])),
            width_error=float(width_errors[i, worst[i]]),
            mean_width_error=float(mean_widths[i]),
            lengths=(float(lengths[i, 0]), float(lengths[i, 1])),
            largest_edge_error=float(largest[i]),
            mean_period=float(periods[i] + drift[i]),
            mean_period_error=float(drift[i]),
            off_grid_vertices=int(off_grid[i]),
            phase_error=float(phase_error[i]),
            slow_phase_error=float(slow[i]),
            checksum=hashlib.sha256(hashed[i].tobytes()).hexdigest()[:_HASH],
            displacements=displaced[i],
        )
        for i in range(len(devices))
    ]


def _extremes(sizes: NDArray[np.int64], unit: float) -> NDArray[np.float64]:
    """Smallest and largest of each row [µm]."""
    return np.stack([sizes.min(axis=1), sizes.max(axis=1)], axis=1) * unit


def _rms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square of each row."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", values, values) / values.shape[1]))


def _slow(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square of the running mean over `SLOW` lines, of each row."""
    total = np.cumsum(np.pad(turns, ((0, 0), (1, 0))), axis=1)
    span = min(SLOW, turns.shape[1])
    return _rms((total[:, span:] - total[:, :-span]) / span)


def _off_grid(edges: NDArray[np.int64], steps_per_unit: float) -> NDArray[np.int64]:
    """How many corners of the boxes of each grating are not on the machine grid."""
    if steps_per_unit.is_integer():
        return np.zeros(len(edges), dtype=np.int64)
    steps = edges * steps_per_unit
    on_grid = np.abs(steps - np.round(steps)) < _ON_GRID
    # A corner is on the grid if both edges that meet in it are.
    corners = on_grid[..., 0::2].sum(axis=-1) * on_grid[..., 1::2].sum(axis=-1)
    return np.asarray(4 * edges.shape[1] - corners.sum(axis=1))
