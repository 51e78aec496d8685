"""From designs to cells: devices with lines, label and marks, and whatever else stands on a chip.

Devices with the same lines and dose share the cell of these lines, equal letters share theirs.
Doses are known before anything is drawn: those of the ladders, times the proximity correction of
every line. Each dose of the chip has a layer and datatype of its own.
"""

from dataclasses import dataclass, field
from itertools import count, cycle
from string import ascii_uppercase
from typing import Any

import gdstk
import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.layout.cells import LinePattern, exposed_lines, grating_cell, line_pattern
from dfbdesign.layout.chip_file import Array, Chip
from dfbdesign.layout.fields import FieldPlan, field_outlines, field_plan, need_whole_steps
from dfbdesign.layout.library import Design, caption, dose_of, draw
from dfbdesign.layout.marks import device_cell, label
from dfbdesign.layout.process import Process
from dfbdesign.layout.proximity import corrected, developed_widths
from dfbdesign.layout.records import Pen
from dfbdesign.units import nm, um

Numbers = dict[float, tuple[int, int]]
"""GDS layer and datatype of what is exposed, by dose factor."""

_DOSE_DIGITS = 6
_CELL_LABEL_DISTANCE = 20 * um  # below a cell, which has no crosses


@dataclass(frozen=True)
class PlannedLines:
    """The lines of a grating with all that depends on them, but not yet their cell."""

    pattern: LinePattern
    plan: FieldPlan | None
    doses: NDArray[np.float64]
    """Factor of the dose for each line, or one for all, shape (line,) or (1,)."""
    residual: float
    """Largest error of the energy at the edge of a line, over the threshold; 0 if not corrected."""
    width_error: float
    """Largest error of a simulated developed width [µm]; 0 if not corrected."""


@dataclass(frozen=True)
class Planned:
    """A device before it is drawn."""

    name: str
    device: Device
    dose: float
    """Factor of the base dose that its ladder asks for."""
    lines: PlannedLines
    doses: tuple[float, ...]
    """Dose factor for each line, or one for all."""


@dataclass(frozen=True)
class DrawnDevice:
    """A device on the chip."""

    planned: Planned
    lines: gdstk.Cell
    cell: gdstk.Cell
    origin: tuple[float, float] = (0.0, 0.0)

    def centre(self) -> tuple[float, float]:
        """Centre of its grating [µm]."""
        pattern = self.planned.lines.pattern
        left, right = pattern.extent
        height = pattern.length * pattern.grid
        return self.origin[0] + (left + right) / 2, self.origin[1] + height / 2


@dataclass(frozen=True)
class DrawnCell:
    """Any other cell on the chip, with its label."""

    name: str
    design: Design
    dose: float
    drawn: gdstk.Cell
    cell: gdstk.Cell
    origin: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Shared:
    """What more than one device refers to, by what it shows."""

    mark: gdstk.Cell
    planned: dict[tuple[Any, ...], PlannedLines] = field(default_factory=dict)
    lines: dict[tuple[Any, ...], gdstk.Cell] = field(default_factory=dict)
    glyphs: dict[str, gdstk.Cell] = field(default_factory=dict)


def planned_rows(
    letter: str, array: Array, process: Process, shared: Shared
) -> list[list[Planned]]:
    """The devices of an array, before they are drawn.

    Args:
        letter: Name of the array.
        array: The array.
        process: How it will be written.
        shared: Lines that are known already; new ones are added.

    Returns:
        Row by row from the top, each from left to right.

    Raises:
        InputError: If a device cannot be drawn; names it.
    """
    try:
        devices = array.rows()
    except InputError as error:
        raise InputError(f"array {letter}: {error}") from error
    number = count(1)
    rows: list[list[Planned]] = []
    for row in devices:
        rows.append([])
        for device, dose in zip(row, cycle(array.dose or (1.0,)), strict=False):
            name = f"{letter}{next(number):02d}"
            try:
                lines = _lines(device, process, shared)
            except InputError as error:
                raise InputError(f"device {name}: {error}") from error
            doses = tuple(round(dose * one, _DOSE_DIGITS) for one in lines.doses.tolist())
            rows[-1].append(Planned(name, device, dose, lines, doses))
    return rows


def _key(device: Device) -> tuple[Any, ...]:
    one, duty = device.need_grating(), exposed_lines(device)[1].duty
    changes = one.phase_shifts, one.slips, one.chirp, one.apodisation
    return one.period, one.length, one.width, *changes, duty


def _lines(device: Device, process: Process, shared: Shared) -> PlannedLines:
    key = _key(device)
    if key not in shared.planned:
        pattern = line_pattern(device, process.grid, process.bias, process.dither)
        if process.dither == "off":
            need_whole_steps(pattern, device.need_grating().chirp)
        plan = field_plan(pattern, process.field.size) if process.field else None
        doses, residual, width_error = np.ones(1), 0.0, 0.0
        if process.proximity is not None:
            boxes, spread = _rectangles(pattern), process.point_spread()
            found = corrected(boxes, spread, process.proximity.step)
            doses, residual = found.doses, found.residual
            opened = developed_widths(boxes, doses, spread)
            width_error = float(np.abs(opened - pattern.widths * pattern.grid).max())
        shared.planned[key] = PlannedLines(pattern, plan, doses, residual, width_error)
    return shared.planned[key]


def _rectangles(pattern: LinePattern) -> NDArray[np.float64]:
    left = pattern.left * pattern.grid
    right = pattern.right * pattern.grid
    top = np.full_like(left, pattern.length * pattern.grid)
    return np.stack([left, np.zeros_like(left), right, top], axis=1)


def draw_device(planned: Planned, chip: Chip, numbers: Numbers, shared: Shared) -> DrawnDevice:
    """Draw one device.

    Args:
        planned: The device.
        chip: The chip it stands on.
        numbers: GDS layer and datatype by dose.
        shared: Cells that are drawn already; new ones are added.

    Returns:
        The device with its origin where its grating starts.
    """
    process, layers = chip.process, chip.process.layers
    device, dose, pattern = planned.device, planned.dose, planned.lines.pattern
    key = (*_key(device), dose)
    if key not in shared.lines:
        of_line = [numbers[one] for one in planned.doses]
        shared.lines[key] = grating_cell(f"{planned.name}_grating", pattern, of_line)
    text = f"{planned.name}\n{_said(device)}"
    if any(array.dose for array in chip.array):
        text += f"\ndose {dose:.4g}"
    letters = label(text, chip.frame.label_height, layers.label, shared.glyphs)
    corner = pattern.extent[1], pattern.length * pattern.grid
    lines = shared.lines[key]
    cell = device_cell(planned.name, lines, corner, letters, shared.mark)
    if planned.lines.plan is not None and process.field is not None:
        size = process.field.size
        cell.add(*field_outlines(pattern, planned.lines.plan, size, layers.fields))
    return DrawnDevice(planned, lines, cell)


def _said(device: Device) -> str:
    """What a label says about a device."""
    grating = device.need_grating()
    given = grating.apodisation
    duties = given.duty if given is not None else (exposed_lines(device)[1].duty,)
    words = [
        f"{grating.period / nm:.8g} nm",
        "duty " + " to ".join(f"{duty:.4g}" for duty in sorted({min(duties), max(duties)})),
    ]
    if grating.chirp:
        words.append(f"chirp {grating.chirp / nm:.4g} nm")
    return "\n".join(words)


def cell_doses(chip: Chip) -> list[float]:
    """Dose factor of every cell that is no device.

    Args:
        chip: The chip.

    Returns:
        1 without proximity correction, else what opens each as wide as it is drawn.
    """
    if chip.process.proximity is None:
        return [1.0] * len(chip.cell)
    spread, ladder = chip.process.point_spread(), np.log1p(chip.process.proximity.step)
    exact = np.array([dose_of(design, spread) for design in chip.cell])
    rungs = np.exp(np.round(np.log(exact) / ladder) * ladder) if len(exact) else exact
    return [round(float(dose), _DOSE_DIGITS) for dose in rungs]


def draw_cells(chip: Chip, numbers: Numbers, shared: Shared) -> list[DrawnCell]:
    """Draw all cells that are no devices.

    Args:
        chip: The chip.
        numbers: GDS layer and datatype by dose.
        shared: Letters that are drawn already; new ones are added.

    Returns:
        The cells with their labels below them.

    Raises:
        InputError: If a cell cannot be drawn; names it.
    """
    found = []
    process = chip.process
    for number, (design, dose) in enumerate(zip(chip.cell, cell_doses(chip), strict=True), start=1):
        name = f"c{number:02d}"
        pen = Pen(process.grid, numbers[dose], process.layers.marks, process.bias)
        try:
            drawn = draw(design, f"{name}_{design.kind}", pen)
        except InputError as error:
            raise InputError(f"cell {number} ({design.kind}): {error}") from error
        (left, bottom), _ = np.array(drawn.bounding_box())
        corner = pen.snapped(left), pen.snapped(bottom - _CELL_LABEL_DISTANCE)
        text = f"{name}\n{caption(design)}"
        letters = label(text, chip.frame.label_height, process.layers.label, shared.glyphs, corner)
        cell = gdstk.Cell(name).add(gdstk.Reference(drawn), *letters)
        found.append(DrawnCell(name, design, dose, drawn, cell))
    return found


def all_planned(chip: Chip, shared: Shared) -> list[list[list[Planned]]]:
    """All devices of a chip before they are drawn.

    Args:
        chip: The chip.
        shared: What they have in common; filled.

    Returns:
        By array, row and column.

    Raises:
        InputError: If a device cannot be drawn.
    """
    return [
        planned_rows(letter, array, chip.process, shared)
        for letter, array in zip(ascii_uppercase, chip.array, strict=False)
    ]


def dose_numbers(chip: Chip, planned: list[list[list[Planned]]]) -> Numbers:
    """GDS layer and datatype of every dose on a chip.

    Args:
        chip: The chip.
        planned: Its devices.

    Returns:
        By dose factor, from the lowest.

    Raises:
        InputError: If doses by layer run into a layer that is taken.
    """
    doses = {*cell_doses(chip)}
    seen: set[tuple[int, float]] = set()
    for one in (one for rows in planned for row in rows for one in row):
        if (id(one.lines), one.dose) not in seen:
            seen.add((id(one.lines), one.dose))
            doses.update(one.doses)
    if chip.frame.verniers:
        doses.add(1.0)
    return chip.process.numbers(sorted(doses))
