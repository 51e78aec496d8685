"""From a chip file to a GDS file: arrays of devices, checked through a second reader.

A chip file names device files and the values their axes run over. Columns of an array run over the
period and at every period over the dose, rows over duty and length, so that on the chip the
wavelength grows from left to right.
Devices are named by array and number, in reading order from the top left: `A01`, `A02`, ... Other
cells are `c01`, `c02`, ... in the order of the file. The origin of the chip is the centre of its
lower left mark, so that the positions in the manifest are the way to go from that mark.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

import gdstk
import numpy as np

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.files import writing
from dfbdesign.layout.cells import MOST_STEPS, to_steps
from dfbdesign.layout.check import WrittenPattern, check_open, open_layout
from dfbdesign.layout.chip_file import FRAME_MARK_SIZE, Array, Chip, chip_tables, load_chip
from dfbdesign.layout.drawn import (
    DrawnCell,
    DrawnDevice,
    Numbers,
    Shared,
    all_planned,
    dose_numbers,
    draw_cells,
    draw_device,
)
from dfbdesign.layout.exposure import dose_rows, doses_of, write_doses, write_time
from dfbdesign.layout.library import PERIODIC, caption
from dfbdesign.layout.manifest import (
    Layout,
    PlacedCell,
    PlacedDevice,
    Prediction,
    manifest_rows,
    worst,
    write_manifest,
)
from dfbdesign.layout.marks import (
    FRAME_WIDTH,
    cleave_marks,
    corner_marks,
    frame_lines,
    mark_cell,
    verniers,
)
from dfbdesign.layout.placing import placed
from dfbdesign.layout.preview import preview_panels, write_preview
from dfbdesign.layout.process import Process
from dfbdesign.layout.records import record
from dfbdesign.layout.sheet import write_sheet
from dfbdesign.layout.wafer import packed, wafer_outline
from dfbdesign.units import m, nm, um

Predict = Callable[[Device], Prediction | None]

_TIMESTAMP = datetime(2000, 1, 1)  # the same chip is the same file, whenever it is written


@dataclass(frozen=True)
class _Drawn:
    """A whole chip, before it is written."""

    numbers: Numbers
    devices: list[DrawnDevice]
    cells: list[DrawnCell]
    chip: gdstk.Cell
    marks: tuple[tuple[float, float], ...]
    """Centres of the four marks at the corners of the chip [µm]."""
    top: gdstk.Cell
    dies: tuple[tuple[float, float], ...]


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


def write_layout(chip: Chip, gds_path: str | Path, predict: Predict | None = None) -> Layout:
    """Write a chip as `layout` does.

    Args:
        chip: The chip.
        gds_path: Where to write; the other files stand beside it.
        predict: What a device will do, for the manifest.

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
    drawn = _draw(chip)
    grid = chip.process.grid
    library = gdstk.Library("dfbdesign", unit=um / m, precision=grid / m)
    library.add(drawn.top, *drawn.top.dependencies(True))
    with writing(path) as temporary:
        if path.suffix == ".oas":
            library.write_oas(temporary)
        else:
            library.write_gds(temporary, timestamp=_TIMESTAMP)
        written = _read_back(temporary, chip, drawn)
    devices = tuple(_placed_device(one, chip, written, predict) for one in drawn.devices)
    return _with_files(path, chip, drawn, devices)


def _with_files(path: Path, chip: Chip, drawn: _Drawn, devices: tuple[PlacedDevice, ...]) -> Layout:
    """Write what belongs to a finished GDS."""
    process = chip.process
    cells = tuple(_placed_cell(one) for one in drawn.cells)
    doses = doses_of(drawn.chip, drawn.numbers, process)
    table = dose_rows(doses, process.beam)
    fields = sum(one.fields for one in devices) + _fields_of_cells(drawn.cells, process)
    time = write_time(doses, fields, process.beam) if process.beam is not None else None
    rows = manifest_rows(drawn.numbers, devices, cells, process.proximity is not None)
    manifest = write_manifest(path, process.grid, table, chip_tables(chip), rows, drawn.dies)
    pattern = drawn.devices[0].planned.lines.pattern if drawn.devices else None
    periodic = {one.lines.name for one in drawn.devices}
    periodic |= {one.drawn.name for one in drawn.cells if one.design.kind in PERIODIC}
    panels = preview_panels(drawn.chip, process.layers, periodic, pattern)
    preview = write_preview(path.with_suffix(".svg"), panels)
    dose_table = write_doses(path.with_suffix(".doses.csv"), table)
    found = {
        "fields": fields,
        "dies": len(drawn.dies),
        "global_marks": drawn.marks,
        "captions": {one.name: one.caption.replace("\n", ", ") for one in cells},
        "residual": max((one.dose_residual for one in devices), default=0.0),
        "width_error": max((one.width_error for one in devices), default=0.0),
    }
    sheet = write_sheet(path, chip, rows, table, time, found)
    files = (path, *manifest, preview, dose_table, sheet)
    return Layout(files, devices, cells, worst(devices), doses, time, drawn.dies, panels)


def _draw(chip: Chip) -> _Drawn:
    shared = Shared(mark_cell(chip.process.layers.marks))
    planned = all_planned(chip, shared)
    numbers = dose_numbers(chip, planned)
    rows = [
        [[draw_device(one, chip, numbers, shared) for one in row] for row in array]
        for array in planned
    ]
    extra = []
    if chip.frame.verniers:
        extra.append(verniers("verniers", (chip.process.layers.marks, 0), numbers[1.0]))
    devices, cells, others = placed(chip, rows, draw_cells(chip, numbers, shared), extra)
    cell = gdstk.Cell("chip")
    cell.add(*(gdstk.Reference(one.cell, one.origin) for one in devices))
    cell.add(*(gdstk.Reference(one.cell, one.origin) for one in cells), *others)
    marks, low, high = _surround(cell, chip)
    _need_countable(high, chip.process.grid)
    top, dies = _on_wafer(cell, chip, low, high)
    return _Drawn(numbers, devices, cells, cell, marks, top, dies)


def _surround(
    cell: gdstk.Cell, chip: Chip
) -> tuple[tuple[tuple[float, float], ...], tuple[float, float], tuple[float, float]]:
    """Add marks and frame to a chip; the centres of the marks, and the corners of the chip."""
    frame, layer, grid = chip.frame, chip.process.layers.marks, chip.process.grid
    margin = frame.margin
    content = (to_steps(np.array(cell.bounding_box())[1], grid) * grid).tolist()
    right, top = content[0] + margin, content[1] + margin
    if frame.border is None:
        low, high = (0.0, 0.0), (right, top)
    else:
        around = frame.border + FRAME_WIDTH + FRAME_MARK_SIZE / 2
        low, high = (-around, -around), (right + around, top + around)
        if frame.size is not None:
            high = (low[0] + frame.size[0], low[1] + frame.size[1])
            if high[0] < right + around or high[1] < top + around:
                raise InputError(
                    f"frame size must be at least {right + 2 * around:g} um x "
                    f"{top + 2 * around:g} um for what stands on the chip and its border, got "
                    f"{frame.size[0]:g} um x {frame.size[1]:g} um. Write a larger size."
                )
            right, top = high[0] - around, high[1] - around
        cell.add(*frame_lines(low, high, layer))
        for x in frame.cleave:
            if not low[0] < x < high[0]:
                raise InputError(
                    f"cleave line at {x:g} um is not on the chip, which reaches from {low[0]:g} um "
                    f"to {high[0]:g} um. Write a place in between."
                )
            cell.add(*cleave_marks(x, low, high, layer))
    inner = (margin, margin), (right - margin, top - margin)
    cell.add(*corner_marks(*inner, margin, FRAME_MARK_SIZE, layer))
    return ((0.0, 0.0), (right, 0.0), (0.0, top), (right, top)), low, high


def _need_countable(high: tuple[float, float], grid: float) -> None:
    span = max(high) + FRAME_MARK_SIZE
    if span / grid > MOST_STEPS:
        raise InputError(
            f"the chip is {span:g} um wide, more than GDS can count in steps of "
            f"{grid / nm:g} nm. Choose a coarser grid or a smaller chip."
        )


def _on_wafer(
    cell: gdstk.Cell, chip: Chip, low: tuple[float, float], high: tuple[float, float]
) -> tuple[gdstk.Cell, tuple[tuple[float, float], ...]]:
    """The cell that holds everything, and the origin of every chip on the wafer."""
    if chip.wafer is None:
        return cell, ()
    corners = packed(chip.wafer, (high[0] - low[0], high[1] - low[1]))
    grid = chip.process.grid
    origins = tuple((float(x), float(y)) for x, y in to_steps(corners - np.array(low), grid) * grid)
    top = gdstk.Cell("wafer")
    top.add(*(gdstk.Reference(cell, origin) for origin in origins))
    top.add(wafer_outline(chip.wafer, chip.process.layers.outline))
    return top, origins


def _read_back(path: Path, chip: Chip, drawn: _Drawn) -> dict[str, WrittenPattern]:
    """What the file holds, one distinct grating after the other."""
    gratings: dict[tuple[tuple[int, int], ...], dict[str, Device]] = {}
    for one in drawn.devices:
        used = tuple(sorted({drawn.numbers[dose] for dose in one.planned.doses}))
        gratings.setdefault(used, {})[one.lines.name] = one.planned.device
    file = open_layout(path)
    found: dict[str, WrittenPattern] = {}
    for numbers, devices in gratings.items():
        found |= check_open(file, numbers, chip.process.grid, devices, chip.process.bias)
    return found


def _placed_device(
    one: DrawnDevice, chip: Chip, written: dict[str, WrittenPattern], predict: Predict | None
) -> PlacedDevice:
    planned, field = one.planned, chip.process.field
    plan, doses = planned.lines.plan, planned.doses
    slips = 0.0 if plan is None or field is None else plan.period_error(field.stitching)
    return PlacedDevice(
        name=planned.name,
        cell=one.lines.name,
        device=planned.device,
        dose=planned.dose,
        position=one.centre(),
        written=written[one.lines.name],
        fields=1 if plan is None else (len(plan.edges) + 1) * plan.rows,
        stitching_error=slips,
        field_periods=planned.device.need_grating().periods if plan is None else plan.periods,
        doses=(min(doses), max(doses)),
        dose_residual=planned.lines.residual,
        width_error=planned.lines.width_error,
        prediction=None if predict is None else predict(planned.device),
    )


def _placed_cell(one: DrawnCell) -> PlacedCell:
    table: dict[str, Any] = record(one.drawn)
    return PlacedCell(one.name, one.drawn.name, table, caption(one.design), one.dose, one.origin)


def _fields_of_cells(cells: list[DrawnCell], process: Process) -> int:
    """Write fields that the other cells take."""
    if process.field is None:
        return len(cells)
    sizes = [np.ptp(np.array(one.drawn.bounding_box()), axis=0) for one in cells]
    return sum(ceil(x / process.field.size) * ceil(y / process.field.size) for x, y in sizes)
