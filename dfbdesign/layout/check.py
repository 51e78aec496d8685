"""What was really written: the file read back by another program and compared with the design.

KLayout reads the file, flattens the array references and gives every line as it will be exposed.
The comparison is with the device itself, never with what the writer meant to draw: line k belongs
at k times the designed period (plus the phase shifts before it) from the first line. A grating may
be moved as a whole without anything changing, so the first line is where positions count from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.layout.cells import exposed_lines, inserted_length

_NOISE_DIGITS = 10  # of a position in µm, far below any grid, above the noise of a double
_ON_GRID = 1e-3  # of a grid step: far above floating-point noise, far below a real offset


@dataclass(frozen=True)
class WrittenPattern:
    """One grating as found in a file, against its design."""

    lines: int
    """Number of lines, as designed."""
    widths: tuple[float, float]
    """Narrowest and widest line along x [µm]."""
    width_error: float
    """Largest difference of a width from duty times period, signed [µm]."""
    lengths: tuple[float, float]
    """Shortest and longest line along y [µm]."""
    largest_edge_error: float
    """Largest distance of an edge from its place at whole periods from the first line's [µm]."""
    mean_period: float
    """Slope of the straight line through the centres of all lines, phase shifts removed [µm]."""
    mean_period_error: float
    """`mean_period` minus the designed period [µm]."""
    off_grid_vertices: int
    """Corners of lines that are not on the machine grid."""


def check_written(
    path: str | Path, layer: int, grid: float, devices: Mapping[str, Device]
) -> dict[str, WrittenPattern]:
    """Read gratings back through KLayout and compare every line with the design.

    Args:
        path: A GDS file.
        layer: GDS layer of the lines.
        grid: Grid step of the e-beam tool [µm].
        devices: The designed device for each cell that holds a grating and nothing else.

    Returns:
        What was found in each cell.

    Raises:
        InputError: If the file cannot be read, a cell is missing, or a cell does not hold the
            designed number of rectangles.
    """
    layout = kdb.Layout()
    try:
        layout.read(str(path))
    except RuntimeError as error:
        raise InputError(f"cannot read {path} as a layout: {error}.") from error
    return {
        name: _compare(read_lines(layout, name, layer), layout.dbu, name, device, grid)
        for name, device in devices.items()
    }


def read_lines(layout: kdb.Layout, name: str, layer: int) -> NDArray[np.int64]:
    """Every rectangle in a cell and all it refers to.

    Args:
        layout: A file that KLayout has read.
        name: Name of the cell.
        layer: GDS layer.

    Returns:
        Left, bottom, right and top edges, sorted from left to right, in database units, shape
        (line, 4).

    Raises:
        InputError: If there is no such cell, or it holds something else than rectangles.
    """
    cell = layout.cell(name)
    if cell is None:
        raise InputError(f'the layout has no cell "{name}".')
    boxes = []
    shapes = cell.begin_shapes_rec(layout.layer(layer, 0))
    while not shapes.at_end():
        shape = shapes.shape()
        if not shape.is_box():
            raise InputError(f'cell "{name}" holds a shape that is not a rectangle: {shape}.')
        box = shape.box.transformed(shapes.trans())
        boxes.append((box.left, box.bottom, box.right, box.top))
        shapes.next()
    return np.array(sorted(boxes), dtype=np.int64).reshape(-1, 4)


def _compare(
    edges: NDArray[np.int64], unit: float, name: str, device: Device, grid: float
) -> WrittenPattern:
    grating = device.need_grating()
    if len(edges) != grating.periods:
        raise InputError(
            f'cell "{name}" holds {len(edges)} lines where the device has {grating.periods}.'
        )
    number = np.arange(grating.periods)
    inserted = inserted_length(grating)
    designed = number * grating.period + inserted - inserted[0]
    left, bottom, right, top = edges.T
    moved = np.array([left - left[0], right - right[0]]) * unit
    errors = np.round(moved - designed, _NOISE_DIGITS)
    drift = _slope(number, errors.mean(axis=0))
    widths, lengths = (right - left) * unit, (top - bottom) * unit
    width_errors = widths - exposed_lines(device)[1].duty * grating.period
    steps = edges * (unit / grid)
    on_grid = np.abs(steps - np.round(steps)) < _ON_GRID
    # A corner is on the grid if both edges that meet in it are.
    corners = (on_grid[:, 0::2].sum(axis=1) * on_grid[:, 1::2].sum(axis=1)).sum()
    return WrittenPattern(
        lines=len(edges),
        widths=(float(widths.min()), float(widths.max())),
        width_error=float(width_errors[np.abs(width_errors).argmax()]),
        lengths=(float(lengths.min()), float(lengths.max())),
        largest_edge_error=float(np.abs(errors).max()),
        mean_period=grating.period + drift,
        mean_period_error=drift,
        off_grid_vertices=int(4 * len(edges) - corners),
    )


def _slope(x: NDArray[np.int64], y: NDArray[np.float64]) -> float:
    """Slope of the least-squares straight line."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
