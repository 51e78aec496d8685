"""From a chip file to a GDS file: arrays of devices, checked through a second reader.

A chip file names device files and the values their axes run over. Columns of an array run over the
period and at every period over the dose, rows over duty and length, so that on the chip the
wavelength grows from left to right.
Devices are named by array and number, in reading order from the top left: `A01`, `A02`, ... The
origin of the chip is the centre of its lower left mark, so that the positions in the manifest are
the way to go from that mark.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count, cycle
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import gdstk
import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.files import writing
from dfbdesign.layout.cells import (
    MOST_STEPS,
    LinePattern,
    corner_marks,
    device_cell,
    exposed_lines,
    grating_cell,
    label,
    line_pattern,
    to_steps,
)
from dfbdesign.layout.check import WrittenPattern, check_open, open_layout
from dfbdesign.layout.chip_file import (
    FRAME_MARK_SIZE,
    Array,
    Chip,
    chip_tables,
    load_chip,
)
from dfbdesign.layout.fields import FieldPlan, field_outlines, field_plan, need_whole_steps
from dfbdesign.layout.manifest import Layout, PlacedDevice, worst, write_manifest
from dfbdesign.layout.preview import write_preview
from dfbdesign.layout.process import Process
from dfbdesign.units import m, nm, um

_TIMESTAMP = datetime(2000, 1, 1)  # the same chip is the same file, whenever it is written


@dataclass(frozen=True)
class _Drawn:
    device: Device
    dose: float
    pattern: LinePattern
    plan: FieldPlan | None
    lines: gdstk.Cell
    cell: gdstk.Cell
    origin: tuple[float, float] = (0.0, 0.0)

    def centre(self) -> tuple[float, float]:
        left, right = self.pattern.extent
        height = self.pattern.length * self.pattern.grid
        return self.origin[0] + (left + right) / 2, self.origin[1] + height / 2


def layout(chip_path: str | Path, gds_path: str | Path) -> Layout:
    """Write the GDS of a chip file, its manifest and its preview, and check what was written.

    Args:
        chip_path: The chip file.
        gds_path: Where to write; the other files stand beside it.

    Returns:
        The files, the devices and how well they were written.

    Raises:
        InputError: If anything in the files is wrong, devices overlap, or a file cannot be
            written; an older GDS is replaced only by a complete and checked one.
    """
    return write_layout(load_chip(chip_path), gds_path)


def device_layout(device: Device, gds_path: str | Path, grid: float = 1 * nm) -> Layout:
    """Write the GDS of a single device, like a chip that holds nothing else.

    Args:
        device: A device with lines and a grating of finite length and width.
        gds_path: Where to write; the other files stand beside it.
        grid: Grid step of the e-beam tool [µm].

    Returns:
        The files, the device and how well it was written.

    Raises:
        InputError: If the device cannot be drawn or a file cannot be written.
    """
    return write_layout(Chip(process=Process(grid=grid), array=(Array(device=device),)), gds_path)


def write_layout(chip: Chip, gds_path: str | Path) -> Layout:
    """Write a chip as `layout` does.

    Args:
        chip: The chip.
        gds_path: Where to write; the other files stand beside it.

    Returns:
        The files, the devices and how well they were written.

    Raises:
        InputError: If the chip cannot be drawn or a file cannot be written.
    """
    path = Path(gds_path)
    if path.suffix not in (".gds", ".oas"):
        raise InputError(
            f'the layout must be a file that ends in ".gds" or ".oas", got "{path.name}".'
        )
    grid = chip.process.grid
    drawn = _place(chip)
    top = _chip_cell(chip, drawn)
    library = gdstk.Library("dfbdesign", unit=um / m, precision=grid / m)
    library.add(top, *top.dependencies(True))
    with writing(path) as temporary:
        if path.suffix == ".oas":
            library.write_oas(temporary)
        else:
            library.write_gds(temporary, timestamp=_TIMESTAMP)
        written = _read_back(temporary, chip, drawn)
    field = chip.process.field
    devices = tuple(
        PlacedDevice(
            name=one.cell.name,
            cell=one.lines.name,
            device=one.device,
            dose=one.dose,
            position=one.centre(),
            written=written[one.lines.name],
            fields=1 if one.plan is None else (len(one.plan.edges) + 1) * one.plan.rows,
            stitching_error=(
                0.0 if one.plan is None or field is None else one.plan.period_error(field.stitching)
            ),
        )
        for one in drawn
    )
    numbers = chip.process.numbers(chip.doses)
    manifest = write_manifest(path, grid, numbers, chip_tables(chip), devices)
    preview = write_preview(path.with_suffix(".svg"), top, drawn[0].pattern)
    return Layout((path, *manifest, preview), devices, worst(devices))


def _read_back(path: Path, chip: Chip, drawn: list[_Drawn]) -> dict[str, WrittenPattern]:
    """What the file holds, one distinct grating after the other, dose by dose."""
    found: dict[str, WrittenPattern] = {}
    file = open_layout(path)
    for dose, number in chip.process.numbers(chip.doses).items():
        gratings = {one.lines.name: one.device for one in drawn if one.dose == dose}
        found |= check_open(file, number, chip.process.grid, gratings, chip.process.bias)
    return found


@dataclass(frozen=True)
class _Shared:
    """Cells that more than one device refers to, by what they show."""

    numbers: dict[float, tuple[int, int]]
    lines: dict[tuple[Any, ...], tuple[LinePattern, FieldPlan | None, gdstk.Cell]] = field(
        default_factory=dict
    )
    glyphs: dict[str, gdstk.Cell] = field(default_factory=dict)


def _draw(name: str, device: Device, dose: float, chip: Chip, shared: _Shared) -> _Drawn:
    process, layers = chip.process, chip.process.layers
    grating, duty = device.need_grating(), exposed_lines(device)[1].duty
    key = (grating.period, grating.length, grating.width, grating.phase_shifts, duty, dose)
    if key not in shared.lines:
        try:
            pattern = line_pattern(device, process.grid, process.bias)
            if not process.dither:
                need_whole_steps(pattern)
            plan = field_plan(pattern, process.field.size) if process.field else None
        except InputError as error:
            raise InputError(f"device {name}: {error}") from error
        lines = grating_cell(f"{name}_grating", pattern, *shared.numbers[dose])
        shared.lines[key] = pattern, plan, lines
    pattern, plan, lines = shared.lines[key]
    text = f"{name}\n{grating.period / nm:.8g} nm\nduty {duty:.4g}"
    if len(shared.numbers) > 1:
        text += f"\ndose {dose:.4g}"
    letters = label(text, chip.frame.label_height, layers.label, shared.glyphs)
    cell = device_cell(name, lines, pattern, letters, layers.marks)
    if plan is not None and process.field is not None:
        cell.add(*field_outlines(pattern, plan, process.field.size, layers.fields))
    return _Drawn(device, dose, pattern, plan, lines, cell)


def _place(chip: Chip) -> list[_Drawn]:
    """All devices; arrays stand below each other, with the lower left chip mark at (0, 0)."""
    margin = chip.frame.margin
    placed = []
    shared = _Shared(chip.process.numbers(chip.doses))
    top = 0.0
    for letter, array in zip(ascii_uppercase, chip.array, strict=False):
        rows = _rows(letter, array, chip, shared)
        boxes = np.array([one.cell.bounding_box() for row in rows for one in row])
        low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
        pitch = _pitch(letter, array, high - low, (len(rows[0]), len(rows)), margin)
        for i, row in enumerate(rows):
            y = top - high[1] - i * pitch[1]
            placed += [replace(one, origin=(j * pitch[0] - low[0], y)) for j, one in enumerate(row)]
        top -= (len(rows) - 1) * pitch[1] + high[1] - low[1] + margin
    shift = np.array([margin, -top])  # `top` is already one margin below the lowest device
    grid = chip.process.grid
    corners = [to_steps(one.origin + shift, grid) * grid for one in placed]
    return [
        replace(one, origin=(float(x), float(y)))
        for one, (x, y) in zip(placed, corners, strict=True)
    ]


def _rows(letter: str, array: Array, chip: Chip, shared: _Shared) -> list[list[_Drawn]]:
    try:
        devices = array.rows()
    except InputError as error:
        raise InputError(f"array {letter}: {error}") from error
    number = count(1)
    return [
        [
            _draw(f"{letter}{next(number):02d}", one, dose, chip, shared)
            for one, dose in zip(row, cycle(array.dose or (1.0,)), strict=False)
        ]
        for row in devices
    ]


def _pitch(
    letter: str,
    array: Array,
    size: NDArray[np.float64],
    shape: tuple[int, int],
    margin: float,
) -> NDArray[np.float64]:
    """Distance from one device to the next along x and y [µm]."""
    if array.spacing is None:
        return size + margin
    pitch = np.array(array.spacing)
    if np.any((pitch < size) & (np.array(shape) > 1)):
        x, y = np.ceil(size)
        raise InputError(
            f"array {letter}: devices overlap. With marks and label each takes {x:g} um along x "
            f"and {y:g} um along y, but spacing is {pitch[0]:g} um and {pitch[1]:g} um. "
            f'Write spacing = ["{x:g} um", "{y:g} um"] or more, or a smaller label_height.'
        )
    return pitch


def _chip_cell(chip: Chip, drawn: list[_Drawn]) -> gdstk.Cell:
    cell = gdstk.Cell("chip")
    cell.add(*(gdstk.Reference(one.cell, one.origin) for one in drawn))
    margin = chip.frame.margin
    high = np.array(cell.bounding_box())[1]
    span = high.max() + margin + FRAME_MARK_SIZE
    if span / chip.process.grid > MOST_STEPS:
        raise InputError(
            f"the chip is {span:g} um wide, more than GDS can count in steps of "
            f"{chip.process.grid / nm:g} nm. Choose a coarser grid or a smaller chip."
        )
    layer = chip.process.layers.marks
    cell.add(*corner_marks((margin, margin), tuple(high), margin, FRAME_MARK_SIZE, layer))
    return cell
