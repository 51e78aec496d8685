"""Where everything stands on a chip: arrays below each other, other cells on shelves below them."""

from dataclasses import replace
from string import ascii_uppercase

import gdstk
import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.layout.cells import to_steps
from dfbdesign.layout.chip_file import Array, Chip
from dfbdesign.layout.drawn import DrawnCell, DrawnDevice
from dfbdesign.layout.marks import MARK_DISTANCE, MARK_SIZE
from dfbdesign.units import mm

_SHELF = 5 * mm  # width of the shelves of a chip without arrays

Point = tuple[float, float]


def placed(
    chip: Chip, rows: list[list[list[DrawnDevice]]], cells: list[DrawnCell], extra: list[gdstk.Cell]
) -> tuple[list[DrawnDevice], list[DrawnCell], list[gdstk.Reference]]:
    """Place everything, with the lower left mark of the chip at (0, 0).

    Args:
        chip: The chip.
        rows: Its devices by array, row and column.
        cells: Its other cells.
        extra: Cells without a record that stand behind the others.

    Returns:
        Devices and cells where they belong, and references to the extra cells.

    Raises:
        InputError: If devices overlap or their labels do not fit.
    """
    margin = chip.frame.margin
    devices: list[DrawnDevice] = []
    top = width = 0.0
    for letter, array, array_rows in zip(ascii_uppercase, chip.array, rows, strict=False):
        boxes = np.array([one.cell.bounding_box() for row in array_rows for one in row])
        low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
        shape = (len(array_rows[0]), len(array_rows))
        pitch = _pitch(letter, array, high - low, _bare(array_rows), shape, chip)
        for i, row in enumerate(array_rows):
            y = top - high[1] - i * pitch[1]
            devices += [
                replace(one, origin=(j * pitch[0] - low[0], y)) for j, one in enumerate(row)
            ]
        top -= (shape[1] - 1) * pitch[1] + high[1] - low[1] + margin
        width = max(width, (shape[0] - 1) * pitch[0] + high[0] - low[0])
    shelved, bottom = _shelves([one.cell for one in cells] + extra, top, width or _SHELF, margin)
    # `bottom` is already one margin below the lowest.
    shift = np.array([margin, -bottom])
    origins = np.array([*(one.origin for one in devices), *shelved]) + shift
    grid = chip.process.grid
    final: list[Point] = [(x, y) for x, y in (to_steps(origins, grid) * grid).tolist()]
    first, last = len(devices), len(devices) + len(cells)
    return (
        [replace(one, origin=at) for one, at in zip(devices, final[:first], strict=True)],
        [replace(one, origin=at) for one, at in zip(cells, final[first:last], strict=True)],
        [gdstk.Reference(cell, at) for cell, at in zip(extra, final[last:], strict=True)],
    )


def _shelves(
    cells: list[gdstk.Cell], top: float, width: float, margin: float
) -> tuple[list[Point], float]:
    """Origins of cells from left to right, row by row, and one margin below the last row."""
    origins: list[Point] = []
    x = height = 0.0
    for cell in cells:
        low, high = np.array(cell.bounding_box())
        size = high - low
        if x > 0 and x + size[0] > width:
            top, x, height = top - height - margin, 0.0, 0.0
        origins.append((x - low[0], top - high[1]))
        x, height = x + size[0] + margin, max(height, size[1])
    return origins, top - height - margin if cells else top


def _bare(rows: list[list[DrawnDevice]]) -> NDArray[np.float64]:
    """Largest width and height of a device without its label [µm]."""
    patterns = [one.planned.lines.pattern for row in rows for one in row]
    around = 2 * MARK_DISTANCE + MARK_SIZE
    right = max(pattern.extent[1] for pattern in patterns)
    top = max(pattern.length * pattern.grid for pattern in patterns)
    return np.array([right + around, top + around])


def _pitch(
    letter: str,
    array: Array,
    size: NDArray[np.float64],
    bare: NDArray[np.float64],
    shape: tuple[int, int],
    chip: Chip,
) -> NDArray[np.float64]:
    """Distance from one device to the next along x and y [µm]."""
    if array.spacing is None:
        return size + chip.frame.margin
    pitch = np.array(array.spacing)
    repeated = np.array(shape) > 1
    x, y = np.ceil(size)
    if np.any((pitch < bare) & repeated):
        raise InputError(
            f"array {letter}: devices overlap. With marks and label each takes {x:g} um along x "
            f"and {y:g} um along y, but spacing is {pitch[0]:g} um and {pitch[1]:g} um. "
            f'Write spacing = ["{x:g} um", "{y:g} um"] or more, or a smaller length.'
        )
    if np.any((pitch < size) & repeated):
        raise InputError(
            f"array {letter}: the label does not fit. With it each device takes {x:g} um along x "
            f"and {y:g} um along y, but spacing is {pitch[0]:g} um and {pitch[1]:g} um. Write a "
            f"label_height below {chip.frame.label_height:g} um, or "
            f'spacing = ["{x:g} um", "{y:g} um"].'
        )
    return pitch
