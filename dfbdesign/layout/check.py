"""What was really written: the file read back by another program and compared with the design.

KLayout reads the file, flattens the array references and gives every line as it will be exposed.
The comparison is with the device itself, never with what the writer meant to draw: line k belongs
at k times the designed period (plus the phase shifts before it) from the first line. A grating may
be moved as a whole without anything changing: edges count from where the largest error is least.

A line that is off by e turns the phase of the light it sends back by 2 pi m e / period in a grating
of order m. Light collects the phase of many lines: errors that change sign from line to line do
nothing, so the mean over `SLOW` lines is reported beside that of single lines.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import pi
from pathlib import Path

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.layout.cells import exposed_lines, inserted_length

_NOISE_DIGITS = 10  # of a position in µm, far below any grid, above the noise of a double
SLOW = 32
"""Lines over which a phase error is averaged, a few per cent of a penetration depth."""
_HASH = 16  # digits of the checksum of a cell
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
    lengths: tuple[float, float]
    """Shortest and longest line along y [µm]."""
    largest_edge_error: float
    """Largest distance of an edge from its place, the grating moved to where it is least [µm]."""
    mean_period: float
    """Slope of the straight line through the centres of all lines, phase shifts removed [µm]."""
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
    return {
        name: _compare(read_lines(layout, name, numbers), layout.dbu, name, device, grid, bias)
        for name, device in devices.items()
    }


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
    cell = layout.cell(name)
    if cell is None:
        raise InputError(f'the layout has no cell "{name}".')
    found = [_boxes(layout, cell, layout.layer(*number)) for number in numbers]
    boxes = np.concatenate(found) if len(found) > 1 else found[0]
    order = np.argsort(boxes[:, 0], kind="stable")
    if np.any(np.diff(boxes[order, 0]) == 0):
        order = np.lexsort(boxes.T[::-1])
    return boxes[order]


def _boxes(layout: kdb.Layout, cell: kdb.Cell, layer_index: int) -> NDArray[np.int64]:
    """Boxes of a cell with its array references resolved, shape (box, 4)."""
    found = []
    for shape in cell.shapes(layer_index).each():
        if not shape.is_box():
            raise InputError(f'cell "{cell.name}" holds a shape that is not a rectangle: {shape}.')
        box = shape.box
        found.append(np.array([(box.left, box.bottom, box.right, box.top)]))
    children: dict[int, NDArray[np.int64]] = {}
    for instance in cell.each_inst():
        child = instance.cell_index
        if child not in children:
            children[child] = _boxes(layout, layout.cell(child), layer_index)
        found.append(_repeated(children[child], instance))
    return np.concatenate(found) if found else np.empty((0, 4), dtype=np.int64)


def _repeated(boxes: NDArray[np.int64], instance: kdb.Instance) -> NDArray[np.int64]:
    """Boxes of a cell as often as an array reference repeats them."""
    if instance.is_complex():
        raise InputError(f"the layout holds a turned or scaled array: {instance}.")
    move, a, b = instance.trans, instance.a, instance.b
    if move.rot:  # a quarter turn or a mirror: the corners of a box are the corners of a box
        corners = [[move.trans(kdb.Point(*corner)) for corner in (one[:2], one[2:])]
                   for one in boxes.tolist()]  # fmt: skip
        points = np.sort([[(one.x, one.y) for one in pair] for pair in corners], axis=1)
        boxes = points.reshape(-1, 4)
    else:
        boxes = boxes + np.array((move.disp.x, move.disp.y) * 2)
    for vector, times in ((a, instance.na), (b, instance.nb)):
        if times > 1:
            steps = np.multiply.outer(np.arange(times), np.array((vector.x, vector.y) * 2))
            boxes = (boxes + steps[:, None]).reshape(-1, 4)
    return boxes


def _compare(
    edges: NDArray[np.int64],
    unit: float,
    name: str,
    device: Device,
    grid: float,
    bias: float,
) -> WrittenPattern:
    grating = device.need_grating()
    if len(edges) != grating.periods:
        raise InputError(
            f'cell "{name}" holds {len(edges)} lines where the device has {grating.periods}.'
        )
    number = np.arange(grating.periods)
    designed = number * grating.period
    if grating.phase_shifts:
        inserted = inserted_length(grating.periods, grating.phase_shifts)
        designed = designed + inserted - inserted[0]
    left, bottom, right, top = np.ascontiguousarray(edges.T)
    moved = np.array([left - left[0], right - right[0]]) * unit
    errors = np.round(moved - designed, _NOISE_DIGITS)
    largest = (errors.max() - errors.min()) / 2  # with the grating moved to where it is least
    centres = (errors[0] + errors[1]) / 2
    centres -= centres.mean()
    drift = _slope(number, centres)
    turns = 2 * pi * grating.order / grating.period * centres
    widths, lengths = (_extremes(right - left, unit), _extremes(top - bottom, unit))
    wanted = exposed_lines(device)[1].duty * grating.period
    width_errors = [round(width + bias - wanted, _NOISE_DIGITS) for width in widths]
    return WrittenPattern(
        lines=len(edges),
        widths=widths,
        width_error=max(width_errors, key=abs),
        lengths=lengths,
        largest_edge_error=float(largest),
        mean_period=grating.period + drift,
        mean_period_error=drift,
        off_grid_vertices=_off_grid(edges, unit / grid),
        phase_error=float(np.sqrt(turns @ turns / len(turns))),
        slow_phase_error=_slow(turns),
        checksum=hashlib.sha256(edges.astype("<i4").tobytes()).hexdigest()[:_HASH],
        displacements=centres.astype(np.float32),
    )


def _extremes(sizes: NDArray[np.int64], unit: float) -> tuple[float, float]:
    return float(sizes.min() * unit), float(sizes.max() * unit)


def _slow(turns: NDArray[np.float64]) -> float:
    """Root mean square of the running mean over `SLOW` lines."""
    total = np.concatenate([[0.0], np.cumsum(turns)])
    span = min(SLOW, len(turns))
    means = (total[span:] - total[:-span]) / span
    return float(np.sqrt(means @ means / len(means)))


def _off_grid(edges: NDArray[np.int64], steps_per_unit: float) -> int:
    """How many corners of boxes are not on the machine grid."""
    if steps_per_unit.is_integer():
        return 0
    steps = edges * steps_per_unit
    on_grid = np.abs(steps - np.round(steps)) < _ON_GRID
    # A corner is on the grid if both edges that meet in it are.
    return int(4 * len(edges) - (on_grid[:, 0::2].sum(axis=1) * on_grid[:, 1::2].sum(axis=1)).sum())


def _slope(x: NDArray[np.int64], y: NDArray[np.float64]) -> float:
    """Slope of the least-squares straight line."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
