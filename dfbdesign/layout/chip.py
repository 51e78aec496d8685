"""From a chip file to a GDS file: arrays of devices, checked through a second reader.

A chip file names device files and the values their axes run over. Columns of an array run over the
period, rows over duty and length, so that on the chip the wavelength grows from left to right.
Devices are named by array and number, in reading order from the top left: `A01`, `A02`, ... The
origin of the chip is the centre of its lower left mark, so that the positions in the manifest are
the way to go from that mark.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, product
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any, Self

import gdstk
import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from dfbdesign.checks import within
from dfbdesign.device import Device, Length, Part, changed, explain, load_device
from dfbdesign.errors import InputError
from dfbdesign.files import read_toml, writing
from dfbdesign.layout.cells import (
    MOST_STEPS,
    LinePattern,
    corner_marks,
    device_cell,
    exposed_lines,
    line_pattern,
    to_steps,
)
from dfbdesign.layout.check import check_written
from dfbdesign.layout.manifest import Layout, PlacedDevice, worst, write_manifest
from dfbdesign.layout.preview import write_preview
from dfbdesign.units import m, nm, um

FRAME_MARK_SIZE = 100 * um
"""Tip to tip of the crosses at the corners of the chip."""
_TIMESTAMP = datetime(2000, 1, 1)  # the same chip is the same file, whenever it is written

LayerNumber = Annotated[int, Field(ge=0, le=32767)]


class Layers(Part):
    """GDS layer numbers."""

    lines: LayerNumber = 1
    label: LayerNumber = 2
    marks: LayerNumber = 3


class Process(Part):
    """What the e-beam tool asks for; the resist is positive, so what is drawn becomes lines."""

    grid: Length = 1 * nm
    """Step of the machine, and database unit of the file."""
    layers: Layers = Layers()

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("grid (in nm)", self.grid / nm, 0.05, 100, 'Write grid = "1 nm".')
        return self


class Frame(Part):
    """What surrounds the devices."""

    margin: Length = 100 * um
    """From the devices to the marks of the chip, and between arrays."""
    label_height: Length = 40 * um
    """Height of the letters."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("margin (in um)", self.margin, FRAME_MARK_SIZE / 2, 10000)
        within("label_height (in um)", self.label_height, 1, 1000)
        return self


def _device(value: Any, info: Any) -> Any:
    if not isinstance(value, str):
        return value
    folder = info.context["folder"] if info.context else Path()
    return load_device(folder / value)


class Array(Part):
    """One device and the values its axes run over; an empty axis keeps the device's own value."""

    device: Annotated[Device, BeforeValidator(_device)]
    """A device, or the path of its file beside the chip file."""
    period: tuple[Length, ...] = ()
    """Periods of the columns, from left to right."""
    duty: tuple[float, ...] = ()
    """Duties of the rows, from the top."""
    length: tuple[Length, ...] = ()
    """Grating lengths of the rows; every duty is repeated at every length."""
    spacing: tuple[Length, Length] | None = None
    """From one device to the next along x and y; `None` for the frame's margin between them."""

    def rows(self) -> list[list[Device]]:
        """The devices, row by row from the top, each row from left to right.

        Returns:
            The devices.

        Raises:
            InputError: If an axis holds a value that the device does not allow.
        """
        grating = self.device.need_grating()
        duties = self.duty or (exposed_lines(self.device)[1].duty,)
        return [
            [self._one(period, duty, length) for period in self.period or (grating.period,)]
            for duty, length in product(duties, self.length or (grating.length,))
        ]

    def _one(self, period: float, duty: float, length: float | None) -> Device:
        changes = {
            "grating.period": period,
            "grating.length": length,
            f"layers.{exposed_lines(self.device)[0]}.lines.duty": duty,
        }
        return changed(self.device, changes)


class Chip(Part):
    """A whole chip."""

    process: Process = Process()
    frame: Frame = Frame()
    array: tuple[Array, ...] = Field(min_length=1, max_length=len(ascii_uppercase))


def load_chip(path: str | Path) -> Chip:
    """Read a chip file.

    Args:
        path: A TOML file; device files are looked for beside it.

    Returns:
        The checked chip.

    Raises:
        InputError: If this file or a device file cannot be read, or anything in it is wrong.
    """
    path = Path(path)
    try:
        return Chip.model_validate(read_toml(path), context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


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
    if path.suffix != ".gds":
        raise InputError(f'the layout must be a file that ends in ".gds", got "{path.name}".')
    grid = chip.process.grid
    drawn = _place(chip)
    top = _chip_cell(chip, drawn)
    library = gdstk.Library("dfbdesign", unit=um / m, precision=grid / m)
    library.add(top, *top.dependencies(True))
    with writing(path) as temporary:
        library.write_gds(temporary, timestamp=_TIMESTAMP)
        gratings = {f"{one.cell.name}_grating": one.device for one in drawn}
        written = check_written(temporary, chip.process.layers.lines, grid, gratings)
    devices = tuple(
        PlacedDevice(one.cell.name, one.device, one.centre(), pattern)
        for one, pattern in zip(drawn, written.values(), strict=True)
    )
    manifest = write_manifest(path, grid, devices)
    preview = write_preview(path.with_suffix(".svg"), top, drawn[0].pattern)
    return Layout((path, *manifest, preview), devices, worst(devices))


@dataclass(frozen=True)
class _Drawn:
    device: Device
    pattern: LinePattern
    cell: gdstk.Cell
    origin: tuple[float, float] = (0.0, 0.0)

    def centre(self) -> tuple[float, float]:
        left, right = self.pattern.extent
        height = self.pattern.length * self.pattern.grid
        return self.origin[0] + (left + right) / 2, self.origin[1] + height / 2


def _draw(name: str, device: Device, chip: Chip) -> _Drawn:
    try:
        pattern = line_pattern(device, chip.process.grid)
    except InputError as error:
        raise InputError(f"device {name}: {error}") from error
    period = device.need_grating().period
    text = f"{name}\n{period / nm:.8g} nm\nduty {exposed_lines(device)[1].duty:.4g}"
    layers = chip.process.layers
    numbers = (layers.lines, layers.label, layers.marks)
    return _Drawn(
        device, pattern, device_cell(name, pattern, text, chip.frame.label_height, numbers)
    )


def _place(chip: Chip) -> list[_Drawn]:
    """All devices; arrays stand below each other, with the lower left chip mark at (0, 0)."""
    margin = chip.frame.margin
    placed = []
    top = 0.0
    for letter, array in zip(ascii_uppercase, chip.array, strict=False):
        rows = _rows(letter, array, chip)
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


def _rows(letter: str, array: Array, chip: Chip) -> list[list[_Drawn]]:
    try:
        devices = array.rows()
    except InputError as error:
        raise InputError(f"array {letter}: {error}") from error
    number = count(1)
    return [[_draw(f"{letter}{next(number):02d}", one, chip) for one in row] for row in devices]


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
